// Certificates for tests of TLS, made with openssl: an authority of our own, a server's and a client's that it signed.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  /** The path of the authority's certificate. */
  readonly ca: string;
  /** PEM texts of a server at 127.0.0.1. */
  readonly server: { readonly key: string; readonly cert: string };
  /** The path of a file with a client's certificate and key. */
  readonly client: string;
  /** The same, signed by itself. */
  readonly stranger: string;
}

/** Why there are none; undefined where they can be made. */
export function noCertificates(): string | undefined {
  return spawnSync('openssl', ['version']).status === 0 ? undefined : 'there is no openssl';
}

export function makeCertificates(folder: string): Certificates {
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=authority of tests');
  const signed = (name: string, extension: string): void => {
    writeFileSync(path(`${name}.ext`), extension);
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...authority, '-out', `${name}.pem`, '-days', '2', '-extfile', `${name}.ext`);
  };
  signed('server', 'subjectAltName=IP:127.0.0.1\n');
  signed('client', 'extendedKeyUsage=clientAuth\n');
  openssl('req', '-x509', ...key, '-keyout', 'stranger.key', '-out', 'stranger.pem', '-days', '2', '-subj', '/CN=stranger');
  const text = (name: string): string => readFileSync(path(name), 'utf8');
  for (const name of ['client', 'stranger']) writeFileSync(path(`${name}-both.pem`), text(`${name}.pem`) + text(`${name}.key`));
  return {
    ca: path('ca.pem'),
    server: { key: text('server.key'), cert: text('server.pem') },
    client: path('client-both.pem'),
    stranger: path('stranger-both.pem'),
  };
}
