// A strict stand-in for a ClearML server (2.3) and its file server on one port: it answers as the real ones do, keeps
// what they would keep, and refuses what a mirror must never send, though a real server would ignore it or lose data
// without a word.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { close, listen, urlOf } from '../../../src/testing/loopback.ts';
import { type FaultOptions, FaultRules, type StubFault } from '../mlflow-stub/fault-rules.ts';
import { addBatch } from './add-batch.ts';
import { callEndpoint } from './endpoints.ts';
import { MetricScrolls, taskEvents } from './event-pages.ts';
import { type Fields, newId, Refused, Store, type StoredEvent, type Task } from './store.ts';

export type { Task } from './store.ts';

const API = /^\/(?:v[\d.]+\/)?([a-z_]+\.[a-z_]+)$/;
const MOST_BODY = 15 * 1024 * 1024;

export interface StubOptions {
  readonly accessKey: string;
  readonly secretKey: string;
  /** Life of a token, seconds. Default: 30 days. */
  readonly tokenSeconds?: number;
  /** Takes project names with short parts, as servers before 2.2 do. */
  readonly isOld?: boolean;
}

interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class ClearmlStub {
  readonly store = new Store();
  /** By path, as it was given. */
  readonly files = new Map<string, Buffer>();
  /** What a good client never does. Tests expect none. */
  readonly violations: string[] = [];
  /** Requests by action, `files/put` and the like for files. */
  readonly counts = new Map<string, number>();
  readonly #options: StubOptions;
  readonly #server: Server;
  readonly #faults = new FaultRules();
  readonly #refused = new Set<string>();
  readonly #refusals = new Map<string, readonly [code: number, subcode: number, message: string]>();
  readonly #scrolls = new MetricScrolls();
  /** Gives the first page of events again and again, each with a scroll id of its own. */
  beginsAgain = false;
  #tokens = new Map<string, number>();

  private constructor(options: StubOptions) {
    this.#options = options;
    this.store.takesShortParts = options.isOld === true;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        this.violations.push(`the stub failed: ${error instanceof Error ? error.stack : String(error)}`);
        response.destroy();
      });
    });
  }

  static async start(options: StubOptions): Promise<ClearmlStub> {
    const stub = new ClearmlStub(options);
    await listen(stub.#server);
    return stub;
  }

  get url(): string {
    return urlOf(this.#server);
  }

  async close(): Promise<void> {
    await close(this.#server);
  }

  /** Lets something go wrong from now on. */
  fail(fault: StubFault, options: FaultOptions = {}): void {
    this.#faults.add(fault, options);
  }

  /** Faults that have not happened yet. */
  get faultsLeft(): number {
    return this.#faults.left;
  }

  heal(): void {
    this.#faults.clear();
  }

  /** Has something against events of a tag from now on. */
  refuse(tag: string): void {
    this.#refused.add(tag);
  }

  /** Answers a call with this from now on. */
  refuseCall(action: string, code: number, subcode: number, message: string): void {
    this.#refusals.set(action, [code, subcode, message]);
  }

  allowCalls(): void {
    this.#refusals.clear();
  }

  /** All tokens that were given are worth nothing any more. */
  forgetTokens(): void {
    this.#tokens = new Map();
  }

  count(action: string): number {
    return this.counts.get(action) ?? 0;
  }

  tasks(): Task[] {
    return [...this.store.tasks.values()];
  }

  events(task: string, kind: string): StoredEvent[] {
    return this.store.eventsOf(task, kind);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    const path = request.url ?? '/';
    const action = API.exec(path)?.[1];
    const counted = action ?? `files/${request.method === 'POST' ? 'put' : (request.method ?? '').toLowerCase()}`;
    this.counts.set(counted, this.count(counted) + 1);
    const fault = this.#faults.next(counted);
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const early = earlyAnswer(fault, counted);
    if (early !== undefined) return send(response, early);
    if (fault?.kind === 'hang' && !fault.stored) return;
    if (fault?.kind === 'close' && !fault.stored) return void response.destroy();
    const answer = action === undefined ? this.#file(request, path, body) : this.#call(request, action, body, fault?.kind === 'part');
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'close') return void response.destroy();
    send(response, fault?.kind === 'part' ? envelope(counted, 500, 100, 'General data error') : answer);
  }

  #call(request: IncomingMessage, action: string, body: Buffer, isPart: boolean): Answer {
    try {
      if (request.method !== 'POST') this.violations.push(`${action}: ${request.method}, which proxies drop`);
      if (request.headers['content-encoding'] !== undefined) return { status: 415, body: 'Content encoding is not supported' };
      if (body.length > MOST_BODY) this.violations.push(`${action}: a body of ${body.length} bytes`);
      if (action !== 'debug.ping') this.#letIn(request);
      const refusal = this.#refusals.get(action);
      if (refusal !== undefined) return envelope(action, ...refusal);
      const type = request.headers['content-type'];
      if (action === 'events.add_batch') {
        // By exactly this type the server takes the body for lines.
        if (type !== 'application/json-lines') throw new Refused(400, 17, `Batch request contains no items (${String(type)})`);
        const isBad = (event: Fields): boolean => this.#refused.has(tagOf(event));
        return envelope(action, 200, 0, 'OK', addBatch(this.store, body.toString('utf8'), { isBad, isPart }));
      }
      const fields = (body.length === 0 ? {} : JSON.parse(body.toString('utf8'))) as Fields;
      if (action === 'auth.login') return envelope(action, 200, 0, 'OK', { token: this.#newToken() });
      const data = callEndpoint(this.store, action, fields);
      if (action === 'events.get_task_events') return envelope(action, 200, 0, 'OK', this.#page(fields));
      if (action === 'events.get_scalar_metric_data') return envelope(action, 200, 0, 'OK', this.#scrolls.page(this.store, fields));
      return envelope(action, 200, 0, 'OK', data);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { code, subcode, message } = error;
      if (message.startsWith('contract:') || subcode === 12 || subcode === 17 || (code === 400 && subcode === 0)) {
        this.violations.push(`${action}: ${message}`);
      }
      return envelope(action, code, subcode, message);
    }
  }

  #page({ scroll_id: scroll, ...first }: Fields): string {
    if (!this.beginsAgain) return taskEvents(this.store, scroll === undefined ? first : { ...first, scroll_id: scroll });
    return taskEvents(this.store, first).replace(/"scroll_id":"[^"]*"/, `"scroll_id":"${newId()}"`);
  }

  #file(request: IncomingMessage, rawPath: string, body: Buffer): Answer {
    try {
      this.#letIn(request);
    } catch {
      return { status: 401, body: '<!doctype html>\n<title>401 Unauthorized</title>', type: 'text/html' };
    }
    if (request.method === 'POST' && rawPath === '/') {
      if (request.headers['content-length'] === undefined) this.violations.push('a file in chunks: some servers refuse them');
      const boundary = /boundary=(.+)$/.exec(request.headers['content-type'] ?? '')?.[1] ?? '';
      const head = body.indexOf('\r\n\r\n');
      const name = /name="([^"]*)"; filename="[^"]*"/.exec(body.subarray(0, head).toString('utf8'))?.[1];
      const end = body.lastIndexOf(`\r\n--${boundary}--`);
      if (name === undefined || end < head) return { status: 200, body: '[]' };
      const parts = name.split('/');
      if (parts.includes('..')) return { status: 404, body: 'not found' };
      if (parts.some((part) => Buffer.byteLength(part) > 255 || part === '') || this.#runsThroughFile(parts)) {
        return { status: 500, body: '<!doctype html>\n<title>500 Internal Server Error</title>', type: 'text/html' };
      }
      this.files.set(name, Buffer.from(body.subarray(head + 4, end)));
      return { status: 200, body: JSON.stringify([name]) };
    }
    const path = decodeURIComponent(rawPath.slice(1));
    const content = this.files.get(path);
    if (content === undefined) return { status: 404, body: '<!doctype html>\n<title>404 Not Found</title>', type: 'text/html' };
    if (request.method === 'DELETE') {
      this.files.delete(path);
      return { status: 200, body: JSON.stringify(path), type: 'text/html' };
    }
    const part = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    if (part === null || Number(part[1]) >= content.length) return { status: 200, body: content, type: 'application/octet-stream' };
    const end = part[2] === '' ? content.length : Number(part[2]) + 1;
    return { status: 206, body: content.subarray(Number(part[1]), end), type: 'application/octet-stream' };
  }

  #runsThroughFile(parts: readonly string[]): boolean {
    return parts.some((_, i) => i > 0 && this.files.has(parts.slice(0, i).join('/')));
  }

  #letIn({ headers }: IncomingMessage): void {
    const [kind, token = ''] = (headers.authorization ?? '').split(' ');
    if (token === '') throw new Refused(401, 20, 'Unauthorized (missing credentials)');
    if (kind === 'Bearer') {
      if ((this.#tokens.get(token) ?? 0) > Date.now()) return;
      throw new Refused(401, 30, 'Invalid token (invalid jwt token): reason=Signature has expired');
    }
    const { accessKey, secretKey } = this.#options;
    if (Buffer.from(token, 'base64').toString() !== `${accessKey}:${secretKey}`) {
      throw new Refused(401, 22, 'Unauthorized (invalid credentials) (failed to locate provided credentials)');
    }
  }

  #newToken(): string {
    const exp = Math.floor(Date.now() / 1000) + (this.#options.tokenSeconds ?? 2_592_000);
    const claims = Buffer.from(
      JSON.stringify({
        exp,
        server_version: this.#options.isOld ? '2.0.0' : '2.3.0',
        api_version: this.#options.isOld ? '2.31' : '2.34',
        id: newId(),
      }),
    ).toString('base64url');
    const token = `head.${claims}.sign`;
    this.#tokens.set(token, exp * 1000);
    return token;
  }
}

function tagOf({ metric, variant }: Fields): string {
  return variant === '' ? String(metric) : `${String(metric)}/${String(variant)}`;
}

function envelope(name: string, code: number, subcode: number, message: string, data: Fields | string = {}): Answer {
  const meta = {
    id: newId(),
    trx: newId(),
    endpoint: { name, requested_version: '2.23', actual_version: '1.0' },
    result_code: code,
    result_subcode: subcode,
    result_msg: message,
    error_stack: code === 200 ? null : '',
    error_data: {},
  };
  const body = `{"meta":${JSON.stringify(meta)},"data":${typeof data === 'string' ? data : JSON.stringify(data)}}`;
  return { status: code, body, type: 'application/json' };
}

/** The answer of a fault that stores nothing. */
function earlyAnswer(fault: StubFault | undefined, name: string): Answer | undefined {
  switch (fault?.kind) {
    case 'tooMany': {
      const { afterSec, asDate = false } = fault;
      const value = asDate ? new Date(Date.now() + (afterSec ?? 0) * 1000).toUTCString() : String(afterSec);
      return { status: 429, body: 'slow down', ...(afterSec === undefined ? {} : { headers: { 'retry-after': value } }) };
    }
    case 'status':
      return { status: fault.status, body: `<html><body><h1>${fault.status}</h1></body></html>`, type: 'text/html' };
    case 'error':
    case 'html':
      return envelope(name, 500, 100, 'General data error: the store is away');
    case 'denied':
      return envelope(name, 401, 22, 'Unauthorized (invalid credentials)');
    default:
      return undefined;
  }
}

function send(response: ServerResponse, { status, body, type = 'text/plain', headers = {} }: Answer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
