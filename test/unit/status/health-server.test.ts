import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import { serveHealth } from '../../../src/status/index.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

async function serve(source: { isReady: boolean; document(): Record<string, unknown> }, listen = '127.0.0.1:0'): Promise<string> {
  const server = await serveHealth(listen, source);
  servers.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the health server', () => {
  it('is alive at once, and ready when its source is ready', async () => {
    const source = { isReady: false, document: () => ({}) };
    const url = await serve(source);
    const code = async (path: string): Promise<number> => (await fetch(`${url}${path}`)).status;
    expect([await code('/livez'), await code('/healthz'), await code('/readyz')]).toEqual([200, 200, 503]);
    source.isReady = true;
    expect([await code('/livez'), await code('/healthz'), await code('/readyz?verbose=1')]).toEqual([200, 200, 200]);
  });

  it('returns the current status', async () => {
    let points = 1;
    const url = await serve({ isReady: true, document: () => ({ type: 'status', points: points++ }) });
    const response = await fetch(`${url}/status`);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({ type: 'status', points: 1 });
    expect(await (await fetch(`${url}/status`)).json()).toEqual({ type: 'status', points: 2 });
  });

  it('serves metrics with their content type, and reports why if they are not readable', async () => {
    const asked: (string | undefined)[] = [];
    let isBroken = false;
    const metrics = {
      render: async (accept: string | undefined) => {
        asked.push(accept);
        if (isBroken) throw new Error('no sums');
        return { contentType: 'text/plain; version=0.0.4', text: 'up 1\n' };
      },
    };
    const server = await serveHealth('127.0.0.1:0', { isReady: true, document: () => ({}) }, [], metrics);
    servers.push(server);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const response = await fetch(`${url}/metrics?x=1`, { headers: { accept: 'text/plain' } });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'text/plain; version=0.0.4',
      'up 1\n',
    ]);
    expect(asked).toEqual(['text/plain']);
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    isBroken = true;
    const failed = await fetch(`${url}/metrics`);
    expect([failed.status, await failed.text()]).toEqual([500, 'the metrics could not be read: no sums\n']);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect(await (await fetch(`${url}/other`)).text()).toMatch('/metrics');
    const without = await serve({ isReady: true, document: () => ({}) });
    expect((await fetch(`${without}/metrics`)).status).toBe(404);
  });

  it('lists its paths for an unknown path', async () => {
    const response = await fetch(`${await serve({ isReady: true, document: () => ({}) })}/metrics/x`);
    expect(response.status).toBe(404);
    expect(await response.text()).toMatch(/\/status/);
  });

  it.each(['', 'nonsense', '127.0.0.1:65536', '127.0.0.1:', 'localhost'])('refuses %j', async (listen) => {
    await expect(serveHealth(listen, { isReady: true, document: () => ({}) })).rejects.toMatchObject({ code: 'MB1001' });
  });

  it('treats a port alone as an address that only this machine reaches', async () => {
    const server = await serveHealth('0', { isReady: true, document: () => ({}) });
    servers.push(server);
    expect((server.address() as AddressInfo).address).toBe('127.0.0.1');
  });

  /** What comes back over a connection for bytes as they are. */
  async function raw(url: string, text: string): Promise<string> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('error', () => undefined);
    socket.write(text);
    await once(socket, 'close');
    return answer;
  }
  const status = (answer: string): number => Number(answer.split(' ', 2)[1]);

  it('answers requests to an address or a name of its own, and no others', async () => {
    const server = await serveHealth('127.0.0.1:0', { isReady: true, document: () => ({}) }, ['mirrorboard.tracking.svc', '.example.com']);
    servers.push(server);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const asked = async (host: string): Promise<number> =>
      status(await raw(url, `GET /livez HTTP/1.1\r\n${host}connection: close\r\n\r\n`));
    const ours = [
      '127.0.0.1',
      '10.1.2.3:8080',
      '[::1]:80',
      '[fd00::7]',
      'localhost:1',
      'LOCALHOST',
      'localhost.',
      'a.localhost',
      hostname(),
    ];
    for (const host of [...ours, 'mirrorboard.tracking.svc:8080', 'x.example.com'])
      expect([host, await asked(`host: ${host}\r\n`)]).toEqual([host, 200]);
    const others = [
      'evil.test',
      'evil.test:8080',
      'localhost.evil.test',
      '127.0.0.1.evil.test',
      'example.com',
      'xexample.com',
      '',
      'a'.repeat(1000),
    ];
    for (const host of others) expect([host, await asked(`host: ${host}\r\n`)]).toEqual([host, 403]);
    expect(await asked('')).toBe(400);
    expect(status(await raw(url, 'GET /livez HTTP/1.0\r\n\r\n'))).toBe(200);
  });

  it('accepts any host name if that is configured', async () => {
    const server = await serveHealth('127.0.0.1:0', { isReady: true, document: () => ({}) }, ['*']);
    servers.push(server);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(status(await raw(url, 'GET /livez HTTP/1.1\r\nhost: evil.test\r\nconnection: close\r\n\r\n'))).toBe(200);
  });

  it('only answers reads, and accepts no body', async () => {
    const url = await serve({ isReady: true, document: () => ({}) });
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
      expect([method, status(await raw(url, `${method} /status HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n`))]).toEqual([
        method,
        405,
      ]);
    }
    const head = await raw(url, 'HEAD /status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    expect([status(head), head.endsWith('\r\n\r\n')]).toEqual([200, true]);
    // The connection ends with the answer, however much was said to come.
    for (const body of ['content-length: 1000000000\r\n\r\nx', 'transfer-encoding: chunked\r\n\r\n1\r\nx\r\n']) {
      expect(status(await raw(url, `GET /status HTTP/1.1\r\nhost: localhost\r\n${body}`))).toBe(413);
    }
    expect(status(await raw(url, `GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`))).toBe(431);
  });

  it('answers a probe while a client holds all connections', async () => {
    const url = await serve({ isReady: true, document: () => ({}) });
    const held = Array.from({ length: 200 }, () => connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined));
    try {
      await Promise.all(held.map((socket) => once(socket, 'connect')));
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      const [server] = servers;
      const count = await new Promise<number>((done) => server?.getConnections((_, open) => done(open)));
      expect(count).toBeLessThanOrEqual(65);
    } finally {
      for (const socket of held) socket.destroy();
    }
  });

  it('reports that an address is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const { port } = other.address() as AddressInfo;
      await expect(serveHealth(`127.0.0.1:${port}`, { isReady: true, document: () => ({}) })).rejects.toMatchObject({ code: 'MB1001' });
    } finally {
      other.close();
    }
  });
});
