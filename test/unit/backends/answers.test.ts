/** What every tracker makes of the same answers, whichever of its calls meets them. */
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { whoseRun } from '../../../src/backend-kit/identity/index.ts';
import { aim } from '../../../src/backends/aim/index.ts';
import { clearml } from '../../../src/backends/clearml/index.ts';
import { mlflow } from '../../../src/backends/mlflow/index.ts';
import { trackio } from '../../../src/backends/trackio/index.ts';
import { wandb } from '../../../src/backends/wandb/index.ts';
import type { Backend, BackendType } from '../../../src/contract/index.ts';
import { askedWaitMs, MirrorError } from '../../../src/errors.ts';
import { GrowingRun } from '../../../src/testing/parcels.ts';
import { makeCertificates, noCertificates } from '../../support/certificates.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

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
  trackio: [trackio as BackendType, (address) => ({ url: address })],
};

async function connect(name: string, address: string, more: Readonly<Record<string, unknown>>): Promise<Backend> {
  const [type, section] = TYPES[name]!;
  const all = { ...section(address), ...more };
  // Where a file holds it, it is not said.
  const said = Object.entries(all).filter(([key]) => !Object.hasOwn(all, `${key}_file`));
  const parsed = type.parse(Object.fromEntries(said), {});
  if (parsed.kind !== 'settings') throw new Error(JSON.stringify(parsed.problems));
  const backend = await type.create(parsed.settings, { lane: name, whoseRun, env: {}, warn: () => {} });
  closers.push(() => backend.close());
  return backend;
}

/** What opening a run throws. */
async function failureAt(name: string, address: string, more: Readonly<Record<string, unknown>> = {}): Promise<MirrorError> {
  const backend = await connect(name, address, more);
  const run = new GrowingRun('train');
  closers.push(() => run.remove());
  const failure: unknown = await backend.open(run.source(), undefined, signal).catch((error: unknown) => error);
  if (!(failure instanceof MirrorError)) throw new Error(`opening a run threw ${String(failure)}`);
  return failure;
}

const NAMES = Object.keys(TYPES);
const ADDRESS: Readonly<Record<string, string>> = {
  mlflow: 'tracking_uri',
  wandb: 'base_url',
  clearml: 'api_server',
  aim: 'server',
  trackio: 'url',
};

const ACCESS: Readonly<Record<string, RegExp>> = {
  mlflow: /token_file.*MLFLOW_TRACKING_USERNAME.*headers/,
  wandb: /api_key_file/,
  clearml: /CLEARML_API_ACCESS_KEY.*token_file/,
  aim: /headers/,
  trackio: /write_token_file|headers/,
};

const LOGIN_PAGE = `<!DOCTYPE html>
<html><head><title>Company</title></head><body><form action="/session"><input name="user"><input type="password"></form></body></html>`;

function page(body: string): RequestListener {
  return (_request, response) => void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(body);
}

function redirect(status: number, location: (path: string) => string): RequestListener {
  return ({ url = '' }, response) => void response.writeHead(status, { location: location(url) }).end('<html>Found</html>');
}

describe.each(NAMES)('opening a run (%s)', (name) => {
  test.each([
    ['Retry-After', 429, { 'retry-after': '7' }],
    ['Retry-After, while it is down', 503, { 'retry-after': '7' }],
    ['the reset of its limit', 429, { 'ratelimit-remaining': '0', 'ratelimit-reset': '7' }],
  ] as const)('passes on how long the server wants us to wait: %s', async (_, status, headers) => {
    const busy: RequestListener = (_request, response) => void response.writeHead(status, headers).end('not now');
    const failure = await failureAt(name, `http://${await listening(createServer(busy))}`);
    expect(failure.retry).toBe('later');
    expect(askedWaitMs(failure)).toBe(7000);
  });

  test.each([
    ['a redirect to a login', redirect(302, () => 'https://sso.example.org/oauth2/start?rd=x')],
    ['a redirect to a login on the same host', redirect(303, (path) => `/accounts/login?next=${encodeURIComponent(path)}`)],
    ['a login page', page(LOGIN_PAGE)],
    ['a page that says sign in', page('<html><body><a href="/go">Sign in with your company</a></body></html>')],
  ])('names %s, and the settings for the credentials', async (what, answer) => {
    const failure = await failureAt(name, `http://${await listening(createServer(answer))}`);
    expect(failure).toMatchObject({ code: 'MB4002', retry: 'never', hint: expect.stringMatching(/expired.*headers/) });
    expect(failure.message).toMatch(
      what.includes('page') ? /a login page instead of an answer/ : /leads to .*(sso\.example\.org|accounts\/login)/,
    );
  });

  const denied = '<!DOCTYPE html><html><head><title>Access denied</title></head><body>Access denied</body></html>';
  test.each([
    ['a page of a proxy (403)', 403, 'text/html', denied],
    ['a page of a proxy (401)', 401, 'text/html', denied],
    ['a page without its type', 403, 'text/plain', `\n${denied}`],
    ['a word (401)', 401, 'text/plain', 'Unauthorized'],
  ])('names the settings for the credentials after %s', async (_, status, type, body) => {
    const answer: RequestListener = (_request, response) => void response.writeHead(status, { 'content-type': type }).end(body);
    const failure = await failureAt(name, `http://${await listening(createServer(answer))}`);
    expect(failure).toMatchObject({ code: 'MB4002', retry: 'never', hint: expect.stringMatching(ACCESS[name] as RegExp) });
    expect(failure.hint).not.toContain('EDIT');
    // As words, not as a page.
    expect(failure.message).not.toMatch(/<|DOCTYPE/);
    if (body !== 'Unauthorized') expect(failure.hint).toMatch(/headers/);
  });

  test.each([301, 308])('suggests a setting if the address leads to another one (%i)', async (status) => {
    const base = `http://${await listening(createServer(redirect(status, (path) => `https://tracker.example.org:8443${path}`)))}`;
    const failure = await failureAt(name, base);
    expect(failure).toMatchObject({ code: 'MB4003', hint: `Write ${ADDRESS[name]}: https://tracker.example.org:8443` });
    expect(failure.message).toContain('leads to https://tracker.example.org:8443/');
  });

  test('does not treat other pages as a login', async () => {
    const failure = await failureAt(name, `http://${await listening(createServer(page('<html><h1>It works!</h1></html>')))}`);
    expect(failure.code).toBe('MB4003');
  });

  test('sends the headers that a proxy before the tracker needs, and does not show them', async () => {
    const seen: unknown[] = [];
    const server = createServer(({ headers }, response) => {
      seen.push(headers['cf-access-client-secret']);
      response.writeHead(503).end(`you said ${headers['cf-access-client-secret']}`);
    });
    const headers = { 'CF-Access-Client-Secret': 'secret-of-the-gateway' };
    const failure = await failureAt(name, `http://${await listening(server)}`, { headers });
    expect(new Set(seen)).toEqual(new Set(['secret-of-the-gateway']));
    expect(failure.message).not.toContain('secret-of-the-gateway');
  });

  const reason = noCertificates();
  (reason === undefined ? test : test.skip)('reports a permanent error if the certificate of the server is not valid for it', async () => {
    const folder = temporaryFolder();
    closers.push(() => rmSync(folder, { recursive: true }));
    const { server } = makeCertificates(folder);
    const failure = await failureAt(name, `https://${await listening(createTlsServer(server))}`);
    expect(failure).toMatchObject({ code: 'MB4002', retry: 'never', hint: expect.stringContaining('certificates that signed') });
  });
});

describe.each([
  ['mlflow', 'token_file'],
  ['wandb', 'api_key_file'],
  ['clearml', 'secret_key_file'],
  ['trackio', 'write_token_file'],
])('the credentials (%s, %s)', (name, key) => {
  test.each([401, 302])('are read again when the server rejects them (%i)', async (status) => {
    const folder = temporaryFolder();
    closers.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'secret');
    const hasNew = ({ authorization = '', 'x-trackio-write-token': token }: IncomingHttpHeaders): boolean =>
      [authorization, String(token), Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString()].some((text) =>
        text.includes('new-secret'),
      );
    const seen: boolean[] = [];
    const server = createServer(({ headers }, response) => {
      seen.push(hasNew(headers));
      if (hasNew(headers)) response.writeHead(503).end('in, but busy');
      else response.writeHead(status, { location: 'https://sso.example.org/login' }).end();
    });
    const address = `http://${await listening(server)}`;
    writeFileSync(path, 'old-secret-of-the-tests\n');
    const backend = await connect(name, address, { [key]: path });
    const run = new GrowingRun('train');
    closers.push(() => run.remove());
    const open = (): Promise<unknown> => backend.open(run.source(), undefined, signal).catch((error: unknown) => error);
    expect(await open()).toMatchObject({ code: 'MB4002' });
    writeFileSync(path, 'new-secret-of-the-tests\n');
    const failure = await open();
    expect(failure).toMatchObject({ code: 'MB4001', retry: 'later' });
    expect([seen[0], seen.at(-1)]).toEqual([false, true]);
    expect(JSON.stringify(failure)).not.toContain('new-secret');
  });
});
