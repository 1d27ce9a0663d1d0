const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** What `parseMemory` takes, for messages. */
export const MEMORY_WORDS = 'a size of at least 64MiB and at most 64TiB, as in 512MiB or 2GiB';

/** Below this nothing of use can be done. */
const LEAST_BYTES = 64 * 2 ** 20;

/** More than any machine has: it is a slip of the unit. */
const MOST_BYTES = 64 * 2 ** 40;

/**
 * A size as people and Kubernetes write it: `512MiB`, `512Mi`, `2G`, a number of bytes. Undefined if it is not valid,
 * too small, or absurdly large.
 */
export function parseMemory(text: string): number | undefined {
  const match = /^\s{0,9}(\d{1,15}(?:\.\d{1,6})?)\s?([KMGT]?)(?:iB?|B)?\s{0,9}$/i.exec(text);
  if (match === null) return undefined;
  const bytes = Math.floor(Number(match[1]) * (UNITS[(match[2] ?? '').toUpperCase()] ?? NaN));
  return bytes >= LEAST_BYTES && bytes <= MOST_BYTES ? bytes : undefined;
}

/** Bytes for a person, rounded up: what it says is enough. It can be written back into the setting. */
export function formatMemory(bytes: number): string {
  if (bytes < 2 ** 20) return `${Math.ceil(bytes / 2 ** 10)}KiB`;
  const mebibytes = Math.ceil(bytes / 2 ** 20);
  return mebibytes >= 2 ** 10 && mebibytes % 2 ** 10 === 0 ? `${mebibytes / 2 ** 10}GiB` : `${mebibytes}MiB`;
}
