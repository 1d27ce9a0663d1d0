/** A text that says params of a tracker run. */
export interface ParamText {
  /** Its tag, with the run's path as seen from the tracker run where that is another one. */
  readonly path: string;
  /** What is to be done with it, as the state keeps it. */
  readonly rule: string;
  readonly prefix: string;
  /** Where it stands. */
  readonly stamp: string;
  readonly bytes: number;
  readonly hash: string;
  /** Or why it is not read. */
  readonly content: { readonly kind: 'text'; readonly text: string } | { readonly kind: 'refused'; readonly reason: string };
}
