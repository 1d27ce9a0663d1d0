import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { type Clock, systemClock } from '../clock.ts';
import type { Environment } from '../environment.ts';
import { cutText, type ErrorCode, MirrorError, messageOf, systemCode } from '../errors.ts';
import { formatMemory, memoryShares } from '../memory/index.ts';
import { requestStarted, signOfLife } from '../sign-of-life.ts';
import { type HttpAnswer, type HttpHeaders, headerOf, isTransient } from './answer.ts';
import { readBody, roomForAnswers, SHORT_ANSWER } from './answer-body.ts';
import { oddAnswer } from './answer-fields.ts';
import { type Auth, type Authorizer, Credentials, userOf } from './credentials.ts';
import { Pace } from './pace.ts';
import { plainText } from './plain-text.ts';
import { makeAgent, namesProxy } from './proxy.ts';
import { quietHandshake } from './quiet-handshake.ts';
import { reachHint } from './reach-hint.ts';
import { redactCut } from './redact.ts';
import { isLoginPage, isMarkup, loginHint, type RedirectProblem, redirectProblem } from './redirect-problem.ts';
import { isPage } from './reply.ts';
import { askedWait } from './retry-after.ts';
import { closedHint, opensslReason, readTlsFiles, type TlsMaterial, type TlsOptions, tlsHint } from './tls.ts';
import { tooLargeAnswer } from './too-large.ts';
import { LateError, within } from './within.ts';

/** The address of a server, and the credentials, limits and TLS settings for its requests. */
export interface HttpOptions {
  /**
   * The address that every path is appended to, with or without a path of its own. User and password in it become
   * basic authentication.
   */
  readonly baseUrl: string;
  readonly auth?: Auth;
  /**
   * Reads credentials again that are in a file; called after each refusal. Undefined: they did not change. Throws a
   * MirrorError if this server must not get what is there now.
   */
  readonly renewAuth?: () => Auth | undefined;
  /** Authorizes each request, instead of `auth` and `renewAuth`. The client closes it with itself. */
  readonly authorizer?: Authorizer;
  /** Headers sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: TlsOptions;
  /** Texts that must not appear in any error, in addition to the credentials given here. */
  readonly secrets?: readonly string[];
  /** The most connections at a time. Default 8. */
  readonly connections?: number;
  /** Time limit for a connection. Milliseconds, default 10 000. */
  readonly connectTimeoutMs?: number;
  /**
   * Time limit for a whole request, including the answer's body; a body to send adds a second per megabyte.
   * Milliseconds, default 120 000.
   */
  readonly timeoutMs?: number;
  /** The clock. Default: the system's. */
  readonly clock?: Clock;
  /**
   * True if the text of a 503 is the tracker's own answer to the request, and not about its load. Default: true for
   * JSON.
   */
  readonly isOwnWord?: (text: string) => boolean;
  /** Resolves names to addresses, if no proxy does it. Default: the system's. */
  readonly lookup?: LookupFunction;
  /** The variables that may name proxies. Default: the process's. */
  readonly env?: Environment;
}

/** A request; `isRepeatable` and `isRead` decide what a lost answer means. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  /** The path after the base address, with each part already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** The body, sent unchanged and always with its length. A stream is read again for each attempt. */
  readonly body?: string | Uint8Array | BodyStream;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /**
   * The longest answer that the request can need, decompressed; the memory limits it further. Bytes, default 1 MiB.
   * `Infinity` if unknown.
   */
  readonly mostBytes?: number;
  /** True if the request is for a file, which may be any page. For other requests, a login page is a refusal. */
  readonly isFile?: boolean;
  /**
   * True if the request only reads, so that the client itself may wait if the server wants slower requests. Default:
   * GET and HEAD.
   */
  readonly isRead?: boolean;
  /** True if sending it twice does no harm, so that the client may repeat it after a reset. Default true. */
  readonly isRepeatable?: boolean;
  readonly signal: AbortSignal;
}

/** A body that is too large to keep in memory. */
export interface BodyStream {
  readonly bytes: number;
  read(): AsyncIterable<Uint8Array>;
}

/** The bytes of an unsuccessful answer that are read, and those that are kept. */
const READ_BYTES = 16 * 1024;
const CUT_BYTES = 2000;
/** The longest address in a message. */
const MOST_PLACE = 500;

/** Most proxies in front of a tracker accept at most 1 MB. */
const BODY_LIMIT_HINT =
  'A proxy in front of the tracker rejects a body of this size: raise its limit (nginx: client_max_body_size, ' +
  'ingress-nginx: proxy-body-size).';

/**
 * The time during which the client repeats a request that came too fast, ever more slowly; after it, the whole lane
 * waits.
 */
const PATIENCE_MS = 5000;

/** The slowest transfer: the client may give up slower ones. */
const SLOWEST_BYTES_PER_MS = 1000;

/** The time in which a server may explain a refusal before any request. */
const HANDSHAKE_MS = 3000;

/** The other side closed the connection: this does not mean that it is unreachable. */
const RESET = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** The other side did not answer while a connection was being made. */
const TIMED_OUT = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT']);

/**
 * Sends requests to one server over a pool of kept connections. The server's reaction is a value; only an aborted
 * signal throws. A server closes kept connections at any time, so after a reset the client tries once more at once,
 * if the request may be sent twice.
 */
export class HttpClient {
  /** The base address without user, password and a slash at the end. */
  readonly address: string;
  readonly #agent: Dispatcher;
  readonly #hasProxy: boolean;
  readonly #origin: string;
  readonly #prefix: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #secrets: string[];
  readonly #credentials: Credentials;
  readonly #tls: TlsOptions;
  readonly #material: TlsMaterial;
  readonly #timeoutMs: number;
  readonly #room = roomForAnswers();
  readonly #pace: Pace;
  readonly #isOwnWord: (text: string) => boolean;
  readonly #clock: Clock;

  constructor(options: HttpOptions) {
    const url = new URL(options.baseUrl);
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, '');
    this.address = this.#origin + this.#prefix;
    this.#headers = { accept: 'application/json', ...options.headers };
    this.#secrets = [...(options.secrets ?? [])];
    const { auth = userOf(url), renewAuth, authorizer } = options;
    this.#credentials = new Credentials({ auth, renewAuth, authorizer }, (secrets) => this.hide(secrets));
    this.#tls = options.tls ?? {};
    this.#material = readTlsFiles(this.#tls);
    this.#timeoutMs = options.timeoutMs ?? 120_000;
    this.#clock = options.clock ?? systemClock;
    this.#pace = new Pace(this.#clock);
    this.#isOwnWord = options.isOwnWord ?? isJsonText;
    const env = options.env ?? process.env;
    this.#hasProxy = namesProxy(env);
    const limits = {
      connections: options.connections ?? 8,
      pipelining: 1,
      // This class enforces the limit of the whole request, which covers both.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: options.connectTimeoutMs ?? 10_000,
        ...this.#material,
        ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
      },
    };
    this.#agent = makeAgent(limits, this.#material, env);
  }

  /** Sends a request. Throws the signal's reason if it is aborted, and nothing else. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const canWait = request.isRead ?? (request.method === 'GET' || request.method === 'HEAD');
    const patience = this.#clock.steadyMs() + PATIENCE_MS;
    for (;;) {
      const wasSlow = this.#pace.isSlow;
      const startedMs = await this.#pace.turn(request.signal);
      const answer = await this.#sendThrough(request);
      if (!this.#isRateLimited(answer, startedMs)) return answer;
      // Sending it twice may do harm: 503 does not mean that nothing was done.
      if (answer.status !== 429 && request.isRepeatable === false) return answer;
      // The lane must learn that its server wants slower requests; from then on, the pace handles it.
      if (this.#clock.steadyMs() + (answer.afterMs ?? 0) > patience || !(wasSlow || canWait)) return answer;
      signOfLife();
      if (answer.afterMs !== undefined) await this.#pace.pause(answer.afterMs, request.signal);
    }
  }

  /** Passes an answer to the pace. True if the server, or a proxy in front of it, asks for slower requests. */
  #isRateLimited(answer: HttpAnswer, startedMs: number): answer is Extract<HttpAnswer, { kind: 'retry' }> {
    const { status } = answer;
    if (answer.kind === 'retry' && status === 429) {
      this.#pace.tooFast(startedMs);
      return true;
    }
    if (answer.kind === 'retry' && status === 503) return !this.#isOwnWord(answer.text) && this.#pace.busy(startedMs);
    if (status !== undefined && status !== 502 && status !== 504) this.#pace.wasTaken();
    return false;
  }

  async #sendThrough(request: HttpRequest): Promise<HttpAnswer> {
    const { version } = this.#credentials;
    const answer = await this.#send(request);
    if (answer.kind !== 'refused' || answer.error.code !== 'MB4002') return answer;
    try {
      if (!(await this.#credentials.hasOther(version, request.signal))) return answer;
    } catch (error) {
      if (request.signal.aborted || !(error instanceof MirrorError)) throw error;
      return { ...answer, error };
    }
    // The server did nothing for a request that was refused for its credentials.
    return await this.#send(request);
  }

  async #send(request: HttpRequest): Promise<HttpAnswer> {
    const first = await this.#once(request);
    if (first.kind !== 'reset') return first;
    const last = request.isRepeatable === false ? first : await this.#once(request);
    return last.kind === 'reset' ? await this.#whyReset(last, request) : last;
  }

  /**
   * Finds out why a connection was reset. A server that wants a client certificate seems to reset connections; in a
   * separate handshake it states its reason.
   */
  async #whyReset(reset: Reset, { method, path, signal }: HttpRequest): Promise<HttpAnswer> {
    const answer: HttpAnswer = { ...reset, kind: 'retry' };
    // Through a proxy, another server would answer.
    if (this.#hasProxy || !this.#origin.startsWith('https:')) return answer;
    const refusal = await quietHandshake(new URL(this.#origin), this.#material, HANDSHAKE_MS, this.#clock, signal);
    signal.throwIfAborted();
    const code = systemCode(refusal);
    return code === undefined || tlsHint(code, this.#tls) === undefined
      ? answer
      : withoutReset(this.#unreachable(refusal, method, this.#prefix + path));
  }

  /** Hides these texts in all errors from now on. */
  hide(secrets: readonly string[]): void {
    for (const secret of secrets) if (!this.#secrets.includes(secret)) this.#secrets.push(secret);
  }

  /** Closes the connections, and aborts requests under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
    await this.#credentials.close();
  }

  async #once(request: HttpRequest): Promise<HttpAnswer | Reset> {
    const { signal, method } = request;
    signal.throwIfAborted();
    const path = this.#prefix + request.path + queryText(request.query);
    const limitMs = deadlineOf(request.timeoutMs ?? this.#timeoutMs, bytesOf(request.body));
    const ended = requestStarted(this.#clock);
    let status: number | undefined;
    try {
      return await within(limitMs, signal, async (stop) => {
        const { body } = request;
        const headers = { ...this.#headers, ...request.headers, ...lengthOf(body) };
        const authorized = await this.#credentials.headers({ method, url: new URL(this.#origin + path), headers, body }, stop);
        const answer = await this.#agent.request({
          origin: this.#origin,
          path,
          method,
          headers: { ...this.#headers, ...authorized, ...request.headers, ...lengthOf(body) },
          ...(body === undefined ? {} : { body: bodyOf(body) }),
          signal: stop,
        });
        signOfLife();
        status = answer.statusCode;
        return await this.#read(answer, request, path, stop);
      });
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      // There are no credentials: nothing was sent.
      if (cause instanceof MirrorError) return later({}, cause);
      if (!isOurLimit(cause)) signOfLife();
      return this.#unreachable(cause, method, path);
    } finally {
      // A request that this side aborted means nothing about the server.
      if (!signal.aborted) ended(status);
    }
  }

  async #read(answer: Dispatcher.ResponseData, request: HttpRequest, path: string, signal: AbortSignal): Promise<HttpAnswer> {
    const { statusCode: status, headers } = answer;
    const { method } = request;
    const isOk = status >= 200 && status < 300;
    const asked = request.mostBytes ?? SHORT_ANSWER;
    const { answer: share } = memoryShares();
    // Of a refusal, no more is needed.
    const most = isOk ? Math.min(asked, share) : READ_BYTES;
    const source = { what: `${method} ${this.#shown(path)}`, address: this.address, speaker: 'the server' };
    const read = await readBody(answer.body, headers, most, this.#room, signal);
    if (read.kind === 'unknownEncoding') {
      return later(headers, oddAnswer(source, `it is packed as ${JSON.stringify(cutText(read.encoding, 40))}`));
    }
    const isLogin = isOk && request.isFile !== true && read.kind === 'whole' && isPage({ headers }) && isLoginPage(read.body);
    if (!isOk || isLogin) return this.#refusal(status, headers, read.body, request, path, isLogin);
    if (read.kind === 'whole') return { kind: 'ok', status, headers, body: read.body };
    // No valid server answers a small request at such length; a long answer may be a run that is too large for the
    // memory.
    const error = asked > share ? tooLargeAnswer(source, share) : oddAnswer(source, `it is longer than ${formatMemory(most)}`);
    return later(headers, error);
  }

  #refusal(status: number, headers: HttpHeaders, body: Buffer, request: HttpRequest, path: string, isLogin: boolean): HttpAnswer {
    const text = redactCut(body.toString('utf8', 0, READ_BYTES), CUT_BYTES, this.#secrets);
    const asked = `${request.method} ${this.#shown(path)}: `;
    const problem = this.#redirectProblem(status, headers, request.path, isLogin);
    if (problem !== undefined) {
      const { code, found, hint } = problem;
      return { kind: 'refused', status, headers, text, error: this.#error(code, asked + found, status, { hint }) };
    }
    const words = isMarkup(text) ? plainText(text).replace(/\s+/g, ' ') : text;
    const message = `${asked}${status}${words.trim() === '' ? '' : `: ${firstLine(words)}`}`;
    if (!isTransient(status)) {
      const hint = this.#hintOf(status, text);
      const details = hint === undefined ? {} : { hint };
      return { kind: 'refused', status, headers, text, error: this.#error(codeOf(status), message, status, details) };
    }
    const afterMs = askedWait(status, headers, this.#clock.wallMs());
    const wanted = afterMs === undefined ? {} : { retryAfterMs: afterMs };
    const error = this.#error(codeOf(status), message, status, { retry: 'later', context: wanted });
    return { kind: 'retry', status, headers, text, ...(afterMs === undefined ? {} : { afterMs }), error };
  }

  /** Returns a hint that applies to every API: a limit on bodies, or a login page (HTML) that a proxy sent. */
  #hintOf(status: number, text: string): string | undefined {
    if (status === 413) return BODY_LIMIT_HINT;
    return (status === 401 || status === 403) && isMarkup(text) ? loginHint(this.#tls.names) : undefined;
  }

  /** Identifies a login page or redirect that came instead of the server's answer; undefined if it was the server. */
  #redirectProblem(
    status: number,
    headers: HttpHeaders,
    path: string,
    isLogin: boolean,
  ): (RedirectProblem & { readonly found: string }) | undefined {
    const { names } = this.#tls;
    if (isLogin) return { code: 'MB4002', hint: loginHint(names), found: 'a login page instead of an answer' };
    const location = status >= 300 && status < 400 ? headerOf(headers, 'location') : undefined;
    const problem = location === undefined ? undefined : redirectProblem(location, this.address, path, names);
    if (location === undefined || problem === undefined) return undefined;
    const leads = redactCut(location, MOST_PLACE, this.#secrets);
    return { ...problem, found: `${status}, leads to ${leads}${problem.code === 'MB4002' ? ', to log in' : ''}` };
  }

  #unreachable(cause: unknown, method: string, path: string): HttpAnswer | Reset {
    const code = systemCode(cause);
    const hint = code === undefined ? undefined : tlsHint(code, this.#tls);
    const isClosed = code !== undefined && RESET.has(code);
    const what = redactCut(opensslReason(cause) ?? (messageOf(cause) || code || 'no reason given'), CUT_BYTES, this.#secrets);
    const message = `${method} ${this.#shown(path)}: ${what}`;
    const isMute = isClosed && this.#origin.startsWith('https:');
    const later = isMute ? closedHint(this.#tls) : code === undefined ? undefined : reachHint(code, this.#tls.names?.address);
    const error =
      hint === undefined
        ? this.#error('MB4001', message, undefined, { retry: 'later', cause, ...(later === undefined ? {} : { hint: later }) })
        : this.#error('MB4002', message, undefined, { retry: 'never', cause, hint });
    return { kind: isClosed ? 'reset' : 'retry', status: undefined, headers: {}, text: '', error };
  }

  #error(
    code: ErrorCode,
    message: string,
    status: number | undefined,
    details: ConstructorParameters<typeof MirrorError>[2] = {},
  ): MirrorError {
    const context = { address: this.address, ...(status === undefined ? {} : { status }), ...details.context };
    return new MirrorError(code, message, { ...details, context });
  }

  #shown(path: string): string {
    return redactCut(this.#origin + path, MOST_PLACE, this.#secrets);
  }
}

function isJsonText(text: string): boolean {
  return text.trimStart().startsWith('{');
}

/** Returns the time limit of a request that sends this many bytes. Milliseconds. */
export function deadlineOf(timeoutMs: number, bytes: number): number {
  return timeoutMs + bytes / SLOWEST_BYTES_PER_MS;
}

/** Returns the answer for a problem that may pass. */
function later(headers: HttpHeaders, error: MirrorError): HttpAnswer {
  return { kind: 'retry', status: undefined, headers, text: '', error };
}

/** The connection was closed; the request may have arrived or not. */
interface Reset extends Omit<Extract<HttpAnswer, { kind: 'retry' }>, 'kind'> {
  readonly kind: 'reset';
}

function withoutReset(answer: HttpAnswer | Reset): HttpAnswer {
  return answer.kind === 'reset' ? { ...answer, kind: 'retry' } : answer;
}

/** True if this side gave up, without an answer from the other side. */
function isOurLimit(cause: unknown): boolean {
  return cause instanceof LateError || TIMED_OUT.has(systemCode(cause) ?? '');
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403 || status === 407) return 'MB4002';
  if (status >= 300 && status < 400) return 'MB4003';
  return status === 408 || status === 502 || status === 503 || status === 504 ? 'MB4001' : 'MB4005';
}

/**
 * Returns the body for undici, which sends a text or bytes with their length; a view becomes a Buffer so that it is
 * not taken for a stream.
 */
function bodyOf(body: string | Uint8Array | BodyStream): string | Buffer | Readable {
  if (typeof body === 'string') return body;
  return 'read' in body
    ? Readable.from(alive(body.read()), { objectMode: false })
    : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

/**
 * Passes pieces on, with a sign of life for each. A large file takes long to send: a request for the next piece shows
 * that the previous ones arrive.
 */
async function* alive(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of pieces) {
    yield piece;
    signOfLife();
  }
}

function bytesOf(body: HttpRequest['body']): number {
  if (body === undefined) return 0;
  if (typeof body === 'string') return Buffer.byteLength(body);
  return 'read' in body ? body.bytes : body.byteLength;
}

/**
 * Returns the header with a stream's length, which undici does not know. Without it, the body would be sent in
 * chunks, which some servers do not accept.
 */
function lengthOf(body: HttpRequest['body']): Readonly<Record<string, string>> {
  return typeof body === 'object' && 'read' in body ? { 'content-length': String(body.bytes) } : {};
}

function queryText(query: HttpRequest['query']): string {
  const parts = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encoded(name)}=${encoded(String(value))}`],
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** Encodes all that RFC 3986 reserves: signatures cover this form of a query. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function firstLine(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
}
