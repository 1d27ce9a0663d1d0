/** Roots that nobody can check now, by the paths that were asked for. */
export interface UnseenRoots {
  /** Of these, those whose file systems do not answer. */
  readonly silent: ReadonlySet<string>;
  /** Where each of them lies, as far as that can be told. */
  readonly places: ReadonlyMap<string, string>;
}
