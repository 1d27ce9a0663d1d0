/** The server's names of a run. */
export interface RunPath {
  readonly entity: string;
  readonly project: string;
  readonly id: string;
}
