import type { ArtifactRule, JoinRule, ParamRule } from '../artifacts/index.ts';
import type { LogFormat, LogLevel } from '../log-levels.ts';
import type { Shard } from '../model/index.ts';
import type { FoldRules, Replaced, RouteRule } from '../route/index.ts';
import type { LinkRule } from '../untrusted/index.ts';
import type { WrittenSetting } from './written-setting.ts';

/**
 * The options of every command, after flags, environment and file are read. Paths stay as written; relative ones are
 * relative to the working directory.
 */
export interface Config {
  /** The configuration file that was read; undefined if there is none. */
  readonly file: string | undefined;
  /** True if the file sets anything; false also without a file. */
  readonly hasSettings: boolean;
  /** The profile of the file in use; undefined if there is none. */
  readonly profile: string | undefined;
  /** A name that lanes with projects or experiments share. Default: none. */
  readonly project?: string;
  /** The log directories. Default: none. */
  readonly roots: readonly Root[];
  /**
   * The rules that select the runs to mirror: the file's for all roots and for single roots, and the command line's.
   * Default: all.
   */
  readonly rules: ConfiguredRunRules;
  /**
   * The rule for a run that appears elsewhere: it continues as the same run, or is mirrored as a new one. Default:
   * `follow`.
   */
  readonly moved: Moved;
  /**
   * The rule for links below roots without a rule of their own, or below all roots if a flag or a variable sets it.
   * Default: `owner`.
   */
  readonly links: LinkRule;
  /**
   * The rule for a run when one of its files holds other content; roots, flags and variables set it as they set
   * `links`. Default: `new_run`.
   */
  readonly replaced: Replaced;
  /** The time between two scans of a root, in milliseconds. Default: 60,000. */
  readonly scanIntervalMs: number;
  /**
   * The time without growth after which a run has ended, for roots without a time of their own. Default: 30 minutes.
   */
  readonly runEndedAfterMs: number;
  /** The longest time that a command may take to end after a signal, in milliseconds. Default: 25,000. */
  readonly shutdownGraceMs: number;
  /**
   * The event that makes `watch` read the configuration again, apart from SIGHUP. Default: `file`, when the file
   * changes.
   */
  readonly reload: Reload;
  readonly lanes: Lanes;
  /** The local store that commands read and write: the local lane's, or the place where it would be. */
  readonly store: LocalLane;
  /** The tags of every tracker run. Default: none. */
  readonly tags: Readonly<Record<string, string>>;
  /** The templates for all lanes that have none of their own, see `expandTemplate`. */
  readonly runs: { readonly experiment: string | undefined; readonly name: string | undefined; readonly parent: string | undefined };
  /** The names of all profiles. */
  readonly profiles: readonly string[];
  /** The file's settings of profiles, and of lanes that are not used. */
  readonly written: readonly WrittenSetting[];
  /** The lanes that have settings and are not used. */
  readonly unusedLanes: readonly string[];
  /** The routes, which select what each lane gets, in their order. Default: all lanes get everything. */
  readonly routes: readonly RouteRule[];
  /** The directories that are part of the run above them, in every tracker. Default: none. */
  readonly fold: FoldRules;
  /** The files next to the event files whose values are params. Default: none. */
  readonly params: readonly ParamRule[];
  /** The files next to the event files that are stored with a run. Default: none. */
  readonly artifacts: readonly ArtifactRule[];
  /** The state file of services. Default: `./mirrorboard.state`. */
  readonly state: { readonly path: string };
  /** The rights that our own files do not get, as a umask. Default: 0o077, files for their owner only. */
  readonly umask: number;
  /**
   * The memory limit, in bytes. Default: undefined, which is the limit of the cgroup, or half of the machine's
   * memory.
   */
  readonly memory: number | undefined;
  readonly log: {
    /** Default: the command's own, see `Surroundings.defaultLogLevel`. */
    readonly level: LogLevel;
    /** Default: undefined, which is `pretty` on a terminal and `json` elsewhere. */
    readonly format: LogFormat | undefined;
  };
  /**
   * The source of each value, by its path in the file (`lanes.local.path`). `config` is the source of the chosen
   * file, `lanes` that of the chosen lanes.
   */
  readonly sources: ReadonlyMap<string, ValueSource>;
  /**
   * The exact location of each value, by the same paths: `--store`, `MIRRORBOARD_STORE`, `mirrorboard.yaml:3:11`;
   * defaults have none.
   */
  readonly locations: ReadonlyMap<string, string>;
  /** The locations whose values must not be shown, because they contain a secret. */
  readonly hiddenLocations: ReadonlySet<string>;
  /** The notes for an operator about how the configuration was read, a sentence each. */
  readonly notices: readonly string[];
  /** The variables that look like ours and have no effect, a sentence each. */
  readonly unknownVariables: readonly string[];
}

/** The lanes to mirror into: the listed ones, or only `local` if none are listed. */
export interface Lanes {
  /** The local lane; undefined if it is not listed. */
  readonly local?: LocalLane;
  readonly trackers: readonly TrackerLaneConfig[];
}

/** The origin of a setting of a lane. */
export interface SettingOrigin {
  /**
   * The keys from the top of the file: `profiles`, `p`, `mlflow`, `tracking_uri`. For a variable, the keys of its
   * lane.
   */
  readonly path: readonly (string | number)[];
  /** A location in the file, or the name of a variable. */
  readonly location: string;
  /**
   * The layer. 0: the top of the file, 1: the profile, 2: a variable of ours (`MIRRORBOARD_MLFLOW_TRACKING_URI`),
   * which wins over the tracker's own variables.
   */
  readonly rank: 0 | 1 | 2;
}

/** A tracker's lane before its type has checked it: `resolveLanes` does that. */
export interface TrackerLaneConfig {
  readonly name: string;
  /** A built-in type, or the name or path of a package. */
  readonly type: string;
  /**
   * The settings of the type, with variables filled in, without the settings that every lane has (type, tags,
   * templates).
   */
  readonly section: Readonly<Record<string, unknown>>;
  /** The origin of each setting of `section`. */
  readonly origins: ReadonlyMap<string, SettingOrigin>;
  /** The settings of `section` that must not be shown, because of the variables they come from. */
  readonly hidden: ReadonlySet<string>;
  /** The tags of every tracker run: the shared ones, and the lane's own, which win. */
  readonly tags: Readonly<Record<string, string>>;
  /** The template of the run's name, see `expandTemplate`. Default: `{path}`. */
  readonly runName: string;
  /** The template of the parent run; undefined: none. */
  readonly parent: string | undefined;
  /** The rules that find the tracker's own id of a run that another program opened. */
  readonly joins: readonly JoinRule[];
  /**
   * The template for the experiment or project, if `section` does not name it in the tracker's own words. Default:
   * `{project}` if there is one.
   */
  readonly group: string | undefined;
}

/** The lane of the local store. */
export interface LocalLane {
  /** The SQLite file. Default: `./mirrorboard.db`. */
  readonly path: string;
  /** The media folder. Default: next to the store, with `.media` instead of `.db`. */
  readonly mediaPath: string;
}

/** A log directory as the user named it. */
export interface Root {
  readonly path: string;
  /** The name of the root. Default: the last part of the path. */
  readonly name?: string;
  /** The rule for links below the root. Default: the rule for all roots. */
  readonly links?: LinkRule;
  /** The rule for its runs when a file holds other content. Default: the rule for all roots. */
  readonly replaced?: Replaced;
  /**
   * The time without growth after which one of its runs has ended, in milliseconds. Default: the time for all roots.
   */
  readonly runEndedAfterMs?: number;
  /** Globs of the runs to mirror, in place of those of all roots. */
  readonly include?: readonly string[];
  /** Globs of runs to exclude, in addition to those of all roots. */
  readonly exclude?: readonly string[];
  /** Globs of files and directories to ignore, in addition to those of all roots. */
  readonly ignore?: readonly string[];
}

/** The rules that select the runs to mirror. */
export interface ConfiguredRunRules {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Globs of files and directories to ignore. Default: only the names of unfinished transfers. */
  readonly ignore: readonly string[];
  /** The roots of the file, for their own rules. */
  readonly roots: readonly Root[];
  /** The shard whose runs are mirrored. Default: all. */
  readonly shard?: ShardRule | undefined;
}

/** The rule that assigns runs to a shard. */
export interface ShardRule extends Shard, UnitRule {}

/** The rule that groups runs which one process mirrors together: all that can share a tracker run, or a study. */
export interface UnitRule {
  /** The directories that are part of the run above them. */
  readonly fold: FoldRules;
  /** The template of the parent run, if the lanes nest runs. */
  readonly parent?: string | undefined;
  /** The project, for the template. */
  readonly project?: string | undefined;
}

/** The values of `moved`, for a run that appears elsewhere. */
export const MOVED = ['follow', 'new'] as const;
/** `follow`: it stays the same run. `new`: it is mirrored as another run. */
export type Moved = (typeof MOVED)[number];

/** The values of `reload`: when a service reads its configuration again. */
export const RELOADS = ['file', 'signal'] as const;
/** `file`: when the file changes, and on SIGHUP. `signal`: only on SIGHUP. */
export type Reload = (typeof RELOADS)[number];

/** The source of a value. */
export type ValueSource = 'flag' | 'environment' | 'file' | 'default';

export { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../log-levels.ts';

/** The values that a command line can set; undefined if it does not. */
export interface Flags {
  /** `--config FILE`. */
  readonly config?: string | undefined;
  /** `--profile NAME`. */
  readonly profile?: string | undefined;
  /** `--to LANE`: only these lanes. An empty list if none is given. */
  readonly lanes?: readonly string[] | undefined;
  /** `--store FILE`: the local lane's path. */
  readonly store?: string | undefined;
  /** `--state FILE`. */
  readonly state?: string | undefined;
  /** `--links RULE`. */
  readonly links?: string | undefined;
  /** `--replaced RULE`. */
  readonly replaced?: string | undefined;
  /** `--shard I/N`. */
  readonly shard?: string | undefined;
  /** `--scan-interval TIME`. */
  readonly scanInterval?: string | undefined;
  /** `--run-ended-after TIME`. */
  readonly runEndedAfter?: string | undefined;
  /** `--shutdown-grace TIME`. */
  readonly shutdownGrace?: string | undefined;
  /** `--memory SIZE`. */
  readonly memory?: string | undefined;
  /** `--log-level LEVEL`. */
  readonly logLevel?: string | undefined;
  /** `--log-format FORMAT`. */
  readonly logFormat?: string | undefined;
  /** `--include GLOB`, `--exclude GLOB`. An empty list if none is given. */
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /**
   * The roots of the command line, see `parseRoot`: they replace those of the file. An empty list if none is given.
   */
  readonly roots?: readonly Root[] | undefined;
}

/** Returns the default folder of a store's media. */
export function defaultMediaPath(storePath: string): string {
  return storePath.endsWith('.db') ? `${storePath.slice(0, -3)}.media` : `${storePath}.media`;
}
