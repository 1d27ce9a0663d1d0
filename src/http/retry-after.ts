import { type HttpHeaders, headerOf } from './answer.ts';

/** The longest wait that a server may ask for: an hour, even if a broken clock says more. */
const MOST_MS = 3_600_000;

/**
 * Returns the milliseconds that a server asks the client to wait: from `Retry-After`, or from the time at which a
 * reached limit of requests ends.
 */
export function askedWait(status: number, headers: HttpHeaders, nowMs: number): number | undefined {
  const asked = parseRetryAfter(headerOf(headers, 'retry-after'), nowMs);
  if (asked !== undefined || status !== 429 || headerOf(headers, 'ratelimit-remaining') !== '0') return asked;
  const reset = Number(headerOf(headers, 'ratelimit-reset') ?? Number.NaN);
  return reset >= 0 ? Math.min(Math.ceil(reset * 1000), MOST_MS) : undefined;
}

/**
 * Returns the milliseconds of a `Retry-After` in either of its forms (seconds, HTTP date); undefined if it is not
 * valid.
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Math.ceil(Number(text) * 1000), MOST_MS);
  // A date begins with a day's or month's name; anything else (`-1`, `soon`) would be parsed as some year.
  const at = /^[a-z]{3}/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - nowMs), MOST_MS);
}
