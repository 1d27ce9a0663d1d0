/** Bytes of images, audio, tensors and graphs: files of the server's media folder, each named by its hash. */
import { piecesOf } from '../../backend-kit/index.ts';
import { each } from '../../concurrency/index.ts';
import { MirrorError } from '../../errors.ts';
import { type Blob, sha256Of } from '../../model/index.ts';
import type { Client } from './client.ts';
import { prefixOf, type TrackioRun } from './handle.ts';
import { UPLOAD_BYTES } from './limits.ts';
import { fileNameOf } from './rows.ts';

const LOOKS_AT_ONCE = 8;

/** The files of runs in the media folder of a server. */
export class Media {
  readonly #client: Client;
  #folder: string | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Stores bytes that are not there yet, and makes sure that they are. */
  async store(run: TrackioRun, blobs: readonly Blob[], signal: AbortSignal): Promise<void> {
    await this.#upload(run, await this.#lacking(blobs, (blob) => this.#hasLength(run, blob, signal)), signal);
  }

  /** Stores bytes again that are not there any more, or are others by now. */
  async mend(run: TrackioRun, blobs: readonly Blob[], signal: AbortSignal): Promise<void> {
    await this.#upload(run, await this.#lacking(blobs, (blob) => this.has(run, fileNameOf(blob), signal)), signal);
  }

  async #upload(run: TrackioRun, missing: readonly Blob[], signal: AbortSignal): Promise<void> {
    for (const piece of piecesOf(missing, ({ data }) => data.length, { bytes: UPLOAD_BYTES, count: 100 })) {
      const files = piece.map((blob) => ({
        name: fileNameOf(blob),
        body: {
          bytes: blob.data.length,
          async *read() {
            yield blob.data;
          },
        },
      }));
      const paths = await this.#client.upload(files, signal);
      const uploads = paths.map((path, i) => ({
        project: run.project,
        run: prefixOf(run),
        run_id: run.run,
        step: null,
        relative_path: null,
        uploaded_file: { path, orig_name: files[i]?.name ?? '' },
      }));
      await this.#client.call('bulk_upload_media', { uploads, hf_token: null }, signal);
    }
    const [lost] = await this.#lacking(missing, (blob) => this.#hasLength(run, blob, signal));
    if (lost === undefined) return;
    // The folder may be another one after a restart.
    this.#folder = undefined;
    throw new MirrorError('MB4005', `Trackio took the file ${fileNameOf(lost)}, and does not have it`, { retry: 'later' });
  }

  /** True if the server has a file with exactly its bytes. */
  async has(run: TrackioRun, name: string, signal: AbortSignal): Promise<boolean> {
    return (await this.read(run, name, signal)) !== undefined;
  }

  /** Returns the content of a file; undefined if it is not there, or has other bytes than its name says. */
  async read(run: TrackioRun, name: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const content = await this.#client.file(await this.#pathOf(run, name, signal), signal);
    return content !== undefined && name.startsWith(`${sha256Of(content)}.`) ? content : undefined;
  }

  async #hasLength(run: TrackioRun, blob: Blob, signal: AbortSignal): Promise<boolean> {
    const path = await this.#pathOf(run, fileNameOf(blob), signal);
    return (await this.#client.fileLength(path, signal)) === blob.data.length;
  }

  async #lacking(blobs: readonly Blob[], has: (blob: Blob) => Promise<boolean>): Promise<readonly Blob[]> {
    const wanted = [...new Map(blobs.map((blob) => [fileNameOf(blob), blob])).values()];
    const there = new Set<Blob>();
    await each(wanted, LOOKS_AT_ONCE, async (blob) => {
      if (await has(blob)) there.add(blob);
    });
    return wanted.filter((blob) => !there.has(blob));
  }

  async #pathOf(run: TrackioRun, name: string, signal: AbortSignal): Promise<string> {
    this.#folder ??= await this.#client.mediaFolder(signal);
    return `${this.#folder}/${mediaPath(run, name)}`;
  }
}

/** Returns the path of a file below the server's media folder, as a row names it. */
export function mediaPath(run: TrackioRun, name: string): string {
  return `${run.project}/${prefixOf(run)}/${name}`;
}
