/** Files, or texts among the points, whose values are params of a run. */
export interface ParamRule {
  /** Its place in the configuration, for messages. */
  readonly location: string;
  /** Patterns of paths below the run's directory. */
  readonly files: readonly string[];
  /** Patterns of tags whose texts are meant, as the event files name them. */
  readonly tags: readonly string[];
  /** Stands before every name. */
  readonly prefix: string;
  /** Lanes that get them; all by default. */
  readonly lanes?: readonly string[];
}

/** Files to store with a run. */
export interface ArtifactRule {
  readonly location: string;
  readonly files: readonly string[];
  /**
   * Where it is in the tracker run: a template of the captures, `{path}` and `{file}`. Default: as below the run's
   * directory.
   */
  readonly to?: string;
  /** Files of more bytes are skipped and reported before they are read. Default: `DEFAULT_MOST_BYTES`. */
  readonly mostBytes?: number;
  readonly lanes?: readonly string[];
  readonly runs?: readonly string[];
  /** Where several runs can see it, it is stored in one: the one that was being written when it was. */
  readonly once?: boolean;
  /** Its content is a version of this model: a template. */
  readonly registerModel?: string;
  readonly alias?: string;
  readonly modelTags: Readonly<Record<string, string>>;
  /** It is a dataset, used for this: `train`. */
  readonly dataset?: string;
}

/** Default limit for a file that is stored with a run: 10 GB. */
export const DEFAULT_MOST_BYTES = 10_000_000_000;

/** What is searched for next to the event files. */
export interface ArtifactRules {
  readonly params: readonly ParamRule[];
  readonly artifacts: readonly ArtifactRule[];
}

/** Where the tracker's own id of a run is found that something else opened. */
export interface JoinRule {
  readonly runs?: readonly string[];
  /** A path below the run's directory. */
  readonly file?: string;
  /** The file is JSON or YAML, and the id is under this key (`a.b`). Default: the id is the file's first line. */
  readonly key?: string;
  /** The id itself: a template of the run's path. */
  readonly id?: string;
  /** How long to wait for the file, from when the run was first seen. */
  readonly waitMs: number;
  /** Stands before the tags of the run in its tracker run, so that they do not meet what others log there. */
  readonly prefix?: string;
}
