/** How a kind of tracker is made from a section of the configuration. */
import type { Clock } from '../clock.ts';
import type { Environment } from '../environment.ts';
import type { Random } from '../random.ts';
import type { Backend } from './backend.ts';
import type { FoundTrackerRun, RunSource, Whose } from './run.ts';

/** What a backend is made with. */
export interface BackendContext {
  /** The lane's name. */
  readonly lane: string;
  /** Environment variables, for settings that the tracker's own tools read from there. */
  readonly env: Environment;
  /** Reports what an operator should know, once. */
  readonly warn: (message: string, facts?: Readonly<Record<string, string | number>>) => void;
  /**
   * Whether a tracker run that was found by a run's key is this run's: one rule for all backends, see
   * docs/adding-a-backend.md.
   */
  readonly whoseRun: (found: FoundTrackerRun, source: RunSource, signal: AbortSignal) => Promise<Whose>;
  /** The time and its timers. Default: the system's. */
  readonly clock?: Clock;
  /** Chance. Default: the system's. */
  readonly random?: Random;
}

/** What can be known of a setting without reading its value. */
export interface SettingField {
  /** Other names of the same setting. */
  readonly aliases?: readonly string[];
  /** The tracker's own variables: the first that is set counts, before the section. */
  readonly env?: readonly string[];
  /** Settings that say the same in another way: a section must not have both. */
  readonly excludes?: readonly string[];
  /** What else the backend keeps of it. */
  readonly [own: string]: unknown;
}

/** A kind of tracker: what `lanes.NAME.type` names, built in or in a package. */
export interface BackendType<Settings = unknown> {
  readonly type: string;
  /**
   * Its settings by name. Layers of a configuration are merged by them: a variable of ours replaces a setting under
   * any of its names. Default: every setting has one name and no variable of the tracker's own.
   */
  readonly fields?: Readonly<Record<string, SettingField>>;
  /**
   * The settings that choose the experiment or project, if there are any; the first takes a name. Where a lane says
   * none of them, the name that holds for all lanes is filled in. One that differs from run to run is not: it comes
   * as `RunSource.group`, and the setting stays away.
   */
  readonly groupKeys?: readonly string[];
  /**
   * Checks a lane's section of the configuration, variables put in, and fills it up from the tracker's own variables.
   * What is wrong is a list of problems, the path relative to the section. Called once for a lane: it may open files.
   */
  parse(section: Readonly<Record<string, unknown>>, env: Environment): ParsedSettings<Settings>;
  /** Where it leads, without secrets: another target begins at 0. */
  target(settings: Settings): string;
  create(settings: Settings, context: BackendContext): Promise<Backend>;
  /** Switched off by its own settings: the lane is left out, which is reported and no failure. Default: never. */
  isOff?(settings: Settings): boolean;
  /** What is kept here and waits for a person to send it on, a command each. Looks at nothing but this machine. */
  waiting?(settings: Settings): readonly string[];
}

/** A section that was read: its settings, or every problem that was found. */
export type ParsedSettings<Settings> =
  | {
      readonly kind: 'settings';
      readonly settings: Settings;
      /**
       * For `config show`: each setting as it may be shown, and where it came from (a variable's name, `file` or
       * `default`).
       */
      readonly shown: readonly { readonly key: string; readonly value: unknown; readonly source: string }[];
    }
  | { readonly kind: 'problems'; readonly problems: readonly SettingProblem[] };

/** What is wrong with a setting. */
export interface SettingProblem {
  readonly path: readonly (string | number)[];
  /** What was found and what was expected; never a secret. */
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
  /** Another machine may not have it: a file is missing here. */
  readonly isLocal?: true;
}
