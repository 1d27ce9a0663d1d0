import type { ArtifactRule, JoinRule, ParamRule } from '../artifacts/index.ts';
import type { LogFormat, LogLevel } from '../log-levels.ts';
import type { Shard } from '../model/index.ts';
import type { FoldRules, Replaced, RouteRule } from '../route/index.ts';
import type { LinkRule } from '../untrusted/index.ts';
import type { WrittenSetting } from './written-setting.ts';

/**
 * What every command knows once flags, environment and file are read. Paths stay as they were written; relative ones
 * are relative to the working directory.
 */
export interface Config {
  /** The configuration file that was read; undefined if there is none. */
  readonly file: string | undefined;
  /** True if the file sets anything; false also without a file. */
  readonly hasSettings: boolean;
  /** The profile of the file that holds; undefined if none does. */
  readonly profile: string | undefined;
  /** A name that lanes with projects or experiments share. Default: none. */
  readonly project?: string;
  /** The log directories. Default: none. */
  readonly roots: readonly Root[];
  /** Which runs are mirrored: what the file says of all roots and of some, and the command line. Default: all. */
  readonly rules: ConfiguredRunRules;
  /**
   * What becomes of a run that turns up elsewhere: it continues as what it was, or is mirrored as a new one. Default:
   * `follow`.
   */
  readonly moved: Moved;
  /**
   * Which links below roots are followed that say nothing of their own, or below all where a flag or a variable says
   * so. Default: `owner`.
   */
  readonly links: LinkRule;
  /**
   * What becomes of a run when a file of it holds other content: the same for roots, flag and variable. Default:
   * `new_run`.
   */
  readonly replaced: Replaced;
  /** Between two scans of a root, in milliseconds. Default: 60,000. */
  readonly scanIntervalMs: number;
  /** A run that did not grow for so long has ended, of roots that say nothing of their own. Default: 30 minutes. */
  readonly runEndedAfterMs: number;
  /** So long a command may take to end once a signal asked for it, in milliseconds. Default: 25,000. */
  readonly shutdownGraceMs: number;
  /** When `watch` reads the configuration again, apart from SIGHUP. Default: `file`, when the file changes. */
  readonly reload: Reload;
  readonly lanes: Lanes;
  /** The local store that is read and written: that of the local lane, or where it would be. */
  readonly store: LocalLane;
  /** Tags of every tracker run. Default: none. */
  readonly tags: Readonly<Record<string, string>>;
  /** Templates that hold for all lanes which say nothing of their own, see `expandTemplate`. */
  readonly runs: { readonly experiment: string | undefined; readonly name: string | undefined; readonly parent: string | undefined };
  /** The names of the profiles there are. */
  readonly profiles: readonly string[];
  /** What the file says of profiles, and of lanes that are not used. */
  readonly written: readonly WrittenSetting[];
  /** Lanes that have settings and are not used. */
  readonly unusedLanes: readonly string[];
  /** Which lanes get what, in their order. Default: all lanes get all. */
  readonly routes: readonly RouteRule[];
  /** Which directories are part of the run above them, in every tracker. Default: none. */
  readonly fold: FoldRules;
  /** Files next to the event files whose values are params. Default: none. */
  readonly params: readonly ParamRule[];
  /** Files next to the event files that are stored with a run. Default: none. */
  readonly artifacts: readonly ArtifactRule[];
  /** The state file of services. Default: `./mirrorboard.state`. */
  readonly state: { readonly path: string };
  /** The rights that our own files do not get, as a umask. Default: 0o077, files for their owner alone. */
  readonly umask: number;
  /**
   * The memory to get along with, in bytes. Default: undefined, which is the limit of the cgroup, or half of the
   * machine's.
   */
  readonly memory: number | undefined;
  readonly log: {
    /** Default: the command's own, see `Surroundings.defaultLogLevel`. */
    readonly level: LogLevel;
    /** Default: undefined, which is `pretty` on a terminal and `json` elsewhere. */
    readonly format: LogFormat | undefined;
  };
  /**
   * The source of each value, by its path in the file (`lanes.local.path`). `config` is the choice of the file,
   * `lanes` that of the lanes.
   */
  readonly sources: ReadonlyMap<string, ValueSource>;
  /**
   * The same to the point, by the same paths: `--store`, `MIRRORBOARD_STORE`, `mirrorboard.yaml:3:11`; of defaults
   * nothing.
   */
  readonly locations: ReadonlyMap<string, string>;
  /** Those of the places whose values are not to be shown: a secret is among them. */
  readonly hiddenLocations: ReadonlySet<string>;
  /** What an operator should be told of how the configuration was read, a sentence each. */
  readonly notices: readonly string[];
  /** Variables that look like ours and say nothing, a sentence each. */
  readonly unknownVariables: readonly string[];
}

/** The lanes to mirror into: those listed, `local` alone where none are. */
export interface Lanes {
  /** Undefined where the local lane is not listed. */
  readonly local?: LocalLane;
  readonly trackers: readonly TrackerLaneConfig[];
}

/** Where a setting of a lane comes from. */
export interface SettingOrigin {
  /**
   * Keys from the top of the file: `profiles`, `p`, `mlflow`, `tracking_uri`; those of its lane where a variable says
   * it.
   */
  readonly path: readonly (string | number)[];
  /** A place in the file, or the name of a variable. */
  readonly location: string;
  /**
   * 0: the top of the file, 1: the profile, 2: a variable of ours (`MIRRORBOARD_MLFLOW_TRACKING_URI`), which wins
   * over the tracker's own variables.
   */
  readonly rank: 0 | 1 | 2;
}

/** A tracker's lane before its type has looked at it: `resolveLanes` does that. */
export interface TrackerLaneConfig {
  readonly name: string;
  /** A built-in type, or the name or path of a package. */
  readonly type: string;
  /** The settings of the type, variables put in; what every lane has (type, tags, templates) is taken out. */
  readonly section: Readonly<Record<string, unknown>>;
  /** Where each of `section` comes from. */
  readonly origins: ReadonlyMap<string, SettingOrigin>;
  /** Those of `section` that are not shown, because of the variables they come from. */
  readonly hidden: ReadonlySet<string>;
  /** Of every tracker run: the shared ones, and the lane's own, which win. */
  readonly tags: Readonly<Record<string, string>>;
  /** A template, see `expandTemplate`. Default: `{path}`. */
  readonly runName: string;
  /** A template of the run above it; undefined: none. */
  readonly parent: string | undefined;
  /** Where to find the tracker's own id of a run that another program opened. */
  readonly joins: readonly JoinRule[];
  /**
   * A template for the experiment or project, where `section` does not say it in the tracker's own words. Default:
   * `{project}` if there is one.
   */
  readonly group: string | undefined;
}

/** The local store's lane. */
export interface LocalLane {
  /** The SQLite file. Default: `./mirrorboard.db`. */
  readonly path: string;
  /** The media folder. Default: next to the store, with `.media` instead of `.db`. */
  readonly mediaPath: string;
}

/** A log directory as it was asked for. */
export interface Root {
  readonly path: string;
  /** Default: the last part of the path. */
  readonly name?: string;
  /** Which links below it are followed. Default: as for all. */
  readonly links?: LinkRule;
  /** What becomes of a run of it when a file holds other content. Default: as for all. */
  readonly replaced?: Replaced;
  /** A run of it that did not grow for so long has ended, in milliseconds. Default: as for all. */
  readonly runEndedAfterMs?: number;
  /** Only runs that match one of these globs, in place of those of all roots. */
  readonly include?: readonly string[];
  /** Exclude runs that match one of these, in addition to those of all roots. */
  readonly exclude?: readonly string[];
  /** Ignore files and directories that match one of these, in addition to those of all roots. */
  readonly ignore?: readonly string[];
}

/** Which runs are mirrored. */
export interface ConfiguredRunRules {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Globs of files and directories to ignore. Default: only the names of unfinished transfers. */
  readonly ignore: readonly string[];
  /** The roots of the file, for what they say themselves. */
  readonly roots: readonly Root[];
  /** Only runs of this shard. Default: all. */
  readonly shard?: ShardRule | undefined;
}

/** Which runs belong to a shard. */
export interface ShardRule extends Shard, UnitRule {}

/** Which runs one process mirrors as a whole: all that can share a tracker run, or a study. */
export interface UnitRule {
  /** Which directories are part of the run above them. */
  readonly fold: FoldRules;
  /** Template of the run above a run, where the lanes nest runs. */
  readonly parent?: string | undefined;
  /** For the template. */
  readonly project?: string | undefined;
}

/** What `moved` can say of a run that turns up elsewhere. */
export const MOVED = ['follow', 'new'] as const;
/** `follow`: it stays the same run. `new`: it is mirrored as another one. */
export type Moved = (typeof MOVED)[number];

/** What `reload` can say of when a service reads its configuration again. */
export const RELOADS = ['file', 'signal'] as const;
/** `file`: when the file changes, and with SIGHUP. `signal`: with SIGHUP alone. */
export type Reload = (typeof RELOADS)[number];

/** Who decided a value. */
export type ValueSource = 'flag' | 'environment' | 'file' | 'default';

export { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../log-levels.ts';

/** What a command line can set; undefined if it does not. */
export interface Flags {
  /** `--config FILE`. */
  readonly config?: string | undefined;
  /** `--profile NAME`. */
  readonly profile?: string | undefined;
  /** `--to LANE`: these lanes and no others. None given is an empty list. */
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
  /** `--include GLOB`, `--exclude GLOB`. None given is an empty list. */
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** The roots of the command line, see `parseRoot`: they replace those of the file. None given is an empty list. */
  readonly roots?: readonly Root[] | undefined;
}

/** Where media of a store lie unless something else is reported. */
export function defaultMediaPath(storePath: string): string {
  return storePath.endsWith('.db') ? `${storePath.slice(0, -3)}.media` : `${storePath}.media`;
}
