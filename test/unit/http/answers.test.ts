import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { MirrorError } from '../../../src/errors.ts';
import {
  AnswerFields,
  HttpClient,
  type HttpOptions,
  type HttpRequest,
  kindOf,
  parseJson,
  readJson,
  wholeNumber,
} from '../../../src/http/index.ts';
import { memoryInUse, useMemory } from '../../../src/memory/index.ts';
import { seededRandom } from '../../crash/backfill-kill.ts';
import { oddValue } from '../../support/odd-values.ts';

const MIB = 1024 * 1024;
const SOURCE = { what: 'looking for the run', address: 'http://h' };
const before = memoryInUse();
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  useMemory(before);
  for (const close of closers.splice(0)) await close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What speaks no HTTP of its own: a connection, once something came over it. */
async function serveRaw(answer: (socket: Socket) => void): Promise<string> {
  const open = new Set<Socket>();
  const server = createTcpServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    socket.once('data', () => answer(socket));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function clientOf(baseUrl: string, options: Partial<HttpOptions> = {}): HttpClient {
  const client = new HttpClient({ baseUrl, ...options });
  closers.push(() => client.close());
  return client;
}

const get = (rest: Partial<HttpRequest> = {}): HttpRequest => ({ method: 'GET', path: '/', signal: new AbortController().signal, ...rest });

/** Sends as much as is taken, and says how much that was. */
function endless(status: number, headers: Record<string, string>, piece: Buffer): { readonly listener: RequestListener; sent(): number } {
  let sent = 0;
  return {
    listener: (_, response) => {
      response.writeHead(status, headers);
      const more = (): void => {
        while (!response.destroyed) {
          sent += piece.length;
          if (!response.write(piece)) break;
        }
      };
      response.on('drain', more).on('error', () => undefined);
      more();
    },
    sent: () => sent,
  };
}

describe('the length of an answer', () => {
  test('is limited by the needs of the request, for any length', async () => {
    const { listener, sent } = endless(200, { 'content-type': 'application/json' }, Buffer.alloc(64 * 1024, '['));
    const url = await serve(listener);
    const answer = await clientOf(url).send(get());
    expect(answer).toMatchObject({ kind: 'retry', error: { code: 'MB4031', retry: 'later' } });
    expect(answer.kind === 'retry' && answer.error.message).toBe(
      `GET ${url}/: the server returned an unusable answer: it is longer than 1MiB`,
    );
    // What the connections hold comes to it.
    expect(sent()).toBeLessThan(32 * MIB);
  });

  test('is limited by the memory if the request may need much, and the message names the limit', async () => {
    useMemory({ limit: 64 * MIB, trackers: 1 });
    const { listener, sent } = endless(200, {}, Buffer.alloc(64 * 1024, 'x'));
    const answer = await clientOf(await serve(listener)).send(get({ mostBytes: Number.POSITIVE_INFINITY }));
    expect(answer).toMatchObject({
      kind: 'retry',
      error: { code: 'MB4030', message: expect.stringMatching(/too large: the limit is 4MiB$/), hint: expect.stringContaining('memory: ') },
    });
    expect(sent()).toBeLessThan(64 * MIB);
  });

  test('may be as large as the request allows', async () => {
    const url = await serve((_, response) => response.end(Buffer.alloc(3 * MIB)));
    expect(await clientOf(url).send(get({ mostBytes: 3 * MIB }))).toMatchObject({ kind: 'ok', body: { length: 3 * MIB } });
  });

  test('waits for other long answers, and releases its place when it was interrupted', async () => {
    useMemory({ limit: 64 * MIB, trackers: 1 });
    // Each begins, and ends when it is told to.
    const ends: (() => void)[] = [];
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 3 * MIB });
      response.write(Buffer.alloc(2 * MIB));
      ends.push(() => response.end(Buffer.alloc(MIB)));
    });
    const client = clientOf(url);
    const stop = new AbortController();
    const long = (signal = new AbortController().signal) => client.send(get({ mostBytes: Number.POSITIVE_INFINITY, signal }));
    const [first, second, third] = [long(), long(stop.signal), long()];
    second.catch(() => undefined);
    while (ends.length < 3) await new Promise((done) => setImmediate(done));
    stop.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    for (const end of ends) end();
    expect((await Promise.all([first, third])).map(({ kind }) => kind)).toEqual(['ok', 'ok']);
  });
});

describe('a compressed answer', () => {
  const text = '{"run":{"id":"r"}}';

  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ])('is decompressed (%s)', async (encoding, pack) => {
    const url = await serve((_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(pack(Buffer.from(text))));
    const answer = await clientOf(url).send(get());
    expect(answer.kind === 'ok' && answer.body.toString()).toBe(text);
  });

  test.each([
    ['gzip', gzipSync(Buffer.alloc(64 * MIB))],
    ['br', brotliCompressSync(Buffer.alloc(8 * MIB))],
  ])('of a few bytes takes no more memory than another one (%s)', async (encoding, bomb) => {
    const url = await serve((_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(bomb));
    expect(await clientOf(url).send(get())).toMatchObject({ kind: 'retry', error: { code: 'MB4031' } });
    const refused = await serve((_, response) => response.writeHead(500, { 'content-encoding': encoding }).end(bomb));
    expect(await clientOf(refused).send(get())).toMatchObject({ kind: 'retry', status: 500 });
  });

  test('is requested again if it cannot be decompressed', async () => {
    const broken = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('no such thing'));
    expect(await clientOf(broken).send(get())).toMatchObject({ kind: 'retry', error: { retry: 'later' } });
    const unknown = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'rot13' }).end('ab'));
    expect(await clientOf(unknown).send(get())).toMatchObject({ kind: 'retry', error: { code: 'MB4031', message: /packed as "rot13"/ } });
  });

  test('of no bytes is empty', async () => {
    const url = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': 0 }).end());
    expect(await clientOf(url).send(get({ method: 'HEAD' }))).toMatchObject({ kind: 'ok' });
    expect(await clientOf(url).send(get())).toMatchObject({ kind: 'ok', body: { length: 0 } });
  });
});

describe('a server that never finishes', () => {
  test.each([
    ['heads', (socket: Socket) => void setInterval(() => socket.write('x-a: b\r\n'.repeat(1000)), 1).unref(), 'HTTP/1.1 200 OK\r\n'],
    ['one endless head', (socket: Socket) => void setInterval(() => socket.write('b'.repeat(8000)), 1).unref(), 'HTTP/1.1 200 OK\r\nx-a: '],
    ['100s', (socket: Socket) => void setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 1).unref(), ''],
    ['103s', (socket: Socket) => void setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 1).unref(), ''],
  ])('is abandoned (%s)', async (_, more, begin) => {
    const url = await serveRaw((socket) => {
      socket.write(begin);
      more(socket);
    });
    expect(await clientOf(url, { timeoutMs: 400 }).send(get())).toMatchObject({ kind: 'retry', error: { code: 'MB4001' } });
  });

  test('that sends single bytes is abandoned at the time limit of the whole request', async () => {
    let pieces = 0;
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(pieces++ === 0 ? '{' : ' '), 10);
      response.on('close', () => clearInterval(drip));
    });
    expect(await clientOf(url, { timeoutMs: 300 }).send(get())).toMatchObject({
      kind: 'retry',
      error: { message: expect.stringContaining('no answer within 0.3 s') },
    });
    expect(pieces).toBeGreaterThan(1);
  });

  test('that reads an upload in single bytes is abandoned as well, later by a second for each megabyte', async () => {
    const url = await serveRaw((socket) => {
      socket.pause();
      setInterval(() => socket.read(1), 5).unref();
    });
    const small = await clientOf(url, { timeoutMs: 100 }).send(get({ method: 'PUT', body: Buffer.alloc(200_000) }));
    expect(small).toMatchObject({ kind: 'retry', error: { message: expect.stringContaining('no answer within 0.3 s') } });
  });
});

describe('JSON from a server', () => {
  test('is checked before it is decoded', () => {
    useMemory({ limit: 64 * MIB, trackers: 1 });
    expect(parseJson(Buffer.from(`[${'[],'.repeat(200_000)}1]`))).toEqual({ kind: 'tooLarge' });
    expect(parseJson(Buffer.from(`[${'"0123456789012345678901234567890123456789",'.repeat(50_000)}1]`)).kind).toBe('ok');
  });

  test.each([
    ['a hundred thousand levels', '['.repeat(100_000)],
    ['closed ones', `${'['.repeat(200)}${']'.repeat(200)}`],
    ['objects', '{"a":'.repeat(200)],
  ])('has few levels (%s)', (_, text) => {
    expect(parseJson(Buffer.from(text))).toEqual({ kind: 'odd', found: 'JSON with more than 100 levels' });
  });

  test('may have any brackets in its texts', () => {
    const value = { a: '['.repeat(500), b: '\\"[[{', c: `\\${'['.repeat(300)}` };
    expect(parseJson(Buffer.from(JSON.stringify(value)))).toEqual({ kind: 'ok', value });
  });

  test.each([
    ['a page', 'text/html', '{"a":1}', 'notJson'],
    ['a text', 'text/plain', 'hello', 'notJson'],
    ['a cut answer', 'application/json', '{"a":', 'failed'],
    ['a cut answer of no type', '', '{"a":', 'failed'],
    ['nothing, as JSON', 'application/json', '', 'failed'],
    ['no object', 'application/json', '7', 'failed'],
    ['a list', 'application/json', '[]', 'failed'],
    ['an object', '', '{"a":1}', 'ok'],
  ])('is distinguished from %s', (_, type, text, kind) => {
    const answer = { kind: 'ok' as const, status: 200, headers: { 'content-type': type }, body: Buffer.from(text) };
    expect(readJson(answer, SOURCE).kind).toBe(kind);
  });
});

describe('answers of a server', () => {
  const said = (value: unknown): AnswerFields => new AnswerFields(value, SOURCE);

  test('match the promise of the API, or the error names request and field', () => {
    const run = said({ run: { info: { run_id: [] }, tags: [{ key: 'a' }, null] } }).object('run');
    expect(() => run.object('info').id('run_id')).toThrow(
      'looking for the run: http://h returned an unusable answer: run.info.run_id is a list, expected an id',
    );
    expect(() => run.list('tags')).toThrow('run.tags[1] is null, expected an object');
    expect(() => run.records('tags')).toThrow('run.tags[1] is null, expected an object');
  });

  test('may omit empty fields', () => {
    const empty = said({ a: null });
    expect(empty.object('a').text('b', 'x')).toBe('x');
    expect([empty.list('a'), empty.texts('b'), empty.number('a', 3), empty.has('a'), empty.is('a')]).toEqual([[], [], 3, false, false]);
  });

  test('may have numbers in texts, and ids that are numbers', () => {
    const fields = said({ a: '12', b: 7, c: 1.5, d: 'twelve', e: ' ', f: Number.POSITIVE_INFINITY });
    expect([fields.number('a', 0), fields.number('c', 0), fields.id('b'), fields.id('a')]).toEqual([12, 1.5, '7', '12']);
    for (const name of ['d', 'e', 'f']) expect(() => fields.number(name, 0)).toThrow('expected a number');
    for (const name of ['c', 'f', 'missing']) expect(() => fields.id(name)).toThrow('expected an id');
  });

  test('have no ids that are dangerous in paths', () => {
    for (const id of ['', 'a\nb', '\u0000', 'x'.repeat(1001)]) expect(() => said({ id }).id('id')).toThrow('expected an id');
  });

  test('ignore the prototype of an object', () => {
    const fields = said(JSON.parse('{"__proto__":{"run":"x"}}'));
    expect([fields.has('toString'), fields.has('constructor'), fields.text('run', 'none')]).toEqual([false, false, 'none']);
  });

  test('are never reported as our bug, in any form', () => {
    const random = seededRandom(1);
    const readers: ((fields: AnswerFields) => unknown)[] = [
      (fields) => fields.text('a'),
      (fields) => fields.id('a'),
      (fields) => fields.number('a', 0),
      (fields) => fields.list('a').map((entry) => entry.text('id')),
      (fields) => fields.texts('a'),
      (fields) => fields.records('a'),
      (fields) => fields.object('a').object('id').text('toString'),
      (fields) => fields.is('a'),
    ];
    const thrown = new Set<unknown>();
    for (let i = 0; i < 500; i++) {
      const value = oddValue(random, null);
      for (const read of readers) {
        try {
          read(said({ a: value }));
        } catch (error) {
          thrown.add(error instanceof MirrorError ? error.code : error);
        }
      }
      expect(kindOf(value).length).toBeLessThan(50);
      wholeNumber(value);
    }
    expect([...thrown]).toEqual(['MB4031']);
  });

  test('have integers as digits of any length', () => {
    expect(['9007199254740993', '12', 12, 1.5].map(wholeNumber)).toEqual([9007199254740993n, 12, 12, 1.5]);
    for (const value of ['1e5', '', '9'.repeat(31), {}, [], null, Number.NaN]) expect(wholeNumber(value)).toBeUndefined();
  });
});
