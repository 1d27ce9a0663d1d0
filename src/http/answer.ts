import type { MirrorError } from '../errors.ts';

/** Headers of an answer; names are in lower case. */
export type HttpHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** The result of a request: a value, whatever the server did. */
export type HttpAnswer =
  | { readonly kind: 'ok'; readonly status: number; readonly headers: HttpHeaders; readonly body: Buffer }
  /** The server is unreachable or busy. `status` and `text` are set if it answered at all. */
  | {
      readonly kind: 'retry';
      readonly status: number | undefined;
      readonly headers: HttpHeaders;
      /** The answer, cut and without secrets. */
      readonly text: string;
      /** The wait that the server asked for. */
      readonly afterMs?: number;
      readonly error: MirrorError;
    }
  /**
   * The server understood the request, and refuses it. Redirects count too: the user must correct an address that
   * leads elsewhere.
   */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly headers: HttpHeaders;
      /** The answer, cut and without secrets. */
      readonly text: string;
      readonly error: MirrorError;
    };

/** True if a status can change on its own. 500 counts: a caller that knows better checks `status`. */
export function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** Returns a header's value, the first if there are several. `name` is in lower case. */
export function headerOf(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
