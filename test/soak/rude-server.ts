// A server that answers as it likes: what MLflow would say, bent at random. Nothing that it does may end, freeze or
// fill the one who asks.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RudeServer {
  readonly url: string;
  readonly asked: number;
  close(): Promise<void>;
}

type Random = () => number;

/** `rudeness`: how many of the answers are bent, from 0 to 1. */
export async function startRudeServer(random: Random, rudeness: number): Promise<RudeServer> {
  let asked = 0;
  const server = createServer({ keepAliveTimeout: 500 }, (request, response) => {
    asked++;
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.resume();
    const answer = (): unknown => (random() < rudeness ? bend(random, request, response) : honest(request, response));
    if (request.complete) answer();
    else request.on('end', answer);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function body(): Record<string, unknown> {
  return {
    experiment: { experiment_id: '1', name: 'x', lifecycle_stage: 'active' },
    experiment_id: '1',
    run: { info: { run_id: 'r', experiment_id: '1', artifact_uri: 'mlflow-artifacts:/1/r/artifacts' }, data: {} },
    runs: [],
    files: [{ path: 'a', file_size: 1 }],
    metrics: [{ key: 'k', step: 0, timestamp: 0, value: 1 }],
  };
}

function honest(_: IncomingMessage, response: ServerResponse): void {
  json(response, 200, JSON.stringify(body()));
}

function json(response: ServerResponse, status: number, text: string | Buffer): unknown {
  return response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

/** Texts that keep expressions, parsers and memories busy. */
function worstText(random: Random): string {
  const units = ['a-', '?a', '"a":"', '<', '<style', '\\', '{"a":', '[', ' ', '\u001b[2J', '\u202e', 'http://a', '\ud800', '=', "'"];
  return (units[Math.floor(random() * units.length)] ?? 'a').repeat(Math.floor(random() * 60_000));
}

/** A value that is not the kind anybody waits for. */
function strange(random: Random, depth = 0): unknown {
  const pick = Math.floor(random() * (depth > 3 ? 7 : 10));
  switch (pick) {
    case 0:
      return null;
    case 1:
      return random() < 0.5;
    case 2:
      return random() * 10 ** Math.floor(random() * 300);
    case 3:
      return worstText(random).slice(0, 2000);
    case 4:
      return '';
    case 5:
      return { toString: 1, valueOf: null };
    case 6:
      return -1;
    case 7:
      return Array.from({ length: Math.floor(random() * 5) }, () => strange(random, depth + 1));
    case 8:
      return Object.fromEntries(['__proto__', 'constructor', 'info', 'data', 'tags'].map((name) => [name, strange(random, depth + 1)]));
    default:
      return JSON.parse('['.repeat(2000) + ']'.repeat(2000));
  }
}

function bend(random: Random, request: IncomingMessage, response: ServerResponse): unknown {
  const answer = body();
  const keys = Object.keys(answer);
  switch (Math.floor(random() * 14)) {
    case 0:
      return json(response, [400, 401, 403, 404, 409, 413, 429, 500, 501, 503][Math.floor(random() * 10)] ?? 500, worstText(random));
    case 1:
      answer[keys[Math.floor(random() * keys.length)] ?? 'run'] = strange(random);
      return json(response, 200, JSON.stringify(answer));
    case 2:
      return json(response, 200, JSON.stringify(strange(random)));
    case 3:
      return json(response, 200, JSON.stringify({ ...answer, next_page_token: random() < 0.5 ? 't' : String(random()) }));
    case 4:
      return json(response, 200, JSON.stringify(answer).slice(0, Math.floor(random() * 100)));
    case 5:
      response
        .writeHead(307, {
          location: worstText(random)
            .replace(/[^\x21-\x7e]/g, '')
            .slice(0, 4000),
        })
        .end();
      return undefined;
    case 6:
      request.socket.destroy();
      return undefined;
    case 7:
      response
        .writeHead(503, { 'retry-after': ['999999999', '-1', 'Thu, 01 Jan 1970 00:00:00 GMT', 'NaN', '0'][Math.floor(random() * 5)] ?? '' })
        .end();
      return undefined;
    case 8: {
      // It never ends by itself.
      response.writeHead(random() < 0.5 ? 500 : 404, { 'content-type': 'text/plain' });
      const piece = 'x'.repeat(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', more);
      more();
      return undefined;
    }
    case 9:
      request.socket.end(`HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(3000)}\r\n`);
      return undefined;
    case 10:
      request.socket.end('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100));
      return undefined;
    case 11:
      return json(response, 200, JSON.stringify({ run: { info: { run_id: 'r', artifact_uri: `http://${'a'.repeat(50_000)}` } } }));
    case 12:
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(Buffer.from('1f8b0800', 'hex'));
      return undefined;
    default:
      return json(response, 200, `${'['.repeat(100_000)}`);
  }
}
