import type { MirrorError } from '../errors.ts';

/** Headers of an answer; names are in lower case. */
export type HttpHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What happened to a request: a value, whatever the server did. */
export type HttpAnswer =
  | { readonly kind: 'ok'; readonly status: number; readonly headers: HttpHeaders; readonly body: Buffer }
  /** Not now: the server is unreachable or busy. `status` and `text` are there if it answered at all. */
  | {
      readonly kind: 'retry';
      readonly status: number | undefined;
      readonly headers: HttpHeaders;
      /** The answer, cut and without secrets. */
      readonly text: string;
      /** As the server asked. */
      readonly afterMs?: number;
      readonly error: MirrorError;
    }
  /** The server understood, and will not. Redirects too: an address that leads elsewhere is to be corrected. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly headers: HttpHeaders;
      /** The answer, cut and without secrets. */
      readonly text: string;
      readonly error: MirrorError;
    };

/** True if a status can become another one on its own. 500 counts: a caller that knows better checks `status`. */
export function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** A header's value, the first if there are several. Names are given in lower case. */
export function headerOf(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
