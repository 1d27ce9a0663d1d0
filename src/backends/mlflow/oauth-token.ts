import { type Clock, systemClock } from '../../clock.ts';
import { MirrorError, reasonOf } from '../../errors.ts';
import { type Auth, type Authorization, type Authorizer, HttpClient, isFields, parseJson, type TlsOptions } from '../../http/index.ts';

/** The request for a token, see RFC 6749, section 4.4. */
export interface TokenRequest {
  /** The address of the token endpoint. */
  readonly url: URL;
  /** The credentials that the endpoint takes as basic authentication. */
  readonly auth?: Auth;
  readonly form: Readonly<Record<string, string>>;
  /** Texts in the form that nobody may see. */
  readonly secrets: readonly string[];
}

/** The options of an `OAuthToken`. */
export interface OAuthOptions {
  /** Makes the request for the next token; reads again what may have changed in files. Throws a MirrorError. */
  readonly request: () => TokenRequest;
  /** The remedy if the endpoint refuses the credentials. */
  readonly hint: string;
  readonly tls?: TlsOptions;
  readonly clock?: Clock | undefined;
}

interface Token {
  readonly text: string;
  readonly madeMs: number;
  /** The steady time at which it ends. */
  readonly endsMs: number;
}

/** The time before a token's end in which it is replaced, unless half of its time is shorter. */
const MARGIN_MS = 300_000;
/** A token that is refused at this age was not refused for its age: another one would not help. */
const LEAST_AGE_MS = 30_000;
const TIMEOUT_MS = 30_000;
/** The wait after a failed attempt to replace a token that is still valid. */
const PAUSE_MS = 30_000;
/** The shortest time that a token counts as valid, if the endpoint reports none that is usable. */
const LEAST_LIFE_MS = 60_000;

/** A bearer token that a service hands out for an id and a secret. It is replaced before it ends. */
export class OAuthToken implements Authorizer {
  readonly #options: OAuthOptions;
  readonly #clock: Clock;
  #token: Token | undefined;
  #request: Promise<Token> | undefined;
  #failedMs = Number.NEGATIVE_INFINITY;
  readonly #stop = new AbortController();

  constructor(options: OAuthOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async authorize(): Promise<Authorization> {
    const { text } = await this.#valid();
    return { headers: { authorization: `Bearer ${text}` }, secrets: [text] };
  }

  async renew(): Promise<boolean> {
    const refused = this.#token;
    if (refused === undefined || this.#clock.steadyMs() - refused.madeMs < LEAST_AGE_MS) return false;
    this.#token = undefined;
    const next = await this.#next().catch(() => undefined);
    return next !== undefined && next.text !== refused.text;
  }

  async close(): Promise<void> {
    this.#stop.abort(new MirrorError('MB4001', 'the backend was closed'));
    await this.#request?.catch(() => undefined);
  }

  async #valid(): Promise<Token> {
    const now = this.#clock.steadyMs();
    const token = this.#token;
    if (token === undefined || token.endsMs <= now) return await this.#next();
    const margin = Math.min(MARGIN_MS, (token.endsMs - token.madeMs) / 2);
    if (token.endsMs - now > margin || now - this.#failedMs < PAUSE_MS) return token;
    // It is still valid, so a token endpoint that is down for a moment does no harm.
    return await this.#next().catch(() => {
      this.#failedMs = this.#clock.steadyMs();
      return token;
    });
  }

  #next(): Promise<Token> {
    this.#request ??= this.#ask().finally(() => {
      this.#request = undefined;
    });
    return this.#request;
  }

  async #ask(): Promise<Token> {
    const { url, auth, form, secrets } = this.#options.request();
    const { hint, tls } = this.#options;
    const client = new HttpClient({
      baseUrl: url.origin,
      connections: 1,
      timeoutMs: TIMEOUT_MS,
      clock: this.#clock,
      secrets,
      ...(tls === undefined ? {} : { tls }),
      ...(auth === undefined ? {} : { auth }),
    });
    try {
      const answer = await client.send({
        method: 'POST',
        path: url.pathname,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
        signal: this.#stop.signal,
      });
      if (answer.kind === 'retry') throw answer.error;
      if (answer.kind === 'refused') throw refusedToken(answer.error, url, hint);
      this.#token = this.#tokenIn(answer.body, url);
      return this.#token;
    } finally {
      await client.close();
    }
  }

  #tokenIn(body: Buffer, url: URL): Token {
    const parsed = parseJson(body);
    const fields = parsed.kind === 'ok' && isFields(parsed.value) ? parsed.value : {};
    const { access_token: text, expires_in: seconds } = fields;
    // The token becomes a header, which no other character may be in.
    if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
      throw new MirrorError('MB4003', `asking ${url.origin} for a token: the answer contains none`, { context: { address: url.origin } });
    }
    const madeMs = this.#clock.steadyMs();
    const lifeMs = Number(seconds) * 1000;
    return { text, madeMs, endsMs: madeMs + (lifeMs > LEAST_LIFE_MS ? lifeMs : LEAST_LIFE_MS) };
  }
}

function refusedToken(cause: MirrorError, url: URL, hint: string): MirrorError {
  return new MirrorError('MB4002', `asking ${url.origin} for a token: ${reasonOf(cause)}`, {
    hint,
    cause,
    context: { address: url.origin },
  });
}
