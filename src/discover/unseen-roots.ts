/** Roots that cannot be checked now, by the requested paths. */
export interface UnseenRoots {
  /** Of these, those whose file systems do not answer. */
  readonly silent: ReadonlySet<string>;
  /** Where each of them lies, as far as that can be told. */
  readonly places: ReadonlyMap<string, string>;
}
