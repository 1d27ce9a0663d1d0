import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { HttpClient, type HttpOptions, type HttpRequest } from '../../../src/http/index.ts';
import { listeningFor } from '../../../src/sign-of-life.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(listener: RequestListener): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function clientOf(baseUrl: string, options: Partial<HttpOptions> = {}): HttpClient {
  const client = new HttpClient({ baseUrl, ...options });
  closers.push(() => client.close());
  return client;
}

const get = (path: string, rest: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  path,
  signal: new AbortController().signal,
  ...rest,
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

describe('HttpClient', () => {
  test('gives a hint if nothing answers', async () => {
    const { url, server } = await serve(() => undefined);
    await new Promise((done) => server.close(done));
    const cases = [
      [url, /Nothing listens there.*\(base_url\)/],
      ['http://no-such-host.invalid:5000', /cannot resolve the host name: correct base_url/],
    ] as const;
    for (const [address, hint] of cases) {
      const answer = await clientOf(address, { tls: { names: { address: 'base_url', ca: 'ca', cert: 'cert' } } }).send(get('/'));
      expect(answer).toMatchObject({ kind: 'retry', error: { code: 'MB4001', retry: 'later', hint: expect.stringMatching(hint) } });
    }
  });

  test.each([
    ['has no end', Buffer.alloc(64 * 1024, 'x')],
    ['is made to keep an expression busy', Buffer.from('a-'.repeat(32 * 1024))],
  ])('reads only the beginning of a refusal that %s', async (_, piece) => {
    const { url } = await serve((_request, response) => {
      response.writeHead(500);
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', more);
      more();
    });
    const answer = await clientOf(url).send(get('/'));
    expect(answer).toMatchObject({ kind: 'retry', status: 500 });
    expect(answer.kind === 'retry' && answer.text.length).toBe(2000);
  });

  test('sends a stream with its length, and reads the stream again after a reset', async () => {
    const seen: unknown[] = [];
    const { url } = await serve(async (request, response) => {
      const { headers } = request;
      const text = await bodyOf(request);
      seen.push([headers['content-length'], headers['transfer-encoding'], text]);
      if (seen.length === 1) request.socket.destroy();
      else response.end('ok');
    });
    const body = {
      bytes: 6,
      async *read() {
        yield Buffer.from('abc');
        yield Buffer.from('def');
      },
    };
    const answer = await clientOf(url).send({ method: 'POST', path: '/', body, signal: new AbortController().signal });
    expect(answer.kind).toBe('ok');
    expect(seen).toEqual([
      ['6', undefined, 'abcdef'],
      ['6', undefined, 'abcdef'],
    ]);
  });

  test('keeps a prefix, takes user and password out of the address, and sends bodies with their length', async () => {
    const seen: unknown[] = [];
    const { url } = await serve(async (request, response) => {
      const { headers, method } = request;
      seen.push([
        method,
        request.url,
        headers.authorization,
        headers['content-length'],
        headers['transfer-encoding'],
        await bodyOf(request),
      ]);
      response.end('{"a":1}');
    });
    const client = clientOf(`${url.replace('://', '://me:s%40cret@')}/prefix/`);
    expect(client.address).toBe(`${url}/prefix`);
    const view = new Uint8Array([0, 104, 105, 0]).subarray(1, 3);
    expect(await client.send(get('/x', { query: { 'a b': 'c&d', none: undefined } }))).toMatchObject({ kind: 'ok', status: 200 });
    await client.send(get('/y', { method: 'PUT', body: view }));
    const basic = `Basic ${Buffer.from('me:s@cret').toString('base64')}`;
    expect(seen).toEqual([
      ['GET', '/prefix/x?a%20b=c%26d', basic, undefined, undefined, ''],
      ['PUT', '/prefix/y', basic, '2', undefined, 'hi'],
    ]);
  });

  test('keeps connections', async () => {
    const ports = new Set<number | undefined>();
    const { url } = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end();
    });
    const client = clientOf(url);
    for (let i = 0; i < 20; i++) await client.send(get('/'));
    // A connection may still be busy with the end of an answer when the next request comes, or have been idle for too
    // long.
    expect(ports.size).toBeLessThan(10);
  });

  test('immediately retries once when a kept connection is reset', async () => {
    let requests = 0;
    const { url } = await serve((request, response) => {
      if (++requests === 2) (request.socket as Socket).resetAndDestroy();
      else response.end('ok');
    });
    const client = clientOf(url);
    await client.send(get('/'));
    expect(await client.send(get('/', { method: 'POST', body: 'x' }))).toMatchObject({ kind: 'ok' });
    expect(requests).toBe(3);
  });

  test('sends a request that creates something only once', async () => {
    let requests = 0;
    const { url } = await serve((request) => {
      requests++;
      (request.socket as Socket).resetAndDestroy();
    });
    expect(await clientOf(url).send(get('/', { method: 'POST', body: 'x', isRepeatable: false }))).toMatchObject({ kind: 'retry' });
    expect(requests).toBe(1);
  });

  test('asks for a retry if connections are reset repeatedly or refused', async () => {
    const { url, server } = await serve((request) => (request.socket as Socket).resetAndDestroy());
    const client = clientOf(url);
    expect(await client.send(get('/'))).toMatchObject({ kind: 'retry', error: { code: 'MB4001', retry: 'later' } });
    await new Promise((done) => server.close(done));
    expect(await client.send(get('/'))).toMatchObject({ kind: 'retry', status: undefined, error: { code: 'MB4001' } });
  });

  test.each([
    [429, '2', 'retry', 2000, 'MB4005'],
    [503, undefined, 'retry', undefined, 'MB4001'],
    [500, undefined, 'retry', undefined, 'MB4005'],
    [501, undefined, 'refused', undefined, 'MB4005'],
    [400, undefined, 'refused', undefined, 'MB4005'],
    [401, undefined, 'refused', undefined, 'MB4002'],
    [302, undefined, 'refused', undefined, 'MB4003'],
  ])('classifies %i correctly', async (status, after, kind, afterMs, code) => {
    const { url } = await serve((_, response) => {
      response.writeHead(status, after === undefined ? {} : { 'retry-after': after }).end('why');
    });
    const answer = await clientOf(url).send(get('/p'));
    expect(answer).toMatchObject({ kind, status, text: 'why', error: { code } });
    expect('afterMs' in answer ? answer.afterMs : undefined).toBe(afterMs);
  });

  test('cuts long answers and shows no secret in errors', async () => {
    const { url } = await serve((request, response) => {
      response.writeHead(403).end(`denied ${request.headers.authorization} ${'x'.repeat(100_000)}`);
    });
    const answer = await clientOf(url, { auth: { token: 'very-secret' } }).send(get('/p', { query: { api_key: 'hidden-one' } }));
    if (answer.kind !== 'refused') throw new Error('not refused');
    expect(answer.text.length).toBe(2000);
    expect(JSON.stringify([answer.text, answer.error.message, answer.error.context])).not.toMatch(/very-secret|hidden-one/);
    expect(answer.error.message).toContain('GET ');
  });

  test('gives up after the time limit, also in the middle of an answer', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/half') response.write('begin');
    });
    const client = clientOf(url, { timeoutMs: 50 });
    for (const path of ['/never', '/half']) {
      expect(await client.send(get(path))).toMatchObject({
        kind: 'retry',
        error: { message: expect.stringContaining('no answer within 0.05 s') },
      });
    }
  });

  test('counts an answer and a refused connection as a sign of life, but not its own timeout', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/well') response.end('1');
    });
    const { url: closed, server } = await serve(() => undefined);
    await new Promise((done) => server.close(done));
    const signsOf = async (address: string, path: string): Promise<number> => {
      let signs = 0;
      await listeningFor({ answered: () => void signs++ }, () => clientOf(address, { timeoutMs: 300 }).send(get(path)));
      return signs;
    };
    expect(await signsOf(url, '/well')).toBeGreaterThan(0);
    expect(await signsOf(closed, '/')).toBeGreaterThan(0);
    expect(await signsOf(url, '/never')).toBe(0);
  });

  test('reports how each request ended and how long it took, except for aborted ones', async () => {
    const stop = new AbortController();
    const { url } = await serve((request, response) => {
      if (request.url === '/stop') stop.abort(new Error('enough'));
      else if (request.url !== '/never') response.writeHead(Number(request.url?.slice(1))).end('{}');
    });
    const ended: [number | undefined, boolean][] = [];
    const listener = {
      answered: () => undefined,
      requestEnded: (status: number | undefined, ms: number) => void ended.push([status, ms >= 0 && ms < 60_000]),
    };
    const client = clientOf(url, { timeoutMs: 300 });
    for (const path of ['/200', '/404', '/500', '/never']) await listeningFor(listener, () => client.send(get(path)));
    await expect(listeningFor(listener, () => client.send(get('/stop', { signal: stop.signal })))).rejects.toThrow('enough');
    expect(ended).toEqual([200, 404, 500, undefined].map((status) => [status, true]));
    await client.send(get('/200'));
    expect(ended).toHaveLength(4);
  });

  test('throws the reason when it is aborted', async () => {
    const stop = new AbortController();
    const { url } = await serve(() => stop.abort(new Error('enough')));
    const client = clientOf(url);
    const sent = client.send(get('/', { signal: stop.signal }));
    await expect(sent).rejects.toThrow('enough');
    await expect(client.send(get('/', { signal: stop.signal }))).rejects.toThrow('enough');
  });

  test('does not read answers beyond its limit', async () => {
    const { url } = await serve((_, response) => response.end('x'.repeat(5000)));
    expect(await clientOf(url).send(get('/', { mostBytes: 1000 }))).toMatchObject({ kind: 'retry', error: { code: 'MB4031' } });
  });

  test('names the missing file of a certificate', () => {
    expect(() => new HttpClient({ baseUrl: 'https://h', tls: { caPath: '/no/such.pem' } })).toThrow('/no/such.pem');
  });
});

describe('a server with a limit of requests per second', () => {
  /** So many at once, and one more every so often; all others are refused. */
  async function strict(burst: number, everyMs: number, status: number): Promise<{ readonly url: string; readonly seen: number[] }> {
    const seen: number[] = [];
    let [left, sinceMs] = [burst, performance.now()];
    const { url } = await serve((_request, response) => {
      const now = performance.now();
      left = Math.min(burst, left + (now - sinceMs) / everyMs);
      sinceMs = now;
      if (left >= 1) left--;
      else response.statusCode = status;
      seen.push(response.statusCode);
      response.end(response.statusCode === 503 ? '<html>503 Service Temporarily Unavailable</html>' : '{}');
    });
    return { url, seen };
  }

  // 503 is what nginx says unless it is told otherwise.
  test.each([429, 503])('is read at its own pace, without a failure (%i)', async (status) => {
    const { url, seen } = await strict(3, 30, status);
    const client = clientOf(url);
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.send(get('/'))));
    expect(answers.every(({ kind }) => kind === 'ok')).toBe(true);
    expect(seen.filter((status) => status === 200)).toHaveLength(20);
    expect(seen.length).toBeLessThan(60);
  });

  test.each([429, 503])('is written to at its pace, too, after one failure; the next requests do not fail (%i)', async (status) => {
    const { url } = await strict(2, 30, status);
    const client = clientOf(url);
    const post = get('/', { method: 'POST', body: 'x', isRepeatable: status !== 429 });
    const kinds: string[] = [];
    for (let i = 0; i < 12; i++) kinds.push((await client.send(post)).kind);
    expect(kinds.filter((kind) => kind !== 'ok').length).toBeLessThanOrEqual(1);
  });

  test('is not asked again if the answer is its own, or if the work may be done already', async () => {
    for (const [text, isRepeatable] of [
      ['{"error": "no such store"}', true],
      ['<html>busy</html>', false],
    ] as const) {
      let asked = 0;
      const { url } = await serve((request, response) => {
        if (request.url === '/no') asked++;
        response.statusCode = request.url === '/no' ? 503 : 200;
        response.end(request.url === '/no' ? text : '{}');
      });
      const client = clientOf(url);
      await client.send(get('/'));
      for (let i = 0; i < 2; i++) expect(await client.send(get('/no', { isRepeatable }))).toMatchObject({ kind: 'retry', status: 503 });
      expect(asked).toBe(2);
    }
  });
});
