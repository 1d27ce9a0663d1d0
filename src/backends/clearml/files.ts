/** The places for files of a task: the file server, a bucket, or the folder of an offline session. */
import { systemClock } from '../../clock.ts';
import type { BackendContext } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { HttpClient, headerOf } from '../../http/index.ts';
import { type ObjectContent, ObjectStore } from '../../objects/index.ts';
import { type Random, systemRandom } from '../../random.ts';
import { failureOf } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import { UPLOADS_AT_ONCE } from './limits.ts';
import { encodedPath } from './paths.ts';
import type { ClearmlSettings } from './settings.ts';

/** The place of a lane's files: the file server or a bucket. */
export interface Files {
  /**
   * Stores a file and returns its address. The same path again replaces it. Throws an error; MB4005 without `retry`
   * is about this file.
   */
  put(path: string, content: ObjectContent, signal: AbortSignal): Promise<string>;
  /** Reads a file by its address. */
  get(url: string, signal: AbortSignal): Promise<Buffer>;
  /** Returns the length of a file in bytes; undefined if there is none. */
  lengthOf(url: string, signal: AbortSignal): Promise<number | undefined>;
  /** True if an address is in this place: other places may have been in use before. */
  has(url: string): boolean;
  remove(url: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Wraps bytes as a content. */
export function contentOf(data: Uint8Array, type = 'application/octet-stream'): ObjectContent {
  return {
    bytes: data.length,
    type,
    async *read(start = 0) {
      yield data.subarray(start);
    },
  };
}

/** The clock and the source of random numbers; default: the system's. */
type TimeAndChance = Pick<BackendContext, 'clock' | 'random'>;

/** ClearML's own file server: a form with the path as the name of its part. */
export class FileServer implements Files {
  readonly #client: ClearmlClient;
  readonly #settings: ClearmlSettings;
  readonly #http: HttpClient;
  readonly #random: Random;

  constructor(client: ClearmlClient, settings: ClearmlSettings, { clock = systemClock, random = systemRandom }: TimeAndChance = {}) {
    this.#random = random;
    const { auth, headers = {} } = settings;
    this.#client = client;
    this.#settings = settings;
    this.#http = new HttpClient({
      baseUrl: settings.filesServer,
      tls: settings.tls,
      timeoutMs: 600_000,
      clock,
      connections: UPLOADS_AT_ONCE,
      headers,
      secrets: [...(auth === undefined ? [] : 'token' in auth ? [auth.token] : [auth.secretKey]), ...Object.values(headers)],
    });
  }

  async put(path: string, content: ObjectContent, signal: AbortSignal): Promise<string> {
    const boundary = `mirrorboard-${this.#random.uuid()}`;
    const name = path.replace(/[\r\n"]/g, (sign) => encodeURIComponent(sign));
    const head = Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${name}"\r\n` +
        `Content-Type: ${content.type ?? 'application/octet-stream'}\r\n\r\n`,
    );
    const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
    const body = {
      bytes: head.length + content.bytes + tail.length,
      async *read() {
        yield head;
        yield* content.read();
        yield tail;
      },
    };
    const type = `multipart/form-data; boundary=${boundary}`;
    const answer = await this.#send('POST', '/', `storing ${path}`, { 'content-type': type }, body, signal);
    if (answer === undefined) throw new MirrorError('MB4005', `storing ${path}: ${this.#http.address} does not know the path`);
    return `${this.#http.address}/${encodedPath(path)}`;
  }

  async get(url: string, signal: AbortSignal): Promise<Buffer> {
    const answer = await this.#send('GET', this.#pathOf(url), `reading ${url}`, {}, undefined, signal);
    if (answer === undefined) throw new MirrorError('MB4006', `the file ${url} does not exist`);
    return answer.body;
  }

  async lengthOf(url: string, signal: AbortSignal): Promise<number | undefined> {
    const answer = await this.#send('HEAD', this.#pathOf(url), `looking for ${url}`, {}, undefined, signal);
    return answer === undefined ? undefined : Number(headerOf(answer.headers, 'content-length') ?? 0);
  }

  has(url: string): boolean {
    return url.startsWith(`${this.#http.address}/`);
  }

  async remove(url: string, signal: AbortSignal): Promise<void> {
    await this.#send('DELETE', this.#pathOf(url), `removing ${url}`, {}, undefined, signal);
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  #pathOf(url: string): string {
    const base = this.#http.address;
    if (!this.has(url)) throw new MirrorError('MB4006', `the file ${url} does not lie at ${base}`);
    return url.slice(base.length);
  }

  /** Sends a request. Returns undefined for 404. */
  async #send(
    method: 'GET' | 'HEAD' | 'POST' | 'DELETE',
    path: string,
    what: string,
    headers: Readonly<Record<string, string>>,
    body: { readonly bytes: number; read(): AsyncIterable<Uint8Array> } | undefined,
    signal: AbortSignal,
  ): Promise<Extract<Awaited<ReturnType<HttpClient['send']>>, { kind: 'ok' }> | undefined> {
    for (let isRejected = false; ; isRejected = true) {
      const bearer = await this.#client.bearer(signal, isRejected);
      if (bearer.kind !== 'ok') throw bearer.error;
      const answer = await this.#http.send({
        method,
        path,
        headers: { ...headers, authorization: bearer.value },
        ...(body === undefined ? {} : { body }),
        ...(method === 'GET' ? { isFile: true, mostBytes: Number.POSITIVE_INFINITY } : {}),
        signal,
      });
      if (answer.kind === 'ok') return answer;
      if (answer.status === 404 && method !== 'POST') return undefined;
      if (answer.status === 401 && !isRejected) continue;
      throw failureOf(answer, what, this.#http.address, this.#settings.extraRetryCodes).error;
    }
  }
}

/** A bucket. Files outside it (written before `output_uri` was set) are read from the file server. */
export class BucketFiles implements Files {
  readonly #store: ObjectStore;
  readonly #url: string;
  readonly #other: Files | undefined;

  constructor(options: NonNullable<ClearmlSettings['objects']>, other: Files | undefined) {
    this.#store = new ObjectStore(options);
    this.#url = options.url;
    this.#other = other;
  }

  put(path: string, content: ObjectContent, signal: AbortSignal): Promise<string> {
    return this.#store.put(path, content, signal);
  }

  get(url: string, signal: AbortSignal): Promise<Buffer> {
    const path = this.#pathOf(url);
    if (path !== undefined) return this.#store.get(path, signal);
    return this.#elsewhere(url).get(url, signal);
  }

  lengthOf(url: string, signal: AbortSignal): Promise<number | undefined> {
    const path = this.#pathOf(url);
    return path !== undefined ? this.#store.lengthOf(path, signal) : this.#elsewhere(url).lengthOf(url, signal);
  }

  has(url: string): boolean {
    return this.#pathOf(url) !== undefined || this.#other?.has(url) === true;
  }

  remove(url: string, signal: AbortSignal): Promise<void> {
    const path = this.#pathOf(url);
    return path !== undefined ? this.#store.remove(path, signal) : this.#elsewhere(url).remove(url, signal);
  }

  probe(signal: AbortSignal): Promise<void> {
    return this.#store.probe(signal);
  }

  async close(): Promise<void> {
    await this.#store.close();
    await this.#other?.close();
  }

  #pathOf(url: string): string | undefined {
    return url.startsWith(`${this.#url}/`)
      ? url
          .slice(this.#url.length + 1)
          .split('/')
          .map(decodeURIComponent)
          .join('/')
      : undefined;
  }

  #elsewhere(url: string): Files {
    if (this.#other === undefined || url.startsWith('s3:')) throw new MirrorError('MB4006', `the file ${url} does not lie in ${this.#url}`);
    return this.#other;
  }
}
