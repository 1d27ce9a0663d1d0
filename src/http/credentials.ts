import { OnceByKey, withSignal } from '../concurrency/index.ts';

/** Credentials: basic authentication, or a bearer token. */
export type Auth = { readonly username: string; readonly password: string } | { readonly token: string };

/** The parts of a request that a signature covers. */
export interface UnsignedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | { read(): AsyncIterable<Uint8Array> } | undefined;
}

/** Headers that authorize a request, and the secrets in them. */
export interface Authorization {
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

/** Authorizes each request, with credentials that end, or with a signature. */
export interface Authorizer {
  /** Authorizes a request. Throws a MirrorError if there are no valid credentials. */
  authorize(request: UnsignedRequest, signal: AbortSignal): Promise<Authorization>;
  /** Called after the server refused the credentials. True if others have been found. */
  renew(signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

/** The sources of credentials, the first that is given counts. */
interface CredentialsOptions {
  readonly authorizer?: Authorizer | undefined;
  readonly auth?: Auth | undefined;
  readonly renewAuth?: (() => Auth | undefined) | undefined;
}

/** The credentials of an HTTP client. */
export class Credentials {
  readonly #authorizer: Authorizer | undefined;
  readonly #renewAuth: CredentialsOptions['renewAuth'];
  readonly #hide: (secrets: readonly string[]) => void;
  #authorization: string | undefined;
  /** Grows with each renewal, so that requests under way with the former credentials need no further one. */
  #version = 0;
  readonly #renewals = new OnceByKey();

  /** `hide` is called with each secret, before it is used. */
  constructor({ authorizer, auth, renewAuth }: CredentialsOptions, hide: (secrets: readonly string[]) => void) {
    this.#authorizer = authorizer;
    this.#renewAuth = renewAuth;
    this.#hide = hide;
    this.#take(authorizer === undefined ? auth : undefined);
  }

  get version(): number {
    return this.#version;
  }

  /** Returns the headers of one request. Throws a MirrorError if there are no valid credentials. */
  async headers(request: UnsignedRequest, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    if (this.#authorizer === undefined) return this.#authorization === undefined ? {} : { authorization: this.#authorization };
    const { headers, secrets } = await withSignal(this.#authorizer.authorize(request, signal), signal);
    this.#hide(secrets);
    return headers;
  }

  /** True if there are other credentials than the refused ones, which had this version. */
  async hasOther(version: number, signal: AbortSignal): Promise<boolean> {
    if (this.#version !== version) return true;
    if (this.#authorizer !== undefined) {
      const authorizer = this.#authorizer;
      return await this.#renewals.take(
        String(version),
        async () => {
          const isRenewed = await authorizer.renew(signal);
          if (isRenewed) this.#version++;
          this.#renewals.forget();
          return isRenewed;
        },
        signal,
      );
    }
    const auth = this.#renewAuth?.();
    if (auth === undefined || authorizationOf(auth) === this.#authorization) return false;
    this.#version++;
    this.#take(auth);
    return true;
  }

  async close(): Promise<void> {
    await this.#authorizer?.close();
  }

  #take(auth: Auth | undefined): void {
    if (auth === undefined) return;
    this.#hide(secretsOf(auth));
    this.#authorization = authorizationOf(auth);
  }
}

/** Returns the credentials in an address. */
export function userOf(url: URL): Auth | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
}

function authorizationOf(auth: Auth): string {
  return 'token' in auth ? `Bearer ${auth.token}` : `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
}

function secretsOf(auth: Auth): readonly string[] {
  return 'token' in auth ? [auth.token] : [auth.password, Buffer.from(`${auth.username}:${auth.password}`).toString('base64')];
}
