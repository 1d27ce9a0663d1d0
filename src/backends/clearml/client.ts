import { hostname } from 'node:os';
import { type Clock, systemClock } from '../../clock.ts';
import {
  AnswerFields,
  type Fields,
  type HttpAnswer,
  HttpClient,
  headerOf,
  keepWide,
  oddAnswer,
  readJson,
  taken,
  unusableAnswer,
} from '../../http/index.ts';
import { type ClearmlFailure, type ClearmlReply, failureOf, notTheApi } from './answers.ts';
import { REQUESTS_AT_ONCE, UPLOADS_AT_ONCE } from './limits.ts';
import type { ClearmlSettings } from './settings.ts';

/** The version of the API that the SDK speaks (`clearml/backend_api/services/v2_23`). */
const API = '/v2.23/';
/** Calls whose answers hold as much as one or many tasks, so they have no limit. */
const LONG = new Set([
  'tasks.get_by_id',
  'tasks.get_all',
  'events.get_task_events',
  'events.get_scalar_metric_data',
  'events.get_task_metrics',
  'models.get_all',
  'projects.get_all',
]);
/** A valid token: it must fit into a header. */
const TOKEN = /^[\x21-\x7e]{1,16384}$/;
const VERSION = /^[\w.+-]{1,50}$/;
/**
 * Milliseconds: mirrorboard renews a token if it expires sooner, like the SDK (`token_expiration_threshold_sec` in
 * `clearml/backend_api/config/default/api.conf`).
 */
const RENEW_MS = 360_000;
/**
 * The timeout in milliseconds: batches take long on a busy server. The SDK waits as long (`_session_timeout` in
 * `clearml/backend_api/session/session.py`).
 */
const TIMEOUT_MS = 300_000;

type ClientSettings = Pick<ClearmlSettings, 'apiServer' | 'auth' | 'renewAuth' | 'headers' | 'tls' | 'extraRetryCodes' | 'workerName'>;

interface Token {
  readonly text: string;
  readonly expiresAtMs: number;
  readonly serverVersion: string | undefined;
}

/**
 * ClearML's API: login, one call, and its answer parsed. Fields must be valid already: the server ignores what it
 * does not know.
 */
export class ClearmlClient {
  readonly address: string;
  readonly #http: HttpClient;
  readonly #settings: ClientSettings;
  readonly #time: Clock;
  #auth: ClearmlSettings['auth'];
  #token: Token | undefined;
  /** The server's time as it reported it last, and our steady time at that moment. */
  #clock: { readonly dateMs: number; readonly atMs: number } | undefined;
  /** A login under way: all calls wait for the same one. */
  #login: Promise<Token | ClearmlFailure> | undefined;

  constructor(settings: ClientSettings, time: Clock = systemClock) {
    const { auth, headers = {} } = settings;
    this.#settings = settings;
    this.#auth = auth;
    this.#time = time;
    this.#http = new HttpClient({
      baseUrl: settings.apiServer,
      tls: settings.tls,
      timeoutMs: TIMEOUT_MS,
      clock: time,
      connections: REQUESTS_AT_ONCE + UPLOADS_AT_ONCE,
      headers: { 'x-clearml-client': 'mirrorboard', 'x-clearml-worker': settings.workerName ?? hostname(), ...headers },
      secrets: [...secretsOf(auth), ...Object.values(headers)],
    });
    this.address = this.#http.address;
    if (auth !== undefined && 'token' in auth) this.#token = tokenOf(auth.token, time.wallMs());
  }

  /**
   * Returns the server's time in milliseconds, from the whole seconds in its answers. Returns undefined before the
   * first answer.
   */
  nowMs(): number | undefined {
    return this.#clock === undefined ? undefined : this.#clock.dateMs + this.#time.steadyMs() - this.#clock.atMs;
  }

  /** The server's version; undefined before the login. */
  get serverVersion(): string | undefined {
    return this.#token?.serverVersion;
  }

  async call(what: string, action: string, body: Fields, signal: AbortSignal): Promise<ClearmlReply<AnswerFields>> {
    return this.#post(what, action, JSON.stringify(body), 'application/json', signal);
  }

  /**
   * Writes events. `lines`: one event per line. The server treats them as lines only with exactly this content type.
   */
  addBatch(lines: readonly string[], signal: AbortSignal): Promise<ClearmlReply<AnswerFields>> {
    return this.#post('writing events', 'events.add_batch', lines.join('\n'), 'application/json-lines', signal);
  }

  /** Returns a header with credentials, for the file server too. */
  async bearer(signal: AbortSignal, isRejected = false): Promise<{ readonly kind: 'ok'; readonly value: string } | ClearmlFailure> {
    if (isRejected && !this.#renew() && !this.#isGiven) this.#token = undefined;
    const token = await this.#valid(signal);
    return 'kind' in token ? token : { kind: 'ok', value: `Bearer ${token.text}` };
  }

  /** Sends a ping. The answer's date shows the server's clock. */
  async look(signal: AbortSignal): Promise<HttpAnswer> {
    const bearer = await this.bearer(signal);
    const headers = { 'content-type': 'application/json', ...(bearer.kind === 'ok' ? { authorization: bearer.value } : {}) };
    return this.#http.send({ method: 'POST', path: `${API}debug.ping`, body: '{}', headers, signal });
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  get #isGiven(): boolean {
    return this.#auth !== undefined && 'token' in this.#auth;
  }

  /** Reads the credentials again. True if they have changed. */
  #renew(): boolean {
    const auth = this.#settings.renewAuth?.();
    if (auth === undefined || JSON.stringify(auth) === JSON.stringify(this.#auth)) return false;
    this.#auth = auth;
    this.#http.hide(secretsOf(auth));
    this.#token = 'token' in auth ? tokenOf(auth.token, this.#time.wallMs()) : undefined;
    return true;
  }

  async #post(what: string, action: string, body: string, type: string, signal: AbortSignal): Promise<ClearmlReply<AnswerFields>> {
    for (const isFirst of [true, false]) {
      const token = await this.#valid(signal);
      if ('kind' in token) return token;
      const headers = { 'content-type': type, authorization: `Bearer ${token.text}` };
      const answer = await this.#http.send({
        method: 'POST',
        path: API + action,
        body,
        headers,
        signal,
        isRead: /\.get_/.test(action),
        ...(LONG.has(action) ? { mostBytes: Number.POSITIVE_INFINITY } : {}),
      });
      const date = Date.parse(headerOf(answer.headers, 'date') ?? '');
      if (!Number.isNaN(date)) this.#clock = { dateMs: date, atMs: this.#time.steadyMs() };
      if (answer.kind !== 'ok') {
        const failure = failureOf(answer, what, this.address, this.#settings.extraRetryCodes);
        const isRefused = failure.cause === 'token' || failure.cause === 'denied';
        if (isRefused && isFirst && (this.#token !== token || this.#renew())) continue;
        if (failure.cause !== 'token') return failure;
        // The code is the same for malformed, badly signed and expired tokens. If it comes twice in a row, the token
        // has not just expired.
        if (!isFirst || this.#isGiven) return { ...failure, cause: 'denied' };
        if (this.#token === token) this.#token = undefined;
        continue;
      }
      return readAnswer(answer, what, this.address);
    }
    return notTheApi(what, this.address);
  }

  async #valid(signal: AbortSignal): Promise<Token | ClearmlFailure> {
    const token = this.#token;
    if (token !== undefined && (this.#isGiven || token.expiresAtMs - this.#time.wallMs() > RENEW_MS)) return token;
    this.#login ??= this.#logIn(signal).finally(() => {
      this.#login = undefined;
    });
    try {
      return await this.#login;
    } catch (error) {
      // The call that began the login was interrupted, but this one was not.
      if (signal.aborted) throw error;
      return this.#valid(signal);
    }
  }

  async #logIn(signal: AbortSignal): Promise<Token | ClearmlFailure> {
    const auth = this.#auth;
    const headers = {
      'content-type': 'application/json',
      ...(auth !== undefined && 'accessKey' in auth ? { authorization: `Basic ${basicOf(auth)}` } : {}),
    };
    const answer = await this.#http.send({ method: 'POST', path: `${API}auth.login`, body: '{}', headers, signal });
    if (answer.kind !== 'ok') {
      const failure = failureOf(answer, 'logging in', this.address, this.#settings.extraRetryCodes);
      const isRefused = failure.cause === 'token' || failure.cause === 'denied';
      if (isRefused && this.#renew()) return this.#token ?? (await this.#logIn(signal));
      return failure.cause === 'token' ? { ...failure, cause: 'denied' } : failure;
    }
    const reply = readAnswer(answer, 'logging in', this.address);
    if (reply.kind !== 'ok') return reply;
    const text = reply.value.fields['token'];
    if (typeof text !== 'string' || !TOKEN.test(text)) {
      return unusableAnswer(oddAnswer({ what: 'logging in', address: this.address }, 'token is missing or empty'));
    }
    this.#token = tokenOf(text, this.#time.wallMs());
    return this.#token;
  }
}

/** Reads the data of an answer. */
function readAnswer(answer: Extract<HttpAnswer, { kind: 'ok' }>, what: string, address: string): ClearmlReply<AnswerFields> {
  const source = { what, address };
  const read = readJson(answer, source, withWideSteps);
  if (read.kind === 'notJson') return notTheApi(what, address);
  if (read.kind === 'failed') return unusableAnswer(read.error);
  // An answer without an envelope comes from another program.
  if (!read.value.has('meta')) return notTheApi(what, address);
  return taken(read, (fields) => {
    fields.object('meta');
    return new AnswerFields(fields.fields['data'] ?? {}, source);
  });
}

const withWideSteps = keepWide('iter');

function tokenOf(text: string, nowMs: number): Token {
  try {
    const claims = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString('utf8')) as Fields;
    const { exp, server_version: version } = claims;
    return {
      text,
      expiresAtMs: typeof exp === 'number' ? exp * 1000 : nowMs + 3_600_000,
      serverVersion: typeof version === 'string' && VERSION.test(version) ? version : undefined,
    };
  } catch {
    // If the token cannot be parsed, mirrorboard uses it for an hour.
    return { text, expiresAtMs: nowMs + 3_600_000, serverVersion: undefined };
  }
}

function secretsOf(auth: ClearmlSettings['auth']): readonly string[] {
  if (auth === undefined) return [];
  return 'token' in auth ? [auth.token] : [auth.secretKey, auth.accessKey, basicOf(auth)];
}

function basicOf({ accessKey, secretKey }: { readonly accessKey: string; readonly secretKey: string }): string {
  return Buffer.from(`${accessKey}:${secretKey}`).toString('base64');
}
