/** A text with params of a tracker run. */
export interface ParamText {
  /** Its tag, after the run's path relative to the tracker run if that is another run. */
  readonly path: string;
  /** The rule for the text, as the state keeps it. */
  readonly rule: string;
  readonly prefix: string;
  /** The position of the text. */
  readonly stamp: string;
  readonly bytes: number;
  readonly hash: string;
  /** The text, or the reason why it is not read. */
  readonly content: { readonly kind: 'text'; readonly text: string } | { readonly kind: 'refused'; readonly reason: string };
}
