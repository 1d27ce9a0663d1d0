import { rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { NamedHosts, type NamedHostsOptions, uploadHeaders } from '../../../src/http/index.ts';
import { nearnessOf } from '../../../src/http/near-address.ts';
import { makeCertificates, noCertificates } from '../../support/certificates.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const signal = new AbortController().signal;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(listener: RequestListener, server: Server = createServer()): Promise<number> {
  server.on('request', listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return (server.address() as AddressInfo).port;
}

function placesOf(tracker: string, options: Partial<NamedHostsOptions> = {}): NamedHosts {
  const places = new NamedHosts({ tracker, timeoutMs: 10_000, env: {}, ...options });
  closers.push(() => places.close());
  return places;
}

/** Names as a name service of the tests knows them. */
function names(known: Readonly<Record<string, readonly string[]>>): NonNullable<NamedHostsOptions['resolve']> {
  return async (host) => {
    const found = known[host];
    if (found === undefined) throw Object.assign(new Error(`${host} is not known`), { code: 'ENOTFOUND' });
    return found;
  };
}

test.each([
  ['127.0.0.1', 'loopback'],
  ['127.8.9.10', 'loopback'],
  ['0.0.0.0', 'loopback'],
  ['::1', 'loopback'],
  ['::', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['::127.0.0.1', 'loopback'],
  ['64:ff9b::127.0.0.1', 'loopback'],
  ['2002:7f00:1::', 'loopback'],
  ['169.254.169.254', 'linkLocal'],
  ['::ffff:169.254.169.254', 'linkLocal'],
  ['64:ff9b::a9fe:a9fe', 'linkLocal'],
  ['fe80::1', 'linkLocal'],
  ['fe80::1%eth0', 'linkLocal'],
  ['fd00:ec2::254', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['224.0.0.1', 'noHost'],
  ['255.255.255.255', 'noHost'],
  ['10.0.0.1', undefined],
  ['192.168.1.1', undefined],
  ['93.184.216.34', undefined],
  ['2606:2800:220:1::1', undefined],
  ['fd12:3456::1', undefined],
  ['tracker.test', undefined],
])('%s has the nearness %s', (address, near) => expect(nearnessOf(address)).toBe(near));

describe('an address that a tracker names', () => {
  const known = names({
    localhost: ['127.0.0.1'],
    'tracker.test': ['10.0.0.7'],
    'local.test': ['127.0.0.1'],
    'both.test': ['10.0.0.8', '::ffff:7f00:1'],
    'metadata.test': ['169.254.169.254'],
  });

  test.each([
    [undefined, /it is none/],
    ['', /it is none/],
    [7, /it is none/],
    ['http://[', /cannot be parsed/],
    ['file:///etc/shadow', /neither http nor https/],
    ['javascript:alert(1)', /neither http nor https/],
    [`http://h/${'x'.repeat(20_000)}`, /longer than/],
    ['http://127.0.0.1:1/x', /this machine, but/],
    ['http://2130706433/x', /this machine, but/],
    ['http://0x7f.1/x', /this machine, but/],
    ['http://0/x', /this machine, but/],
    ['http://localhost:1/x', /this machine, but/],
    ['http://a.localhost/x', /this machine, but/],
    ['http://localhost./x', /this machine, but/],
    ['http://local.test/x', /this machine, but/],
    ['http://both.test/x', /this machine, but/],
    ['http://[::1]/x', /this machine, but/],
    ['http://[::ffff:127.0.0.1]/x', /this machine, but/],
    ['http://169.254.169.254/latest', /link-local/],
    ['https://metadata.test/latest', /link-local/],
    ['http://[fd00:ec2::254]/latest', /the cloud's own service/],
  ])('%s is not used', async (address, why) => {
    const places = placesOf('http://tracker.test:5000', { resolve: known });
    const answer = await places.send(address, { method: 'PUT', body: 'x', signal });
    expect(answer).toMatchObject({ kind: 'unusable', error: { code: 'MB4011', message: expect.stringMatching(why) } });
  });

  test('is refused if its name resolves elsewhere a moment after the check', async () => {
    const seen: string[] = [];
    const port = await serve((request, response) => {
      seen.push(request.url ?? '');
      response.end();
    });
    let asked = 0;
    const resolve = async (host: string): Promise<readonly string[]> =>
      host === 'tracker.test' ? ['10.0.0.7'] : asked++ === 0 ? ['10.0.0.9'] : ['127.0.0.1'];
    const answer = await placesOf('http://tracker.test', { resolve }).send(`http://files.test:${port}/x`, {
      method: 'PUT',
      body: 'x',
      signal,
    });
    expect(answer).toMatchObject({ kind: 'retry', error: { code: 'MB4001' } });
    expect([asked > 1, seen]).toEqual([true, []]);
  });

  test('may be on this machine, or on the host of the tracker, if the tracker is there', async () => {
    const port = await serve((request, response) => response.end(request.headers.authorization ?? 'nobody'));
    for (const [tracker, host] of [
      ['http://127.0.0.1:1/', 'localhost'],
      ['http://localhost:1/', '127.0.0.1'],
      ['http://local.test:1/', 'local.test'],
    ] as const) {
      const places = placesOf(tracker, { resolve: known });
      const answer = await places.send(`http://user:pass@${host}:${port}/x`, { method: 'PUT', body: 'x', signal });
      expect(answer.kind === 'ok' && answer.body.toString()).toBe('nobody');
      expect(await places.send('http://169.254.169.254/', { method: 'GET', signal })).toMatchObject({ kind: 'unusable' });
    }
  });

  test('is not followed in a redirect', async () => {
    const seen: string[] = [];
    const port = await serve((request, response) => {
      seen.push(request.url ?? '');
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    const answer = await placesOf(`http://127.0.0.1:${port}`).send('/x', { method: 'PUT', body: 'x', signal });
    expect([answer.kind, seen]).toEqual(['refused', ['/x']]);
  });

  test('is limited in number: a few hosts, not any number', async () => {
    const places = placesOf('http://127.0.0.1:1', { resolve: async () => ['127.0.0.1'] });
    const kinds = [];
    for (let port = 2; port < 22; port++) kinds.push((await places.send(`http://127.0.0.1:${port}/`, { method: 'GET', signal })).kind);
    expect(kinds.filter((kind) => kind === 'unusable')).toHaveLength(4);
  });

  test('is reached through the configured proxy', async () => {
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      socket.end('HTTP/1.1 502 no\r\n\r\n');
    });
    const port = await serve((request, response) => {
      asked.push(new URL(request.url ?? '').host);
      response.writeHead(502).end();
    }, proxy);
    const places = placesOf('http://tracker.test', { resolve: known, env: { HTTP_PROXY: `http://127.0.0.1:${port}` } });
    await places.send('http://unknown.test/x', { method: 'GET', signal });
    expect(asked[0]).toMatch(/^unknown\.test/);
    expect(await places.send('http://metadata.test/', { method: 'GET', signal })).toMatchObject({ kind: 'unusable' });
  });

  const noTls = noCertificates();
  (noTls === undefined ? test : test.skip)('is trusted by the configured certificates', async () => {
    const folder = temporaryFolder();
    closers.push(() => rmSync(folder, { recursive: true, force: true }));
    const { ca, server } = makeCertificates(folder);
    const port = await serve((_, response) => response.end('here'), createTlsServer(server) as unknown as Server);
    const get = async (tls: NamedHostsOptions['tls']) =>
      (await placesOf('http://127.0.0.1', tls === undefined ? {} : { tls }).send(`https://127.0.0.1:${port}/`, { method: 'GET', signal }))
        .kind;
    expect([await get({ caPath: ca }), await get({ insecure: true }), await get(undefined)]).toEqual(['ok', 'ok', 'retry']);
  });
});

test('an upload gets the headers that it needs, and no others', () => {
  const given = [
    'Content-Type: image/png',
    'x-amz-acl:private',
    'X-Goog-Meta-A: b',
    'x-ms-blob-type: BlockBlob',
    'Authorization: Bearer x',
    'Cookie: a=b',
    'Host: inside',
    'Transfer-Encoding: chunked',
    'Content-Length: 5',
    'Proxy-Authorization: x',
    'X-Forwarded-For: 127.0.0.1',
    'content-md5: a\r\nhost: inside',
    'no colon',
    '',
    7,
    `x-amz-meta-a: ${'x'.repeat(5000)}`,
  ];
  expect(uploadHeaders(given)).toEqual({
    'content-type': 'image/png',
    'x-amz-acl': 'private',
    'x-goog-meta-a': 'b',
    'x-ms-blob-type': 'BlockBlob',
  });
  for (const strange of [undefined, null, 'x', {}]) expect(uploadHeaders(strange)).toEqual({});
});
