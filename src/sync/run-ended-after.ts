/** How long a run must not have grown to have ended, unless a caller says otherwise. */
export const RUN_ENDED_AFTER_MS = 30 * 60_000;
