import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { MirrorError } from '../../../src/errors.ts';
import { type Authorizer, HttpClient, type HttpRequest, type UnsignedRequest } from '../../../src/http/index.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server that accepts one credential, and repeats what it got in its refusals. */
async function serve(isAccepted: (request: IncomingMessage) => boolean): Promise<{ readonly url: string; readonly seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const { authorization = 'none' } = request.headers;
    seen.push(authorization);
    request.resume();
    if (!isAccepted(request)) response.writeHead(401);
    response.end(`got ${JSON.stringify(request.headers)}`);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`, seen };
}

const post = (body: string, rest: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'POST',
  path: '/p',
  query: { a: "b c!'()*" },
  headers: { 'content-type': 'text/plain' },
  body,
  signal: new AbortController().signal,
  ...rest,
});

/** Numbers what it signs, and has another key after each renewal. */
class Numbering implements Authorizer {
  readonly signed: UnsignedRequest[] = [];
  key = 1;
  most = Number.POSITIVE_INFINITY;
  renewals = 0;
  isClosed = false;

  async authorize(request: UnsignedRequest) {
    this.signed.push(request);
    const secret = `secret-of-key-${this.key}`;
    return { headers: { authorization: `Own ${secret}` }, secrets: [secret] };
  }

  async renew(): Promise<boolean> {
    this.renewals++;
    await new Promise((done) => setTimeout(done, 20));
    if (this.key >= this.most) return false;
    this.key++;
    return true;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function clientOf(baseUrl: string, authorizer: Authorizer): HttpClient {
  const client = new HttpClient({ baseUrl, authorizer, headers: { 'x-own': '1' } });
  closers.push(() => client.close());
  return client;
}

describe('an authorizer', () => {
  test('gets every part of a request that is sent, and adds its headers', async () => {
    const { url, seen } = await serve(() => true);
    const authorizer = new Numbering();
    const client = clientOf(url, authorizer);
    expect((await client.send(post('text'))).kind).toBe('ok');
    expect(seen).toEqual(['Own secret-of-key-1']);
    expect(authorizer.signed).toEqual([
      {
        method: 'POST',
        url: new URL(`${url}/p?a=b%20c%21%27%28%29%2A`),
        headers: { accept: 'application/json', 'x-own': '1', 'content-type': 'text/plain' },
        body: 'text',
      },
    ]);
    await client.close();
    expect(authorizer.isClosed).toBe(true);
  });

  test('is renewed once for requests that were refused together, and each of them is sent again', async () => {
    const { url, seen } = await serve(({ headers }) => headers.authorization === 'Own secret-of-key-2');
    const authorizer = new Numbering();
    const client = clientOf(url, authorizer);
    const answers = await Promise.all(['a', 'b', 'c'].map((body) => client.send(post(body))));
    expect(answers.map(({ kind }) => kind)).toEqual(['ok', 'ok', 'ok']);
    expect(authorizer.renewals).toBe(1);
    expect(seen).toHaveLength(6);
  });

  test('is not asked for ever, and its secrets are in no error', async () => {
    const { url, seen } = await serve(() => false);
    const authorizer = new Numbering();
    authorizer.most = 2;
    const client = clientOf(url, authorizer);
    const first = await client.send(post('a'));
    expect(first).toMatchObject({ kind: 'refused', status: 401, error: { code: 'MB4002' } });
    expect(seen).toHaveLength(2);
    const second = await client.send(post('a'));
    expect(seen).toHaveLength(3);
    expect(JSON.stringify([first, second])).toContain('[redacted]');
    expect(JSON.stringify([first, second])).not.toMatch(/secret-of-key/);
  });

  test('has its own error as the answer, and nothing is sent', async () => {
    const { url, seen } = await serve(() => true);
    const authorizer = new Numbering();
    authorizer.authorize = () => Promise.reject(new MirrorError('MB4002', 'there are no keys', { hint: 'Make some.' }));
    const answer = await clientOf(url, authorizer).send(post('a'));
    expect(answer).toMatchObject({ kind: 'retry', status: undefined, error: { code: 'MB4002', hint: 'Make some.' } });
    expect(seen).toEqual([]);
  });

  test('holds up nobody who gives up', async () => {
    const { url } = await serve(() => true);
    const authorizer = new Numbering();
    authorizer.authorize = () => new Promise(() => undefined);
    const stop = new AbortController();
    const sent = clientOf(url, authorizer).send(post('a', { signal: stop.signal }));
    stop.abort(new Error('enough'));
    await expect(sent).rejects.toThrow('enough');
  });
});
