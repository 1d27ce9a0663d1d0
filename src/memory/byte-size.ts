const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** The sizes that `parseMemory` accepts, for messages. */
export const MEMORY_WORDS = 'a size of at least 64MiB and at most 64TiB, as in 512MiB or 2GiB';

/** The least useful memory. */
const LEAST_BYTES = 64 * 2 ** 20;

/** More than any machine has: a larger value is a wrong unit. */
const MOST_BYTES = 64 * 2 ** 40;

/**
 * Parses a size in the notation of people and Kubernetes: `512MiB`, `512Mi`, `2G`, or a number of bytes. Undefined if
 * it is not valid, too small, or absurdly large.
 */
export function parseMemory(text: string): number | undefined {
  const match = /^\s{0,9}(\d{1,15}(?:\.\d{1,6})?)\s?([KMGT]?)(?:iB?|B)?\s{0,9}$/i.exec(text);
  if (match === null) return undefined;
  const bytes = Math.floor(Number(match[1]) * (UNITS[(match[2] ?? '').toUpperCase()] ?? NaN));
  return bytes >= LEAST_BYTES && bytes <= MOST_BYTES ? bytes : undefined;
}

/** Formats bytes for people, rounded up so that the result is enough. It can be used as the value of the setting. */
export function formatMemory(bytes: number): string {
  if (bytes < 2 ** 20) return `${Math.ceil(bytes / 2 ** 10)}KiB`;
  const mebibytes = Math.ceil(bytes / 2 ** 20);
  return mebibytes >= 2 ** 10 && mebibytes % 2 ** 10 === 0 ? `${mebibytes / 2 ** 10}GiB` : `${mebibytes}MiB`;
}
