/** A run that did not grow for so long has ended, unless a caller says otherwise. */
export const RUN_ENDED_AFTER_MS = 30 * 60_000;
