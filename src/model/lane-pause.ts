/** A pause of a lane, or of one root in it: it gets nothing until it resumes. */
export interface LanePause {
  /** The root's name; undefined for the whole lane. */
  readonly root: string | undefined;
  /** The start of the pause, in milliseconds since 1970. */
  readonly sinceMs: number;
}

/** True if the whole lane is paused. */
export function isWholePaused(pauses: readonly LanePause[]): boolean {
  return pauses.some(({ root }) => root === undefined);
}

/** True if nothing of a root may be sent now. */
export function isRootPaused(pauses: readonly LanePause[], root: string): boolean {
  return pauses.some((pause) => pause.root === undefined || pause.root === root);
}
