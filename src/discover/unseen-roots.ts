/** Roots that cannot be checked now, by the requested paths. */
export interface UnseenRoots {
  /** Those among them whose file systems do not answer. */
  readonly silent: ReadonlySet<string>;
  /** The location of each, if it can be told. */
  readonly places: ReadonlyMap<string, string>;
}
