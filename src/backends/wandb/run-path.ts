/** A run as the server names it. */
export interface RunPath {
  readonly entity: string;
  readonly project: string;
  readonly id: string;
}
