/** All of a lane, or one root of it, gets nothing until it resumes. */
export interface LanePause {
  /** The root's name; undefined for the whole lane. */
  readonly root: string | undefined;
  /** Since when, milliseconds since 1970. */
  readonly sinceMs: number;
}

/** Whether all of the lane is paused. */
export function isWholePaused(pauses: readonly LanePause[]): boolean {
  return pauses.some(({ root }) => root === undefined);
}

/** Whether nothing of a root is to be sent now. */
export function isRootPaused(pauses: readonly LanePause[], root: string): boolean {
  return pauses.some((pause) => pause.root === undefined || pause.root === root);
}
