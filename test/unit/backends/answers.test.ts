/** What every tracker makes of the same answers, whichever of its calls meets them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { whoseRun } from '../../../src/backend-kit/index.ts';
import { aim } from '../../../src/backends/aim/index.ts';
import { clearml } from '../../../src/backends/clearml/index.ts';
import type { Backend, BackendType } from '../../../src/backends/contract.ts';
import { mlflow } from '../../../src/backends/mlflow/index.ts';
import { wandb } from '../../../src/backends/wandb/index.ts';
import { askedWaitMs, MirrorError } from '../../../src/errors.ts';
import { makeCertificates, noCertificates } from '../../support/certificates.ts';
import { GrowingRun } from '../../support/parcels.ts';

const signal = new AbortController().signal;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const TYPES: Readonly<Record<string, readonly [BackendType, (address: string) => Readonly<Record<string, unknown>>]>> = {
  mlflow: [mlflow as BackendType, (address) => ({ tracking_uri: address })],
  wandb: [wandb as BackendType, (address) => ({ base_url: address, api_key: 'k'.repeat(40), entity: 'e', project: 'p' })],
  clearml: [clearml as BackendType, (address) => ({ api_server: address, access_key: 'a'.repeat(20), secret_key: 's'.repeat(40) })],
  aim: [aim as BackendType, (address) => ({ server: address })],
};

async function connect(name: string, address: string): Promise<Backend> {
  const [type, section] = TYPES[name]!;
  const parsed = type.parse(section(address), {});
  if (parsed.kind !== 'settings') throw new Error(JSON.stringify(parsed.problems));
  const backend = await type.create(parsed.settings, { lane: name, whoseRun, env: {}, warn: () => {} });
  closers.push(() => backend.close());
  return backend;
}

/** What opening a run throws. */
async function failureAt(name: string, address: string): Promise<MirrorError> {
  const backend = await connect(name, address);
  const run = new GrowingRun('train');
  closers.push(() => run.remove());
  const failure: unknown = await backend.open(run.source(), undefined, signal).catch((error: unknown) => error);
  if (!(failure instanceof MirrorError)) throw new Error(`opening a run threw ${String(failure)}`);
  return failure;
}

const NAMES = Object.keys(TYPES);

describe.each(NAMES)('opening a run (%s)', (name) => {
  test.each([
    ['Retry-After', 429, { 'retry-after': '7' }],
    ['Retry-After, while it is down', 503, { 'retry-after': '7' }],
    ['the reset of its limit', 429, { 'ratelimit-remaining': '0', 'ratelimit-reset': '7' }],
  ] as const)('hands on how long the server asks to wait: %s', async (_, status, headers) => {
    const busy: RequestListener = (_request, response) => void response.writeHead(status, headers).end('not now');
    const failure = await failureAt(name, `http://${await listening(createServer(busy))}`);
    expect(failure.retry).toBe('later');
    expect(askedWaitMs(failure)).toBe(7000);
  });

  const reason = noCertificates();
  (reason === undefined ? test : test.skip)('says that it never will where the certificate of the server is of no use', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-answers-'));
    closers.push(() => rmSync(folder, { recursive: true }));
    const { server } = makeCertificates(folder);
    const failure = await failureAt(name, `https://${await listening(createTlsServer(server))}`);
    expect(failure).toMatchObject({ code: 'MB4002', retry: 'never', hint: expect.stringContaining('certificates that signed') });
  });
});
