import { resolve } from 'node:path';

/** The target of a lane: a server or a repository. */
export type AimAddress =
  | { readonly kind: 'server'; readonly uri: string; readonly user: { readonly username: string; readonly password: string } | undefined }
  | { readonly kind: 'wrong'; readonly expected: string; readonly hint?: string };

const EXPECTED = 'the address of `aim server` (aim://HOST:53800, http://HOST:53800 or https://HOST)';
/** `AIM_SERVER_DEFAULT_PORT` in `aim/ext/transport/config.py`. */
const DEFAULT_PORT = 53800;

/** Reads a server's address in the forms that Aim's own tools accept. */
export function addressOf(text: string): AimAddress {
  const whole = text.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(whole)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    const isHost = /^[\w.-]+:\d+(?:\/|$)/.test(whole);
    return {
      kind: 'wrong',
      expected: EXPECTED,
      hint: isHost ? `Write aim://${whole}.` : 'For a folder with a repository, set repo instead.',
    };
  }
  if (scheme !== 'aim' && scheme !== 'http' && scheme !== 'https') return { kind: 'wrong', expected: EXPECTED };
  try {
    const url = new URL(whole.replace(/^aim:/i, 'http:'));
    if (scheme === 'aim' && url.port === '' && !/:\d+(?:\/|$)/.test(whole.slice(6))) url.port = String(DEFAULT_PORT);
    const username = decodeURIComponent(url.username);
    const uri = url.origin + url.pathname.replace(/\/+$/, '');
    return { kind: 'server', uri, user: username === '' ? undefined : { username, password: decodeURIComponent(url.password) } };
  } catch {
    return { kind: 'wrong', expected: EXPECTED };
  }
}

/** Returns the folder of a repository: the one that contains `.aim`, even if `path` names `.aim` itself. */
export function repoFolder(path: string): string {
  return resolve(path.replace(/\/\.aim\/?$/, '') || '/');
}
