import { redact } from '../../http/index.ts';
import type { WrongAddress } from './hosted.ts';

/** The target of a tracking URI. */
export type MlflowAddress =
  | {
      /** `store`: a database or folder, not a server. */
      readonly kind: 'server' | 'store';
      /** The address without user, password and a slash at the end. */
      readonly uri: string;
      /** The address as it was given. */
      readonly whole: string;
      readonly username: string | undefined;
      readonly password: string | undefined;
    }
  | WrongAddress;

const EXPECTED = "a tracking server's address (http://HOST:5000), a store (sqlite:///mlflow.db, postgresql://…, mysql://…) or a folder";

const STORES = /^(?:sqlite|postgresql|postgres|mysql|mssql|file)(?:\+\w+)?:/i;

/** True if a store is a folder, not a database. */
export function isFileStore(uri: string): boolean {
  return uri.startsWith('file:') || !/^[a-z][a-z0-9+.-]+:/i.test(uri);
}

/** Reads a tracking URI in all the forms that MLflow's own tools take. */
export function addressOf(text: string): MlflowAddress {
  const whole = text.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(whole)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') return serverAddress(whole);
  if (STORES.test(whole)) {
    // The server gets the database's address with its password, which must not appear anywhere else. The password may
    // contain slashes and other characters of an address.
    const [user = '', scheme, password] = /^([a-z0-9+.-]+:\/\/)[^:/@]*(?::(.*))?@/i.exec(whole) ?? [];
    const uri = redact(user === '' ? whole : scheme + whole.slice(user.length));
    return { kind: 'store', uri, whole, username: undefined, password };
  }
  if (/^[\w.-]+:\d+(?:\/|$)/.test(whole)) return { kind: 'wrong', expected: EXPECTED, hint: `Write http://${whole}.` };
  // A drive letter is no scheme.
  if (scheme !== undefined && scheme.length > 1) return { kind: 'wrong', expected: EXPECTED };
  return { kind: 'store', uri: whole, whole, username: undefined, password: undefined };
}

function serverAddress(whole: string): MlflowAddress {
  let url: URL;
  let user: readonly [string, string];
  try {
    url = new URL(whole);
    user = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  } catch {
    return { kind: 'wrong', expected: EXPECTED };
  }
  // If the address was copied from a browser, the part after # is the page, not the server.
  const uri = url.origin + url.pathname.replace(/\/+$/, '');
  const [username, password] = user;
  return { kind: 'server', uri, whole, username: username === '' ? undefined : username, password: password === '' ? undefined : password };
}
