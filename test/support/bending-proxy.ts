// A proxy that bends answers: an honest server behind it, and what comes through is at random cut, swollen, packed,
// slow or of another shape. None of it can be taken for an honest answer, so that the client can know that it must
// retry.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { bendJson } from './odd-values.ts';

export interface BendingProxy {
  readonly url: string;
  /** Requests that came. */
  readonly asked: number;
  /** Answers that were bent, by their kind. */
  readonly bent: ReadonlyMap<string, number>;
  /** Bends nothing any more. */
  heal(): void;
  close(): Promise<void>;
}

export interface BendingOptions {
  /** Numbers from 0 to 1. */
  readonly random: () => number;
  /** Of an answer that it is bent. */
  readonly probability: number;
  /** So many are bent, and then all is well. */
  readonly bends: number;
  /** Fields of answers that stay: what is wrong with them is for good. */
  readonly kept?: readonly string[];
  /** Another body for an answer that is no JSON; undefined where it is to stay. */
  readonly bendBytes?: (random: () => number, path: string, body: Buffer) => Buffer | undefined;
}

interface Honest {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

type Bend = (response: ServerResponse, honest: Honest, random: () => number) => void;

const MIB = 1024 * 1024;
const BRACKETS = Buffer.from('[{},'.repeat(MIB / 4));
let bombs: readonly (readonly [encoding: string, body: Buffer])[] | undefined;

/** A gigabyte in a megabyte, and the same with less. */
function bomb(random: () => number): readonly [encoding: string, body: Buffer] {
  bombs ??= makeBombs();
  return bombs[Math.floor(random() * bombs.length)] as readonly [string, Buffer];
}

function makeBombs(): readonly (readonly [encoding: string, body: Buffer])[] {
  const packed = gzipSync(Buffer.alloc(16 * MIB, '['));
  return [
    // Packed pieces one after the other are unpacked one after the other.
    ['gzip', Buffer.concat(Array.from({ length: 64 }, () => packed))],
    ['br', brotliCompressSync(Buffer.alloc(64 * MIB), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ];
}

const json = { 'content-type': 'application/json' };

/** Of every answer. */
const BENDS: Readonly<Record<string, Bend>> = {
  'a reset': (response) => response.socket?.destroy(),
  'an answer that is cut off': (response, { status, headers, body }) => {
    response.writeHead(status, { ...plain(headers), 'content-length': body.length + 10 });
    response.write(body.subarray(0, body.length >> 1));
    setTimeout(() => response.socket?.destroy(), 5);
  },
  'another status': (response, _, random) => {
    const status = [302, 307, 401, 403, 408, 429, 502, 503, 504][Math.floor(random() * 9)] as number;
    const location = status < 400 ? { location: 'http://127.0.0.1:1/elsewhere' } : {};
    response.writeHead(status, { ...location, 'content-type': 'text/plain' }).end('a-?a=<'.repeat(Math.floor(random() * 20_000)));
  },
  'a page': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>'),
  'an endless answer': (response, { status }) => {
    response.writeHead(status, json);
    // What has no body takes any number of bytes, and sends none.
    if (response.req.method === 'HEAD') {
      response.end();
      return;
    }
    const more = (): void => {
      while (!response.destroyed && response.write(BRACKETS));
    };
    response.on('drain', more);
    more();
  },
  'a bomb': (response, _, random) => {
    const [encoding, body] = bomb(random);
    response.writeHead(200, { ...json, 'content-encoding': encoding }).end(body);
  },
  'a broken packing': (response, _, random) => {
    response.writeHead(200, { ...json, 'content-encoding': random() < 0.5 ? 'gzip' : 'rot13' }).end('no such thing');
  },
  'endless heads': (response) => {
    const { socket } = response;
    socket?.write('HTTP/1.1 200 OK\r\n');
    const more = (): void => {
      for (let i = 0; i < 100 && socket?.destroyed === false; i++) socket.write('x-a: b\r\n'.repeat(100));
      socket?.destroy();
    };
    setImmediate(more);
  },
  'nothing but 100': (response) => response.socket?.end('HTTP/1.1 100 Continue\r\n\r\n'.repeat(200)),
  'a drip': (response, { status, headers, body }) => {
    response.writeHead(status, { ...plain(headers), 'content-length': body.length + 100 });
    let at = 0;
    const drip = setInterval(() => {
      response.write(Buffer.from(' '));
      if (++at < 10 && !response.destroyed) return;
      clearInterval(drip);
      response.socket?.destroy();
    }, 10);
  },
};

/** Of answers in JSON. */
const JSON_BENDS: Readonly<Record<string, (text: string, random: () => number, kept: ReadonlySet<string>) => string>> = {
  'a value of another kind': (text, random, kept) => bendJson(random, text, kept),
  'another value of another kind': (text, random, kept) => bendJson(random, text, kept),
  'a text that is cut': (text, random) => text.slice(0, Math.floor(random() * (text.length - 1))),
  'too many levels': () => '['.repeat(100_000),
  'something else than an object': (_, random) => ['null', '7', '"text"', '[1]', 'true', ''][Math.floor(random() * 6)] as string,
};

/** Before a server on the loopback interface. */
export async function startBendingProxy(
  target: string,
  { random, probability, bends, kept = [], bendBytes }: BendingOptions,
): Promise<BendingProxy> {
  const { hostname, port } = new URL(target);
  const names = new Set(kept);
  const bent = new Map<string, number>();
  const open = new Set<Socket>();
  let asked = 0;
  let left = bends;
  const answer = (incoming: IncomingMessage, response: ServerResponse, honest: Honest): void => {
    const isDue = left > 0 && random() < probability;
    if (!isDue) {
      const length = honest.headers['content-length'];
      const head = incoming.method === 'HEAD' && length !== undefined ? { 'content-length': length } : {};
      response.writeHead(honest.status, { ...plain(honest.headers), ...head }).end(honest.body);
      return;
    }
    left--;
    const isJson = honest.status < 300 && isJsonAnswer(incoming, honest);
    const kinds = [...Object.keys(BENDS), ...(isJson ? [...Object.keys(JSON_BENDS), ...Object.keys(JSON_BENDS)] : [])];
    const other = isJson || honest.status >= 300 || random() < 0.5 ? undefined : bendBytes?.(random, incoming.url ?? '', honest.body);
    const kind = other === undefined ? (kinds[Math.floor(random() * kinds.length)] as string) : 'other bytes';
    bent.set(kind, (bent.get(kind) ?? 0) + 1);
    const change = JSON_BENDS[kind];
    if (other !== undefined) response.writeHead(honest.status, plain(honest.headers)).end(other);
    else if (change === undefined) BENDS[kind]?.(response, honest, random);
    else response.writeHead(honest.status, json).end(change(honest.body.toString('utf8'), random, names));
  };
  const server = createServer({ keepAliveTimeout: 1000 }, (incoming, response) => {
    asked++;
    for (const stream of [incoming, response]) stream.on('error', () => undefined);
    const headers = { ...incoming.headers, host: `${hostname}:${port}` };
    const onward = request({ hostname, port, method: incoming.method, path: incoming.url, headers, agent: false }, (upstream) => {
      const chunks: Buffer[] = [];
      upstream.on('data', (chunk: Buffer) => chunks.push(chunk));
      upstream.on('error', () => response.socket?.destroy());
      upstream.on('end', () =>
        answer(incoming, response, { status: upstream.statusCode ?? 500, headers: upstream.headers, body: Buffer.concat(chunks) }),
      );
    });
    onward.on('error', () => response.socket?.destroy());
    incoming.pipe(onward);
  });
  // What is no request any more, as the write channel of Aim, goes through as it is.
  server.on('upgrade', (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    const upstream = connect(Number(port), hostname, () => {
      const lines = incoming.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []));
      upstream.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    bent,
    heal() {
      left = 0;
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A file is what it is, also where JSON stands in it. */
function isJsonAnswer({ url = '' }: IncomingMessage, { headers, body }: Honest): boolean {
  if (body.length < 3 || /\/artifacts\/|^\/files\//.test(url)) return false;
  return headers['content-type']?.includes('json') === true;
}

function plain(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const { connection: _, 'transfer-encoding': __, 'keep-alive': ___, 'content-length': ____, ...rest } = headers;
  return Object.fromEntries(Object.entries(rest).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])));
}
