import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HttpClient } from '../../../src/http/index.ts';

/** What the proxy was asked for. */
let asked: string[] = [];
let proxy: Server;
let target: Server;

beforeEach(async () => {
  asked = [];
  target = createServer((_, response) => response.end('here')).listen(0, '127.0.0.1');
  proxy = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    if (incoming.headers['proxy-authorization'] === undefined) {
      response.writeHead(407).end('who are you?');
      return;
    }
    // Whatever the name: it is the target.
    const { pathname } = new URL(incoming.url ?? '');
    request({ port: portOf(target), host: '127.0.0.1', path: pathname }, (answer) => answer.pipe(response)).end();
  });
  proxy.on('connect', (incoming: IncomingMessage, socket) => {
    asked.push(`CONNECT ${incoming.url}`);
    if (incoming.headers['proxy-authorization'] === undefined) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const other = connect(portOf(target), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(other).pipe(socket);
    });
    other.on('error', () => socket.destroy());
    socket.on('error', () => other.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await Promise.all([target, proxy].map((server) => new Promise((resolve) => server.once('listening', resolve))));
});

afterEach(() => {
  for (const server of [target, proxy]) {
    server.closeAllConnections();
    server.close();
  }
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function get(baseUrl: string, env: Readonly<Record<string, string>>) {
  const client = new HttpClient({ baseUrl, env });
  try {
    const answer = await client.send({ method: 'GET', path: '/x', signal: new AbortController().signal });
    return answer.kind === 'ok' ? answer.body.toString() : answer.error;
  } finally {
    await client.close();
  }
}

describe('proxies', () => {
  it('are used if a variable names one, with its user', async () => {
    const named = `http://me:hush@127.0.0.1:${portOf(proxy)}`;
    expect(await get('http://tracker.test', { HTTP_PROXY: named })).toBe('here');
    expect(await get('http://tracker.test', { http_proxy: named, HTTP_PROXY: 'http://127.0.0.1:1' })).toBe('here');
    expect(asked).toHaveLength(2);
    expect(asked[0]).toContain('tracker.test');
  });

  it('are not used for servers in NO_PROXY, and for this machine', async () => {
    const env = { HTTP_PROXY: `http://127.0.0.1:${portOf(proxy)}`, NO_PROXY: '.inside.test' };
    expect(await get(`http://127.0.0.1:${portOf(target)}`, env)).toBe('here');
    expect(await get('http://tracker.inside.test', env)).toMatchObject({ code: 'MB4001' });
    expect(asked).toEqual([]);
  });

  it('that reject the credentials cause an error without their password', async () => {
    const error = await get('http://tracker.test', { HTTP_PROXY: `http://127.0.0.1:${portOf(proxy)}` });
    expect(error).toMatchObject({ code: expect.stringMatching(/^MB400[12]$/) });
    const lost = await get('http://tracker.test', { HTTP_PROXY: 'http://me:hush-hush@127.0.0.1:1' });
    expect(lost).toMatchObject({ code: 'MB4001' });
    expect(String(lost)).not.toContain('hush-hush');
  });
});
