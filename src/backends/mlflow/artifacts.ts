import { type BodyStream, type HttpAnswer, MOST_LISTED, Pages, taken } from '../../http/index.ts';
import { failureOf, type MlflowFailure } from './answers.ts';
import type { MlflowClient, MlflowReply } from './client.ts';

const PROXY = '/api/2.0/mlflow-artifacts/artifacts';
/** Longest accepted address of a folder, in characters. */
const MOST_URI = 4096;

/**
 * Returns the folder of a run in the server's artifact proxy, from the run's `artifact_uri`. Returns undefined if
 * artifacts go elsewhere (a bucket, a path on the server): only the official client with its own credentials can
 * reach them there.
 */
export function artifactRoot(uri: string): string | undefined {
  if (uri.length > MOST_URI) return undefined;
  const proxied = /^https?:\/\/[^/]/.test(uri) ? uri.indexOf(`${PROXY}/`) : -1;
  const path = proxied < 0 ? /^mlflow-artifacts:(?:\/\/[^/]*)?(\/.*)$/.exec(uri)?.[1] : uri.slice(proxied + PROXY.length);
  const parts = path?.split('/') ?? [];
  while (parts[0] === '') parts.shift();
  while (parts.at(-1) === '') parts.pop();
  return parts.length === 0 || parts.some((part) => part === '' || part === '.' || part === '..') ? undefined : parts.join('/');
}

/** Returns the place of files that do not go through the server. */
export function placeOf(uri: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1];
  return scheme === undefined || scheme === 'file' ? 'in a folder of the server' : `at ${scheme}:`;
}

/** Returns the remedy if files do not go through the server. */
export function awayHint(hosted: { readonly name: string } | undefined): string {
  return hosted === undefined ? AWAY_HINT : `Only clients with their own credentials for its storage can store files in ${hosted.name}.`;
}

const AWAY_HINT =
  'Start the server with --artifacts-destination PLACE instead of --default-artifact-root PLACE, and use a new ' +
  'experiment; or create one with the artifact location mlflow-artifacts:/NAME. An experiment keeps the place that it was created with.';

/**
 * The artifacts of runs behind the server's proxy (`mlflow/protos/mlflow_artifacts.proto`). mirrorboard chooses the
 * paths: plain parts, no `..`.
 */
export class Artifacts {
  readonly #client: MlflowClient;

  constructor(client: MlflowClient) {
    this.#client = client;
  }

  /** Stores a file and replaces what is at its path. If the server fails internally, tries once more. */
  async put(root: string, path: string, data: Uint8Array | BodyStream, signal: AbortSignal): Promise<MlflowFailure | undefined> {
    const first = await this.#put(root, path, data, signal);
    return first?.cause === 'internal' ? this.#put(root, path, data, signal) : first;
  }

  async #put(root: string, path: string, data: Uint8Array | BodyStream, signal: AbortSignal): Promise<MlflowFailure | undefined> {
    const headers = { 'content-type': 'application/octet-stream' };
    const answer = await this.#client.raw({ method: 'PUT', path: address(root, path), body: data, headers, signal });
    return answer.kind === 'ok' ? undefined : this.#failure(answer, `storing ${path}`);
  }

  /** Removes a file. A missing file is no failure. */
  async remove(root: string, path: string, signal: AbortSignal): Promise<MlflowFailure | undefined> {
    const answer = await this.#client.raw({ method: 'DELETE', path: address(root, path), signal });
    if (answer.kind === 'ok') return undefined;
    const failure = this.#failure(answer, `removing ${path}`);
    return failure.cause === 'missing' ? undefined : failure;
  }

  async get(root: string, path: string, signal: AbortSignal): Promise<MlflowReply<Buffer>> {
    const answer = await this.#client.raw({
      method: 'GET',
      path: address(root, path),
      isFile: true,
      mostBytes: Number.POSITIVE_INFINITY,
      signal,
    });
    return answer.kind === 'ok' ? { kind: 'ok', value: answer.body } : this.#failure(answer, `reading ${path}`);
  }

  /** Lists the files of one folder of a run with their lengths in bytes. An empty `folder` is the run's own. */
  async list(runId: string, folder: string, signal: AbortSignal): Promise<MlflowReply<ReadonlyMap<string, number>>> {
    const listed = await this.entries(runId, folder, signal);
    return listed.kind === 'ok' ? { kind: 'ok', value: listed.value.files } : listed;
  }

  /** Lists the folders in one folder of a run. */
  async folders(runId: string, folder: string, signal: AbortSignal): Promise<MlflowReply<ReadonlySet<string>>> {
    const listed = await this.entries(runId, folder, signal);
    return listed.kind === 'ok' ? { kind: 'ok', value: listed.value.folders } : listed;
  }

  /** Lists the files and folders of one folder of a run together, for the price of one listing. */
  async entries(
    runId: string,
    folder: string,
    signal: AbortSignal,
  ): Promise<MlflowReply<{ readonly files: ReadonlyMap<string, number>; readonly folders: ReadonlySet<string> }>> {
    const files = new Map<string, number>();
    const folders = new Set<string>();
    const pages = new Pages(`listing ${folder}`, this.#client.address, { items: MOST_LISTED });
    let token: string | undefined;
    do {
      const input = { run_id: runId, path: folder === '' ? undefined : folder, page_token: token };
      const reply = taken(await this.#client.call(`listing ${folder}`, 'GET', 'artifacts/list', input, signal), (answer) => ({
        entries: answer
          .list('files')
          .map((file) => ({ path: file.text('path'), isFolder: file.is('is_dir'), bytes: file.number('file_size', 0) })),
        next: answer.text('next_page_token', ''),
      }));
      if (reply.kind !== 'ok') return reply;
      const { entries, next } = reply.value;
      for (const { path, isFolder, bytes } of entries) {
        if (isFolder) folders.add(path);
        else files.set(path, bytes);
      }
      token = pages.next(next, entries.length, entries);
    } while (token !== undefined);
    return { kind: 'ok', value: { files, folders } };
  }

  /** True if the server serves artifacts at all; undefined if it does not report that. */
  async isServed(signal: AbortSignal): Promise<boolean | undefined> {
    const answer = await this.#client.raw({ method: 'GET', path: PROXY, mostBytes: Number.POSITIVE_INFINITY, signal });
    if (answer.kind === 'ok') return true;
    return this.#failure(answer, 'asking for artifacts').cause === 'notServed' ? false : undefined;
  }

  #failure(answer: Exclude<HttpAnswer, { kind: 'ok' }>, what: string): MlflowFailure {
    return failureOf(answer, what, this.#client.address);
  }
}

function address(root: string, path: string): string {
  return `${PROXY}/${`${root}/${path}`.split('/').map(encodeURIComponent).join('/')}`;
}
