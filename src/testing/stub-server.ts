import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Fault, FaultQueue } from './fault.ts';
import { close, listen, urlOf } from './loopback.ts';

/** A request that a stub server took, with its body. */
export interface StubRequest {
  /**
   * The values of the route's parts that begin with a colon, decoded. The last part may be `*NAME`, for the rest of
   * the path.
   */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** True if the fault `partStored` is due: store only a part of the body. The server then answers 500. */
  readonly isPart: boolean;
}

/** The answer of a stub server: status 200 by default. A body that is neither text nor bytes is sent as JSON. */
export interface StubAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The routes of a stub server, and the clients that it accepts. */
export interface StubOptions {
  /**
   * The handlers by method and path: `{ 'POST /runs/:id/points': ({ params, body }) => … }`. The first matching route
   * is used.
   */
  readonly routes: Readonly<Record<string, (request: StubRequest) => StubAnswer | Promise<StubAnswer>>>;
  /** The routes that fail when a fault is due: those that write points. */
  readonly faultyRoutes: readonly string[];
  /**
   * The token that every request must have as `Authorization: Bearer`; others get 401. Default: no token is needed.
   */
  readonly token?: string;
}

const ERRORS: Partial<Record<Fault['kind'], number>> = { rateLimited: 429, unavailable: 503, noAccess: 401, partStored: 500 };

/**
 * A strict HTTP server on a free port of the loopback interface, as a stub of a tracker: it fails as a case of the
 * suite asks, and records requests that a correct client never sends (`complaints`).
 */
export class StubServer {
  /**
   * Unknown routes, invalid JSON, bodies without a length, and complaints of routes. Must be empty after every case.
   */
  readonly complaints: string[] = [];
  /** The requests so far, by route. */
  readonly counts = new Map<string, number>();
  readonly faults = new FaultQueue();
  readonly #options: StubOptions;
  readonly #server: Server;

  private constructor(options: StubOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        this.complaints.push(`the stub failed: ${String(error)}`);
        response.destroy();
      });
    });
  }

  static async start(options: StubOptions): Promise<StubServer> {
    const stub = new StubServer(options);
    await listen(stub.#server);
    return stub;
  }

  /** Returns the address of the server: `http://127.0.0.1:PORT`. */
  get url(): string {
    return urlOf(this.#server);
  }

  async close(): Promise<void> {
    await close(this.#server);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined) return;
    const { method = 'GET', headers } = request;
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://stub');
    const { token } = this.#options;
    if (token !== undefined && headers.authorization !== `Bearer ${token}`) return send(response, { status: 401, body: 'who are you?' });
    this.#checkBody(`${method} ${pathname}`, headers, body);
    for (const [route, answer] of Object.entries(this.#options.routes)) {
      const params = paramsOf(route, method, pathname);
      if (params === undefined) continue;
      this.counts.set(route, (this.counts.get(route) ?? 0) + 1);
      const fault = this.#options.faultyRoutes.includes(route) ? this.faults.next() : undefined;
      const work = (): StubAnswer | Promise<StubAnswer> => answer({ params, query, headers, body, isPart: fault?.kind === 'partStored' });
      return fault === undefined ? send(response, await work()) : misbehave(fault, response, work);
    }
    this.complaints.push(`there is no route for ${method} ${pathname}`);
    send(response, { status: 404 });
  }

  #checkBody(what: string, { 'content-type': type = '', 'content-length': length }: IncomingHttpHeaders, body: Buffer): void {
    if (body.length > 0 && length === undefined) this.complaints.push(`${what} has a body without a length`);
    const texts = /\bndjson\b/.test(type) ? body.toString().split('\n') : /\bjson\b/.test(type) ? [body.toString()] : [];
    for (const text of texts) if (text !== '' && !isJson(text)) this.complaints.push(`${what} sent what is no JSON: ${text.slice(0, 200)}`);
  }
}

async function misbehave(fault: Fault, response: ServerResponse, work: () => StubAnswer | Promise<StubAnswer>): Promise<void> {
  const { kind, afterSec, asDate = false } = fault;
  if (kind === 'answerLost' || kind === 'hangStored' || kind === 'partStored') await work();
  const status = ERRORS[kind];
  if (status !== undefined) {
    const after = afterSec === undefined ? undefined : asDate ? new Date(Date.now() + afterSec * 1000).toUTCString() : String(afterSec);
    send(response, { status, body: kind, ...(after === undefined ? {} : { headers: { 'retry-after': after } }) });
  } else if (kind === 'connectionLost' || kind === 'answerLost') response.destroy();
}

/** Returns the params of a route that matches; undefined if it does not. */
function paramsOf(route: string, method: string, path: string): Record<string, string> | undefined {
  const [routeMethod, routePath = ''] = route.split(' ');
  if (routeMethod !== method) return undefined;
  const [wanted, given] = [routePath.split('/'), path.split('/')];
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const found = given[i];
    if (part.startsWith('*') && found !== undefined) {
      params[part.slice(1)] = given.slice(i).map(decodeURIComponent).join('/');
      return params;
    }
    if (part.startsWith(':') && found !== undefined && found !== '') params[part.slice(1)] = decodeURIComponent(found);
    else if (part !== found) return undefined;
  }
  return wanted.length === given.length ? params : undefined;
}

/** Reads the body; undefined if the client closed the connection in the middle. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces);
}

function send(response: ServerResponse, { status = 200, headers = {}, body = '' }: StubAnswer): void {
  const isPlain = typeof body === 'string' || body instanceof Uint8Array;
  response.writeHead(status, { 'content-type': isPlain ? 'text/plain; charset=utf-8' : 'application/json', ...headers });
  response.end(isPlain ? body : JSON.stringify(body));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
