import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Backend } from '../../src/contract/index.ts';
import { freshDirectory, remove } from '../e2e/command.ts';
import { type Certificates, makeCertificates, noCertificates } from '../support/certificates.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { realTracker } from '../support/real-tracker.ts';
import { connectMlflow, mlflowType } from './mlflow-harness.ts';

const type = await mlflowType();
const openssl = await realTracker('openssl', async () => {
  const reason = noCertificates();
  if (reason !== undefined) throw new Error(reason);
  return true;
});

if (openssl !== undefined && type !== undefined) {
  const signal = new AbortController().signal;
  let folder: string;
  let own: Certificates;
  let stub: MlflowStub;
  let plain: { readonly url: string; close(): Promise<void> };
  let strict: typeof plain;
  const backends: Backend[] = [];

  beforeAll(async () => {
    folder = freshDirectory();
    own = makeCertificates(folder);
    stub = await MlflowStub.start();
    plain = await stub.overTls(own.server);
    strict = await stub.overTls({ ...own.server, ca: readFileSync(own.ca), requestCert: true, rejectUnauthorized: true });
  });
  afterEach(async () => {
    for (const backend of backends.splice(0)) await backend.close();
  });
  afterAll(async () => {
    await plain.close();
    await strict.close();
    await stub.close();
    remove(folder);
  });

  const probe = async (url: string, section: Readonly<Record<string, unknown>> = {}, env: Readonly<Record<string, string>> = {}) => {
    const backend = await connectMlflow(type, { tracking_uri: url, ...section }, env);
    backends.push(backend);
    return backend.probe(signal);
  };
  const lets = { version: '3.17.2' };

  describe('MLflow over TLS', () => {
    it('is trusted with the certificate of its CA, from the configuration or the variable', async () => {
      expect(await probe(plain.url, { server_cert_path: own.ca })).toMatchObject(lets);
      expect(await probe(plain.url, {}, { MLFLOW_TRACKING_SERVER_CERT_PATH: own.ca })).toMatchObject(lets);
    });

    it('is not trusted without that certificate, and the hint names the remedy', async () => {
      await expect(probe(plain.url)).rejects.toMatchObject({
        code: 'MB4002',
        retry: 'never',
        hint: expect.stringContaining('server_cert_path'),
      });
    });

    it('is trusted if any certificate is accepted', async () => {
      expect(await probe(plain.url, { insecure_tls: true })).toMatchObject(lets);
      expect(await probe(plain.url, {}, { MLFLOW_TRACKING_INSECURE_TLS: 'true' })).toMatchObject(lets);
    });

    it('is not trusted under a name that its certificate does not have', async () => {
      const named = plain.url.replace('127.0.0.1', 'localhost');
      await expect(probe(named, { server_cert_path: own.ca })).rejects.toMatchObject({
        code: 'MB4002',
        retry: 'never',
        hint: expect.stringContaining('tracking_uri'),
      });
    });

    it('gets our client certificate if it requires one', async () => {
      expect(await probe(strict.url, { server_cert_path: own.ca, client_cert_path: own.client })).toMatchObject(lets);
      const env = { MLFLOW_TRACKING_SERVER_CERT_PATH: own.ca, MLFLOW_TRACKING_CLIENT_CERT_PATH: own.client };
      expect(await probe(strict.url, {}, env)).toMatchObject(lets);
    });

    it.each(['TLSv1.3', 'TLSv1.2'] as const)(
      'rejects a client without the required certificate, and mirrorboard does not retry: %s',
      async (version) => {
        const strictest = await stub.overTls({
          ...own.server,
          ca: readFileSync(own.ca),
          requestCert: true,
          rejectUnauthorized: true,
          maxVersion: version,
        });
        try {
          await expect(probe(strictest.url, { server_cert_path: own.ca })).rejects.toMatchObject({
            code: 'MB4002',
            retry: 'never',
            message: expect.stringMatching(/TLS: .*alert/),
            hint: expect.stringContaining('client_cert_path'),
          });
        } finally {
          await strictest.close();
        }
      },
    );

    it('may close the connection without a reason if it does not know the certificate: the hint explains this', async () => {
      await expect(probe(strict.url, { server_cert_path: own.ca, client_cert_path: own.stranger })).rejects.toMatchObject({
        code: 'MB4001',
        retry: 'later',
        hint: expect.stringContaining('client_cert_path'),
      });
    });

    it.each([
      ['server_cert_path', (): string => '/no/such.pem', '/no/such.pem'],
      ['client_cert_path', (): string => own.ca, 'client_cert_path'],
    ])('names the setting that it cannot use: %s', async (key, path, said) => {
      const error = await probe(strict.url, { server_cert_path: own.ca, [key]: path() }).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'MB4002', retry: 'never' });
      const { message, hint = '' } = error as { message: string; hint?: string };
      expect(`${message} ${hint}`).toContain(said);
    });

    it('reports that a server has no TLS', async () => {
      await expect(probe(stub.url.replace('http:', 'https:'))).rejects.toMatchObject({
        code: 'MB4002',
        message: expect.stringMatching(/TLS: wrong version number$/),
        hint: expect.stringContaining('http://'),
      });
    });
  });
}
