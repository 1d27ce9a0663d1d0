/** Decides which requests the API answers, before anything else reads them. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type HostRules, isOwnHost } from '../status/index.ts';
import { Refusal } from './problem.ts';

/** The rules for requests. */
export interface GuardRules {
  readonly hosts: HostRules;
  /** The token that every request must carry; undefined if none must. */
  readonly token: string | undefined;
}

/** The headers of every answer: a browser guesses no types, runs nothing, and lets no other site embed or read it. */
export const SAFE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

/** Throws MB5001 or MB5002 for a request that the API does not answer. */
export function checkRequest(
  { method, headers, httpVersion }: IncomingMessage,
  { hosts, token }: GuardRules,
  { isAction = false }: { readonly isAction?: boolean } = {},
): void {
  if (method !== 'GET' && method !== 'HEAD' && !isAction) {
    throw new Refusal(405, 'MB5001', `the resource answers only GET and HEAD, found ${method}`, { headers: { allow: 'GET, HEAD' } });
  }
  // HTTP/1.0 need not send the host; every browser does.
  if (headers.host === undefined && httpVersion !== '1.0') throw new Refusal(400, 'MB5001', 'the request has no host');
  // A web page can make its own name lead to this machine (DNS rebinding).
  if (headers.host !== undefined && !isOwnHost(headers.host, hosts)) {
    throw new Refusal(403, 'MB5002', 'the request is for an unknown host', { hint: 'Allow the host with --listen-host NAME.' });
  }
  if (token === undefined || isSame(bearerIn(headers.authorization), token)) return;
  throw new Refusal(401, 'MB5002', 'the request has no valid token', {
    hint: 'Send the header Authorization: Bearer TOKEN, with the token of --token-file.',
    headers: { 'www-authenticate': 'Bearer realm="mirrorboard"' },
  });
}

function bearerIn(header = ''): string {
  return /^bearer (.*)$/i.exec(header)?.[1] ?? '';
}

/** Compares in a time that does not depend on the texts, nor on their lengths. */
function isSame(given: string, wanted: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(wanted));
}
