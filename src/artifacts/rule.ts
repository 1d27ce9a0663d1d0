/** Files, or texts among the points, whose values are params of a run. */
export interface ParamRule {
  /** The rule's location in the configuration, for messages. */
  readonly location: string;
  /** Patterns of paths below the run's directory. */
  readonly files: readonly string[];
  /** Patterns of the tags of such texts, as the event files name them. */
  readonly tags: readonly string[];
  /** The prefix of every name. */
  readonly prefix: string;
  /** The lanes that get them; all by default. */
  readonly lanes?: readonly string[];
}

/** Files to store with a run. */
export interface ArtifactRule {
  readonly location: string;
  readonly files: readonly string[];
  /**
   * The path in the tracker run: a template of the captures, `{path}` and `{file}`. Default: the path below the run's
   * directory.
   */
  readonly to?: string;
  /** The most bytes: larger files are skipped and reported before they are read. Default: `DEFAULT_MOST_BYTES`. */
  readonly mostBytes?: number;
  readonly lanes?: readonly string[];
  readonly runs?: readonly string[];
  /** True to store the file only once if several runs can see it: in the run that was being written at that time. */
  readonly once?: boolean;
  /** The template of the model whose version the content is. */
  readonly registerModel?: string;
  readonly alias?: string;
  readonly modelTags: Readonly<Record<string, string>>;
  /** The use of the file if it is a dataset: `train`. */
  readonly dataset?: string;
}

/** The default limit for a file that is stored with a run: 10 GB. */
export const DEFAULT_MOST_BYTES = 10_000_000_000;

/** The rules for files next to the event files. */
export interface ArtifactRules {
  readonly params: readonly ParamRule[];
  readonly artifacts: readonly ArtifactRule[];
}

/** A rule that finds the tracker's own id of a run that another program opened. */
export interface JoinRule {
  readonly runs?: readonly string[];
  /** A path below the run's directory. */
  readonly file?: string;
  /** The key of the id (`a.b`) in a JSON or YAML file. Default: the id is the file's first line. */
  readonly key?: string;
  /** The id itself: a template of the run's path. */
  readonly id?: string;
  /** The time to wait for the file, from when the run was first seen. */
  readonly waitMs: number;
  /** The prefix of the run's tags in its tracker run, so that they do not collide with what others log there. */
  readonly prefix?: string;
}
