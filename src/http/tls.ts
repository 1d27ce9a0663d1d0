import { readFileSync, statSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MirrorError, messageOf } from '../errors.ts';

/** How a server proves who it is, and how we do. */
export interface TlsOptions {
  /** A file with certificates in PEM form, or a folder of such files: they replace the usual ones. */
  readonly caPath?: string;
  /** Our certificate, PEM; the key may stand in the same file. */
  readonly certPath?: string;
  readonly keyPath?: string;
  /** Whoever answers is believed. Default false. */
  readonly insecure?: boolean;
}

export interface TlsMaterial {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Reads what the options name. Throws MB4002, with the file. */
export function readTlsFiles(options: TlsOptions): TlsMaterial {
  const { caPath, certPath, keyPath, insecure } = options;
  const cert = certPath === undefined ? undefined : readPem(certPath, 'client certificate');
  const key = keyPath === undefined ? cert : readPem(keyPath, 'client key');
  return {
    ...(caPath === undefined ? {} : { ca: readBundle(caPath) }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  };
}

function readBundle(path: string): string[] {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder) return [readPem(path, 'CA bundle')];
  const names = readdirSync(path).filter((name) => /\.(pem|crt|cer|0)$/.test(name));
  if (names.length === 0) throw new MirrorError('MB4002', `the CA folder ${path} holds no certificates`, { context: { path } });
  return names.map((name) => readPem(join(path, name), 'CA bundle'));
}

function readPem(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MirrorError('MB4002', `the ${what} ${path} cannot be read: ${messageOf(cause)}`, { cause, context: { path } });
  }
}
