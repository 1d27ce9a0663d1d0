/** Transfers the files of runs: the server names an address for each, which may be on another host. */
import { MirrorError } from '../../errors.ts';
import {
  type AnswerFields,
  type Fields,
  type HttpClient,
  isPage,
  type NamedAnswer,
  NamedHosts,
  type NamedHostsOptions,
  taken,
  uploadHeaders,
} from '../../http/index.ts';
import { failed, failureOf, type WandbFailure, type WandbReply } from './answers.ts';
import { FILES_PER_REQUEST, UPLOADS_AT_ONCE } from './limits.ts';
import type { StoredFile } from './map.ts';
import { CREATE_FILES } from './queries.ts';
import type { RunPath } from './run-path.ts';

/** A file of a few bytes, apart from the points. */
const TRIAL_FILE = 'mirrorboard/trial.txt';

/** The part of the service's GraphQL API that names addresses. */
export interface GraphApi {
  graph(what: string, operationName: string, query: string, variables: Fields, signal: AbortSignal): Promise<WandbReply<AnswerFields>>;
}

/** Called for a file that cannot be stored, with the reason. */
export type LostFile = (path: string, error: MirrorError) => void;

/** Stores and reads the files of runs. */
export class FileTransfer {
  readonly #http: HttpClient;
  readonly #client: GraphApi;
  /** The client for the file addresses that the server names: it never sends the key. */
  readonly #elsewhere: NamedHosts;

  constructor(http: HttpClient, client: GraphApi, options: Omit<NamedHostsOptions, 'tracker' | 'connections'>) {
    this.#http = http;
    this.#client = client;
    this.#elsewhere = new NamedHosts({ ...options, tracker: http.address, connections: UPLOADS_AT_ONCE });
  }

  /**
   * Uploads files, and replaces existing ones of the same name. Calls `lost` for a file with an unusable upload
   * address, and for a file that is too large while others are accepted, then continues with the others. Without
   * `lost`, such a file is a normal failure.
   */
  async upload(run: RunPath, files: readonly StoredFile[], signal: AbortSignal, lost?: LostFile): Promise<WandbFailure | undefined> {
    for (let at = 0; at < files.length; at += FILES_PER_REQUEST) {
      const some = files.slice(at, at + FILES_PER_REQUEST);
      const addresses = await this.#addresses(run, some, signal);
      if (addresses.kind !== 'ok') return addresses;
      const waiting = [...some];
      const workers = Array.from({ length: UPLOADS_AT_ONCE }, async (): Promise<WandbFailure | undefined> => {
        for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
          const failure = await this.#put(run, file, addresses.value, signal);
          if (failure !== undefined) {
            if (lost !== undefined && (await this.#isLost(run, failure, signal))) {
              lost(file.path, failure.error);
              continue;
            }
            waiting.length = 0;
            return failure;
          }
        }
        return undefined;
      });
      const failure = (await Promise.all(workers)).find((one) => one !== undefined);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  /** Downloads a file of a run; undefined if there is none. */
  async download(run: RunPath, name: string, url: string, signal: AbortSignal): Promise<WandbReply<Buffer | undefined>> {
    const what = `reading ${name} of the run ${run.id}`;
    const path = `${filesPath(run)}/${name.split('/').map(encodeURIComponent).join('/')}`;
    const answer =
      url === ''
        ? await this.#http.send({ method: 'GET', path, isFile: true, mostBytes: Number.POSITIVE_INFINITY, signal })
        : await this.#fetch(url, signal);
    if (answer.kind === 'unusable') return unusable(what, answer.error);
    // Servers with pages of their own return one for an address that they do not know.
    const isStrange = answer.kind === 'ok' && !name.endsWith('.html') && isPage(answer);
    if (answer.kind === 'ok') return { kind: 'ok', value: isStrange ? undefined : answer.body };
    return answer.status === 404 ? { kind: 'ok', value: undefined } : failureOf(answer, what, this.#http.address);
  }

  async #addresses(
    { entity, project, id }: RunPath,
    files: readonly StoredFile[],
    signal: AbortSignal,
  ): Promise<WandbReply<{ readonly urls: ReadonlyMap<string, unknown>; readonly headers: Readonly<Record<string, string>> }>> {
    const variables = { entity, project, run: id, files: files.map(({ path }) => path) };
    const reply = await this.#client.graph('requesting upload addresses', 'CreateRunFiles', CREATE_FILES, variables, signal);
    return taken(reply, (fields) => {
      const answer = fields.object('createRunFiles');
      const urls = new Map(answer.list('files').map((file) => [file.text('name', ''), file.fields['uploadUrl'] ?? '']));
      return { urls, headers: uploadHeaders(answer.fields['uploadHeaders']) };
    });
  }

  /** True if a failure is only about the file. */
  async #isLost(run: RunPath, { cause }: WandbFailure, signal: AbortSignal): Promise<boolean> {
    return cause === 'unusable' || (cause === 'tooMuch' && (await this.tryFile(run, signal)) === undefined);
  }

  /** Stores a file of a few bytes, to see if the server accepts any file. */
  tryFile(run: RunPath, signal: AbortSignal): Promise<WandbFailure | undefined> {
    return this.upload(run, [{ path: TRIAL_FILE, data: Buffer.from(new Date().toISOString()), isMedia: false }], signal);
  }

  async #put(
    run: RunPath,
    file: StoredFile,
    first: { readonly urls: ReadonlyMap<string, unknown>; readonly headers: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<WandbFailure | undefined> {
    const what = `storing ${file.path} of the run ${run.id}`;
    let upload = first;
    for (let tries = 0; ; tries++) {
      const url = upload.urls.get(file.path);
      if (url === undefined)
        return failed('refused', `${what}: ${this.#http.address} gave no address for it`, { address: this.#http.address });
      const answer = await this.#elsewhere.send(url, { method: 'PUT', headers: upload.headers, body: file.data, signal });
      if (answer.kind === 'unusable') return unusable(what, answer.error);
      if (answer.kind === 'ok') return undefined;
      // The addresses are signed, and expire.
      if (answer.status !== 403 || tries > 0) return failureOf(answer, what, this.#http.address);
      const again = await this.#addresses(run, [file], signal);
      if (again.kind !== 'ok') return again;
      upload = again.value;
    }
  }

  /** Fetches a file at an address that the server named. Only the server itself gets the key. */
  async #fetch(address: string, signal: AbortSignal): Promise<NamedAnswer> {
    const url = this.#elsewhere.parse(address);
    if (url instanceof MirrorError) return { kind: 'unusable', error: url };
    const base = new URL(this.#http.address);
    const prefix = base.pathname.replace(/\/+$/, '');
    if (url.origin === base.origin && url.pathname.startsWith(`${prefix}/`)) {
      const path = (url.pathname + url.search).slice(prefix.length);
      return this.#http.send({ method: 'GET', path, isFile: true, mostBytes: Number.POSITIVE_INFINITY, signal });
    }
    return this.#elsewhere.send(address, { method: 'GET', isFile: true, mostBytes: Number.POSITIVE_INFINITY, signal });
  }

  close(): Promise<void> {
    return this.#elsewhere.close();
  }
}

function unusable(what: string, error: MirrorError): WandbFailure {
  return failed('unusable', `${what}: ${error.message}`, error.context, error);
}

/** Returns the path of a run's files and of its stream. */
export function filesPath({ entity, project, id }: RunPath): string {
  return `/files/${[entity, project, id].map(encodeURIComponent).join('/')}`;
}
