// The service's API. Every call returns the answer's value, or throws the error that mirrorboard shows.
import {
  type BodyStream,
  type FileMark,
  type Handle,
  type HttpAnswer,
  HttpClient,
  type HttpRequest,
  MirrorError,
} from 'mirrorboard/backend';
import type { Settings } from './settings.ts';

/** A run as the service keeps it. `PATCH` merges `files` and `params` key by key, and replaces the other fields. */
export interface RunFacts {
  readonly key: string;
  readonly name: string;
  readonly group: string;
  readonly tags: Readonly<Record<string, string>>;
  /**
   * The state that last opened it, and for each file the checksum of a record. They decide which run it belongs to.
   */
  readonly instance: string;
  readonly files: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, string>>;
  readonly status: 'running' | 'finished' | 'failed';
  /** Milliseconds since 1970; null while it runs. */
  readonly ended_ms: number | null;
}

export interface Run extends RunFacts {
  readonly id: Handle;
}

/** A file of a run as the service lists it. */
export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

type Send = Omit<HttpRequest, 'signal'>;

export class Client {
  readonly url: string;
  readonly #http: HttpClient;

  constructor({ url, token, renewToken, timeoutMs }: Settings) {
    this.#http = new HttpClient({
      baseUrl: url,
      timeoutMs,
      ...(token === undefined ? {} : { auth: { token } }),
      renewAuth: () => {
        const again = renewToken?.();
        return again === undefined ? undefined : { token: again };
      },
    });
    this.url = this.#http.address;
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async version(signal: AbortSignal): Promise<string> {
    const { version } = await this.#json<{ readonly version: string }>({ method: 'GET', path: '/version' }, signal);
    return version;
  }

  /** Returns the runs of a key, oldest first. */
  async runsOf(key: string, signal: AbortSignal): Promise<readonly Run[]> {
    return this.#json<readonly Run[]>({ method: 'GET', path: '/runs', query: { key } }, signal);
  }

  async hasRun(id: Handle, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#http.send({ method: 'GET', path: pathOf(id), signal });
    if (answer.status === 404) return false;
    taken(answer);
    return true;
  }

  /** Creates a run. Returns false if the id is taken: another process was faster. */
  async createRun({ id, ...facts }: Run, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#http.send({ ...json('PUT', pathOf(id), facts), signal });
    if (answer.status === 409) return false;
    taken(answer);
    return true;
  }

  async changeRun(id: Handle, change: Partial<RunFacts>, signal: AbortSignal): Promise<void> {
    await this.#taken(json('PATCH', pathOf(id), change), signal);
  }

  async removeRun(id: Handle, signal: AbortSignal): Promise<void> {
    await this.#taken({ method: 'DELETE', path: pathOf(id) }, signal);
  }

  /**
   * Stores lines; a line replaces an existing one with the same `id`. Returns why lines are refused, by their ids.
   */
  async sendLines(id: Handle, lines: readonly string[], signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const headers = { 'content-type': 'application/x-ndjson' };
    const request: Send = { method: 'POST', path: `${pathOf(id)}/points`, body: `${lines.join('\n')}\n`, headers };
    return (await this.#json<{ readonly refused: Readonly<Record<string, string>> }>(request, signal)).refused;
  }

  /** Returns all lines of a run, page by page. */
  async *lines(id: Handle, signal: AbortSignal): AsyncGenerator<string, void, void> {
    for (let from: number | undefined = 0; from !== undefined; ) {
      const path = `${pathOf(id)}/points`;
      const { body, headers } = await this.#taken({ method: 'GET', path, query: { from }, mostBytes: Number.POSITIVE_INFINITY }, signal);
      yield* body
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '');
      const next = headers['x-next'];
      from = next === undefined ? undefined : Number(next);
    }
  }

  async putFile(id: Handle, path: string, body: Uint8Array | BodyStream, signal: AbortSignal): Promise<void> {
    await this.#taken({ method: 'PUT', path: `${pathOf(id)}/files/${path.split('/').map(encodeURIComponent).join('/')}`, body }, signal);
  }

  files(id: Handle, signal: AbortSignal): Promise<readonly StoredFile[]> {
    return this.#json<readonly StoredFile[]>({ method: 'GET', path: `${pathOf(id)}/files` }, signal);
  }

  async run(id: Handle, signal: AbortSignal): Promise<Run> {
    return this.#json<Run>({ method: 'GET', path: pathOf(id) }, signal);
  }

  async #json<Value>(request: Send, signal: AbortSignal): Promise<Value> {
    const { body } = await this.#taken({ mostBytes: Number.POSITIVE_INFINITY, ...request }, signal);
    try {
      return JSON.parse(body.toString('utf8')) as Value;
    } catch (cause) {
      throw new MirrorError('MB4031', `${request.method} ${this.url}${request.path}: the answer is no JSON`, { retry: 'later', cause });
    }
  }

  async #taken(request: Send, signal: AbortSignal): Promise<Extract<HttpAnswer, { kind: 'ok' }>> {
    return taken(await this.#http.send({ ...request, signal }));
  }
}

/**
 * Returns the answer if the service did what we asked; throws otherwise. MB4006 is about one run only: it no longer
 * exists.
 */
function taken(answer: HttpAnswer): Extract<HttpAnswer, { kind: 'ok' }> {
  if (answer.kind === 'ok') return answer;
  const { status, error } = answer;
  throw status === 404 ? new MirrorError('MB4006', `the run is not in the service any more: ${error.message}`, { cause: error }) : error;
}

function json(method: 'PUT' | 'PATCH', path: string, fields: object): Send {
  return { method, path, body: JSON.stringify(fields), headers: { 'content-type': 'application/json' } };
}

function pathOf(id: Handle): string {
  return `/runs/${encodeURIComponent(id)}`;
}

export function filesOf(marks: readonly FileMark[]): Record<string, number> {
  return Object.fromEntries(marks.map(({ file, checksum }) => [file, checksum]));
}
