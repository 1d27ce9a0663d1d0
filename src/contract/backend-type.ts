/** The types of trackers: mirrorboard makes each one from a section of the configuration. */
import type { Clock } from '../clock.ts';
import type { Environment } from '../environment.ts';
import type { Random } from '../random.ts';
import type { Backend } from './backend.ts';
import type { FoundTrackerRun, RunSource, Whose } from './run.ts';

/** The parts that mirrorboard gives to a backend when it makes it. */
export interface BackendContext {
  /** The lane's name. */
  readonly lane: string;
  /** Environment variables, for settings that the tracker's own tools read from there. */
  readonly env: Environment;
  /** Reports a fact to the operator, once. */
  readonly warn: (message: string, facts?: Readonly<Record<string, string | number>>) => void;
  /**
   * Decides which run a tracker run belongs to that was found by a run's key: one rule for all backends, see
   * docs/adding-a-backend.md.
   */
  readonly whoseRun: (found: FoundTrackerRun, source: RunSource, signal: AbortSignal) => Promise<Whose>;
  /** The time and its timers. Default: the system's. */
  readonly clock?: Clock;
  /** The source of random values. Default: the system's. */
  readonly random?: Random;
}

/** The facts about a setting that are known without its value. */
export interface SettingField {
  /** Other names of the same setting. */
  readonly aliases?: readonly string[];
  /** The tracker's own variables: the first that is set wins over the section. */
  readonly env?: readonly string[];
  /** Settings with the same meaning in another form: a section must not have both. */
  readonly excludes?: readonly string[];
  /** Other facts that the backend keeps about the setting. */
  readonly [own: string]: unknown;
}

/** A kind of tracker, built in or in a package; `lanes.NAME.type` names it. */
export interface BackendType<Settings = unknown> {
  readonly type: string;
  /**
   * The settings by name. mirrorboard merges layers of a configuration by them: a variable of ours replaces a setting
   * under any of its names. Default: every setting has one name and no variable of the tracker's own.
   */
  readonly fields?: Readonly<Record<string, SettingField>>;
  /**
   * The settings that choose the experiment or project, if there are any; the first takes a name. If a lane has none
   * of them, mirrorboard fills in the name that holds for all lanes. It does not fill in a name that differs from run
   * to run: that comes as `RunSource.group`, and the setting stays empty.
   */
  readonly groupKeys?: readonly string[];
  /**
   * Checks a lane's section of the configuration after its variables are replaced, and completes it from the
   * tracker's own variables. Returns a list of problems if something is wrong, with paths relative to the section.
   * Called once for a lane: it may open files.
   */
  parse(section: Readonly<Record<string, unknown>>, env: Environment): ParsedSettings<Settings>;
  /** Returns where the lane leads, without secrets: another target begins at 0. */
  target(settings: Settings): string;
  create(settings: Settings, context: BackendContext): Promise<Backend>;
  /**
   * True if the lane's own settings switch it off: mirrorboard leaves it out and reports that, which is no failure.
   * Default: never.
   */
  isOff?(settings: Settings): boolean;
  /** Returns commands that send on what is kept here and waits for a person, one each. Reads only this machine. */
  waiting?(settings: Settings): readonly string[];
}

/** The result of reading a section: its settings, or every problem. */
export type ParsedSettings<Settings> =
  | {
      readonly kind: 'settings';
      readonly settings: Settings;
      /**
       * For `config show`: each setting as it may be shown, and its source (a variable's name, `file` or `default`).
       */
      readonly shown: readonly { readonly key: string; readonly value: unknown; readonly source: string }[];
    }
  | { readonly kind: 'problems'; readonly problems: readonly SettingProblem[] };

/** A problem with a setting. */
export interface SettingProblem {
  readonly path: readonly (string | number)[];
  /** The value that was found and the one that was expected; never a secret. */
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
  /** True if the problem may exist only on this machine: a file is missing here. */
  readonly isLocal?: true;
}
