import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
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
  it('is alive at once, and ready when its source is', async () => {
    const source = { isReady: false, document: () => ({}) };
    const url = await serve(source);
    const code = async (path: string): Promise<number> => (await fetch(`${url}${path}`)).status;
    expect([await code('/livez'), await code('/healthz'), await code('/readyz')]).toEqual([200, 200, 503]);
    source.isReady = true;
    expect([await code('/livez'), await code('/healthz'), await code('/readyz?verbose=1')]).toEqual([200, 200, 200]);
  });

  it('gives the status as it is now', async () => {
    let points = 1;
    const url = await serve({ isReady: true, document: () => ({ type: 'status', points: points++ }) });
    const response = await fetch(`${url}/status`);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({ type: 'status', points: 1 });
    expect(await (await fetch(`${url}/status`)).json()).toEqual({ type: 'status', points: 2 });
  });

  it('says what there is where something else is asked for', async () => {
    const response = await fetch(`${await serve({ isReady: true, document: () => ({}) })}/metrics/x`);
    expect(response.status).toBe(404);
    expect(await response.text()).toMatch(/\/status/);
  });

  it.each(['', 'nonsense', '127.0.0.1:65536', '127.0.0.1:', 'localhost'])('refuses %j', async (listen) => {
    await expect(serveHealth(listen, { isReady: true, document: () => ({}) })).rejects.toMatchObject({ code: 'MB1001' });
  });

  it('takes a port alone for one that only this machine reaches', async () => {
    const server = await serveHealth('0', { isReady: true, document: () => ({}) });
    servers.push(server);
    expect((server.address() as AddressInfo).address).toBe('127.0.0.1');
  });

  it('says that an address is taken', async () => {
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
