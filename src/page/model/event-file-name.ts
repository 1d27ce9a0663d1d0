/** Reads what the usual name of an event file tells. */

/** Returns when a writer began a file, in seconds since 1970; undefined if its name does not say. */
export function begunAt(name: string): number | undefined {
  const seconds = /(?:^|\/)[^/]*\.tfevents\.(\d{9,11})(?:\.|$)/.exec(name)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}
