/** The server's HTTP API: `POST /api/NAME`, with `{"data": …}` or `{"error": …}` as its answer. */
import { Failures } from '../../backend-kit/failures/index.ts';
import type { Clock } from '../../clock.ts';
import { MirrorError } from '../../errors.ts';
import { type BodyStream, type HttpAnswer, HttpClient, type HttpRequest, isFields } from '../../http/index.ts';
import { type Json, jsonText } from '../../model/index.ts';
import type { Random } from '../../random.ts';
import type { TrackioSettings } from './settings.ts';

/** A row of an answer to a query. Every column of ours is a text: a number would lose digits on the way. */
export type SqlRow = Readonly<Record<string, string | null>>;

/** What the server says about itself. */
export interface ServerVersion {
  readonly version?: unknown;
  readonly api_version?: unknown;
  readonly writes_paused?: unknown;
}

/** A file to upload. */
export interface Upload {
  readonly name: string;
  readonly body: BodyStream;
}

const TOKEN_HINT = 'Set write_token or write_token_file: `trackio show` prints the token, or the server has it in TRACKIO_WRITE_TOKEN.';

/** Errors of the server's machine, whatever the row: another process holds the lock of a project, the disk is full. */
const OF_SYSTEM = /Could not acquire database lock|\[Errno \d+\]/;

const failures = new Failures<'refusedPoints'>({
  api: "Trackio's API",
  apiHint: 'Set url to the address of a Trackio server, version 0.43 or later.',
  causes: {
    denied: { hint: TOKEN_HINT },
    address: { hint: 'Set url to the address of a Trackio server, version 0.43 or later.' },
    refusedPoints: { means: 'content' },
  },
});

/** A client of one server. Every call throws an error if the server did not do it; one about rows cannot be retried. */
export class Client {
  readonly url: string;
  readonly #http: HttpClient;
  readonly #random: Random;
  readonly #renewToken: (() => string | undefined) | undefined;
  #token: string | undefined;

  constructor({ url, writeToken, renewToken, headers, timeoutMs, tls }: TrackioSettings, clock: Clock, random: Random) {
    this.#random = random;
    this.#token = writeToken;
    this.#renewToken = renewToken;
    this.#http = new HttpClient({
      baseUrl: url,
      headers,
      secrets: [...(writeToken === undefined ? [] : [writeToken]), ...Object.values(headers)],
      timeoutMs,
      tls,
      clock,
      connections: 8,
    });
    this.url = this.#http.address;
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async version(signal: AbortSignal): Promise<ServerVersion> {
    const answer = await this.#send({ method: 'GET', path: '/version', signal });
    const found = jsonOf(this.#ok(answer, 'asking for the version')) as ServerVersion | undefined;
    if (found?.api_version === undefined) throw failures.notTheApi('asking for the version', this.url).error;
    return found;
  }

  /** Throws if the server would refuse writes. */
  async checkAccess(signal: AbortSignal): Promise<void> {
    const token = this.#token;
    const access = await this.call<{ readonly allowed?: unknown } | null>('get_run_mutation_status', {}, signal);
    if (access?.allowed === true) return;
    if (access?.allowed !== false) throw unusable(this.url, 'get_run_mutation_status', 'allowed');
    if (!this.#hasOther(token)) throw failures.make('denied', `${this.url} rejects the write token, or there is none`).error;
    await this.checkAccess(signal);
  }

  /** Calls a function of the API with arguments by name. */
  call<Value>(name: string, args: Readonly<Record<string, Json>>, signal: AbortSignal): Promise<Value> {
    return this.#post(name, jsonText(args), signal);
  }

  /** Returns the runs of a project. */
  async runs(project: string, signal: AbortSignal): Promise<readonly { readonly id: string; readonly name: string }[]> {
    const found = await this.call<unknown>('get_runs_for_project', { project }, signal);
    if (!Array.isArray(found)) throw unusable(this.url, 'get_runs_for_project', 'runs');
    return found.map((run: unknown) => {
      const { id, name = null } = isFields(run) ? run : {};
      // Artifacts may name a run that has no id.
      if (!isText(id ?? name) || !isText(name ?? id)) throw unusable(this.url, 'get_runs_for_project', 'names of runs');
      return { id: String(id), name: String(name ?? id) };
    });
  }

  /** Returns the server's folder of media files. */
  async mediaFolder(signal: AbortSignal): Promise<string> {
    const found = await this.call<{ readonly media_dir?: unknown } | null>('get_settings', {}, signal);
    if (typeof found?.media_dir !== 'string') throw unusable(this.url, 'get_settings', 'media_dir');
    return found.media_dir;
  }

  /** Returns the files, by their hash, that a project has. */
  async blobs(project: string, digests: readonly string[], signal: AbortSignal): Promise<ReadonlySet<unknown>> {
    const found = await this.call<{ readonly present?: unknown } | null>(
      'check_artifact_blobs',
      { project, digests, hf_token: null },
      signal,
    );
    if (!Array.isArray(found?.present)) throw unusable(this.url, 'check_artifact_blobs', 'present');
    return new Set(found.present);
  }

  /** Stores rows, each as the text of its JSON: numbers in it are written so that Python reads the same ones. */
  async log(rows: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#post('bulk_log', `{"logs":[${rows.join(',')}],"hf_token":null}`, signal, true);
  }

  /** Answers a query that only reads, and whose columns are texts. A project that does not exist yet has no rows. */
  async query(project: string, query: string, signal: AbortSignal): Promise<readonly SqlRow[]> {
    const answer = await this.#send(post('query_project', jsonText({ project, query }), signal, true));
    if (answer.kind !== 'ok' && /^\s*\{"error":"Project '[^"]*' not found\."\}\s*$/.test(answer.text)) return [];
    const found = this.#data<{ readonly rows?: unknown } | null>(answer, 'query_project', signal);
    if (!Array.isArray(found?.rows) || !found.rows.every(isRow)) throw unusable(this.url, 'query_project', 'rows of texts');
    return found.rows;
  }

  /** Uploads files into the server's temporary folder. Returns their paths there, for the call that takes them over. */
  async upload(files: readonly Upload[], signal: AbortSignal): Promise<readonly string[]> {
    // Another one each time: nobody can write a log whose content has it.
    const border = `mirrorboard-${Buffer.from(this.#random.bytes(24)).toString('hex')}`;
    const heads = files.map(({ name }) =>
      Buffer.from(
        `--${border}\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\n` +
          'Content-Type: application/octet-stream\r\n\r\n',
      ),
    );
    const end = Buffer.from(`--${border}--\r\n`);
    const bytes = files.reduce((sum, { body }, i) => sum + (heads[i] as Buffer).length + body.bytes + 2, end.length);
    const body: BodyStream = {
      bytes,
      async *read() {
        for (const [i, file] of files.entries()) {
          yield heads[i] as Buffer;
          yield* file.body.read();
          yield Buffer.from('\r\n');
        }
        yield end;
      },
    };
    const headers = { 'content-type': `multipart/form-data; boundary=${border}` };
    const answer = await this.#send({ method: 'POST', path: '/api/upload', body, headers, signal });
    const found = jsonOf(this.#ok(answer, 'uploading files')) as { readonly paths?: unknown } | undefined;
    const paths = Array.isArray(found?.paths) ? found.paths.filter((path) => typeof path === 'string') : [];
    if (paths.length !== files.length) throw unusable(this.url, 'upload', 'paths');
    return paths;
  }

  /** Returns the length of a file of the server's media folder; undefined if there is none. */
  fileLength(path: string, signal: AbortSignal): Promise<number | undefined> {
    return this.#length('/file', { path }, signal);
  }

  /** Returns the length of a file of an artifact; undefined if there is none. */
  blobLength(project: string, digest: string, signal: AbortSignal): Promise<number | undefined> {
    return this.#length(`/artifact_blob/${encodeURIComponent(project)}/${digest}`, {}, signal);
  }

  /** Returns a file of the server's media folder. */
  async file(path: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const answer = await this.#send({
      method: 'GET',
      path: '/file',
      query: { path },
      isFile: true,
      mostBytes: Number.POSITIVE_INFINITY,
      signal,
    });
    return answer.kind === 'refused' && answer.status === 404 ? undefined : this.#ok(answer, 'reading a file').body;
  }

  async #length(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<number | undefined> {
    const answer = await this.#send({ method: 'HEAD', path, query, isFile: true, signal });
    if (answer.kind === 'refused' && answer.status === 404) return undefined;
    return Number(this.#ok(answer, 'looking for a file').headers['content-length']);
  }

  async #send(request: HttpRequest): Promise<HttpAnswer> {
    const token = this.#token;
    const named = token === undefined ? {} : { 'x-trackio-write-token': token };
    const answer = await this.#http.send({ ...request, headers: { ...request.headers, ...named } });
    if (!isDenied(answer)) return answer;
    return this.#hasOther(token) ? this.#send(request) : answer;
  }

  /** True if there is another token: a person replaced the file, and maybe another request has read it already. */
  #hasOther(refused: string | undefined): boolean {
    if (this.#token === refused) {
      const again = this.#renewToken?.();
      if (again === undefined || again === refused) return false;
      this.#token = again;
      this.#http.hide([again]);
    }
    return true;
  }

  async #post<Value>(name: string, body: string, signal: AbortSignal, isPoints = false): Promise<Value> {
    return this.#data<Value>(await this.#send(post(name, body, signal)), name, signal, isPoints);
  }

  #data<Value>(answer: HttpAnswer, name: string, signal: AbortSignal, isPoints = false): Value {
    signal.throwIfAborted();
    const found = jsonOf(this.#ok(answer, `calling ${name}`, isPoints));
    if (typeof found !== 'object' || found === null || !('data' in found)) {
      throw failures.notTheApi(`calling ${name}`, this.url).error;
    }
    return found.data as Value;
  }

  /** Returns an answer if the server did what it was asked to do. */
  #ok(answer: HttpAnswer, what: string, isPoints = false): Extract<HttpAnswer, { kind: 'ok' }> {
    if (answer.kind === 'ok') return answer;
    const { status, text } = answer;
    // It answers 500 to whatever Python could not do with a row.
    const isRow = isPoints && status === 500 && /^\s*\{"error":/.test(text) && !OF_SYSTEM.test(text);
    const cause = isDenied(answer) ? 'denied' : isRow ? 'refusedPoints' : status === 404 || status === 405 ? 'address' : undefined;
    const failure = failures.of(answer, what, this.url, { cause });
    throw isRow ? failure.error : failures.troubleOf(failure);
  }
}

/** True if the server wants another token. It says so in words, with the status of a wrong request. */
function isDenied(answer: HttpAnswer): boolean {
  if (answer.kind !== 'refused') return false;
  return answer.error.code === 'MB4002' || (answer.status === 400 && /write_token|HF_TOKEN|hf_token|Sign in/.test(answer.text));
}

function post(name: string, body: string, signal: AbortSignal, isRead = false) {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', path: `/api/${name}`, body, headers, mostBytes: Number.POSITIVE_INFINITY, isRead, signal } as const;
}

/** True if a value has only texts, and null for what is not there. */
function isRow(value: unknown): value is SqlRow {
  return isFields(value) && Object.values(value).every((cell) => cell === null || isText(cell));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function jsonOf({ body }: { readonly body: Buffer }): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function unusable(url: string, name: string, field: string): MirrorError {
  return new MirrorError('MB4031', `calling ${name} of ${url}: the answer has no ${field}`, { retry: 'later' });
}

/** Returns a text as SQL writes it. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
