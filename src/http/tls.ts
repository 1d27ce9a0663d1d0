import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MirrorError, messageOf } from '../errors.ts';
import type { SettingNames } from './redirect-problem.ts';

/** The certificates that identify the server and this client. */
export interface TlsOptions {
  /** A file with certificates in PEM form, or a folder of such files: they replace the usual ones. */
  readonly caPath?: string;
  /** The client certificate, PEM; the key may be in the same file. */
  readonly certPath?: string;
  readonly keyPath?: string;
  /** True to accept any certificate. Default false. */
  readonly insecure?: boolean;
  /** The names of settings that users know, for hints. */
  readonly names?: SettingNames & { readonly ca: string; readonly cert: string };
}

/** Certificates and keys in PEM, as Node's TLS takes them. */
export interface TlsMaterial {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Reads the files that the options name. Throws MB4002, with the file. */
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

const NAMES = { address: 'the address', ca: 'a CA bundle', cert: 'a client certificate' };

/** Alerts by which a server requires a client certificate, or another one. Older TLS names only the handshake. */
const REFUSES_OURS =
  /_ALERT_(?:CERTIFICATE_|NO_CERTIFICATE|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE|ACCESS_DENIED)/;

/**
 * Returns the hint for an error code; undefined if the error is not about certificates. Such errors never pass on
 * their own.
 */
export function tlsHint(code: string, { names = NAMES }: TlsOptions): string | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `The certificate is for another name: correct ${names.address}.`;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return "The server's certificate has to be renewed, or a clock is wrong.";
  if (/^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_|CERT_UNTRUSTED|INVALID_CA|CERT_SIGNATURE_FAILURE)/.test(code)) {
    return `Give the certificates that signed the server's (${names.ca}), if you trust it.`;
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return 'What answers there speaks no TLS: is it http://, not https://?';
  }
  if (REFUSES_OURS.test(code)) return closedHint({ names });
  if (/^ERR_(?:OSSL_|SSL_CA_|SSL_EE_|TLS_CERT|SSL_KEY|X509)/.test(code))
    return `A certificate file is not usable (${names.ca}, ${names.cert}).`;
  return undefined;
}

/**
 * Returns a hint for connections that are closed at once: some servers do not say that they reject the client
 * certificate.
 */
export function closedHint({ names = NAMES }: TlsOptions): string {
  return `If the server requires a client certificate, give one (${names.cert}).`;
}

/** Returns OpenSSL's message, without the positions in its sources. */
export function opensslReason(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('library' in error) || !('reason' in error)) return undefined;
  return `TLS: ${String(error.reason)}`;
}

function readBundle(path: string): string[] {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder) return [readPem(path, 'CA bundle')];
  const names = readdirSync(path).filter((name) => /\.(pem|crt|cer|0)$/.test(name));
  if (names.length === 0) throw new MirrorError('MB4002', `the CA folder ${path} contains no certificates`, { context: { path } });
  return names.map((name) => readPem(join(path, name), 'CA bundle'));
}

function readPem(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MirrorError('MB4002', `the ${what} ${path} cannot be read: ${messageOf(cause)}`, { cause, context: { path } });
  }
}
