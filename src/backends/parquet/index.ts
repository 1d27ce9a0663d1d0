/** The Parquet backend: files with points in a folder or a bucket, whose names make a repeated send harmless. */

import { outcomeOfThrown } from '../../backend-kit/failures/index.ts';
import { FileMarks, numberedName, warnNameTaken } from '../../backend-kit/identity/index.ts';
import { capabilities, fileDifference } from '../../backend-kit/index.ts';
import { sendByRun } from '../../backend-kit/sending/index.ts';
import { systemClock } from '../../clock.ts';
import { LineByKey } from '../../concurrency/index.ts';
import type {
  Backend,
  BackendContext,
  BackendType,
  Call,
  Capabilities,
  Handle,
  Outcome,
  ReadBackChunk,
  ReadBackOptions,
  RunSource,
  TrackerParcel,
} from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { pointCount } from '../../model/index.ts';
import { bucketPlace } from './bucket.ts';
import { FolderPlace } from './folder.ts';
import { foreignIn } from './foreign.ts';
import { idOf, keyFolder, numbersIn, pathsOf, type RunPlace } from './names.ts';
import { paramDifferences, readParams, withParams } from './params.ts';
import { contentOf, type Place } from './place.ts';
import {
  documentBytes,
  goneError,
  handleOf,
  newDocument,
  type RunDocument,
  readDocument,
  readHandle,
  rootPartition,
  runOfId,
  timeOf,
  writeDocument,
} from './run-document.ts';
import { RunFiles } from './run-files.ts';
import { FIELDS, type ParquetSettings, parseSettings } from './settings.ts';

/** Runs whose lists of files stay in memory. */
const MOST_LISTED_RUNS = 256;

/** How often another process may make a run of the same number first. */
const MOST_OPENINGS = 20;

/** Errors about the name of one file: it is too long, or another file's name is a part of its path. */
const ABOUT_NAME: ReadonlySet<string> = new Set([
  ...['EEXIST', 'EILSEQ', 'EISDIR', 'ENAMETOOLONG', 'ENOTDIR', 'ENOTEMPTY'],
  // A server's name for it.
  'KeyTooLongError',
]);

class ParquetBackend implements Backend {
  readonly #capabilities: Capabilities;
  readonly #place: Place;
  readonly #context: BackendContext;
  readonly #files = new Map<string, RunFiles>();
  /** Changes of one document follow each other. */
  readonly #changes = new LineByKey();
  readonly #stop = new AbortController();

  constructor({ folder, bucket, fileBytes, fileAgeMs }: ParquetSettings, context: BackendContext) {
    this.#context = context;
    this.#place = bucket === undefined ? new FolderPlace(folder ?? '.', context.clock ?? systemClock) : bucketPlace(bucket);
    this.#capabilities = capabilities({
      name: 'parquet',
      holds: { scalars: 'native', other: 'native' },
      limits: {
        // A scalar takes some 50 bytes of an event file.
        pointsPerSend: fileBytes / 64,
        bytesPerSend: fileBytes,
        bytesPerTurn: fileBytes,
        sendsAtOnce: 4,
        gatherMs: fileAgeMs,
      },
      features: ['artifacts'],
    });
  }

  readonly describe: Call<'describe'> = () => {
    return this.#capabilities;
  };

  readonly probe: Call<'probe'> = async (signal) => {
    await this.#place.probe(signal);
    return { address: this.#place.address, version: undefined, clockSkewMs: undefined, notes: [] };
  };

  readonly open: Call<'open'> = async (source, known, signal) => {
    if (source.joins !== undefined) return this.#join(source.joins, signal);
    const last = known === undefined ? undefined : readHandle(known);
    if (known !== undefined && last !== undefined && (await this.#adopt(last, source, signal))) return known;
    for (let openings = 1; ; openings++) {
      const paths = await this.#place.list(keyFolder(source.key), signal);
      const numbers = numbersIn(paths.map(({ path }) => path));
      const { own, why } = await this.#ownOf(numbers, source, signal);
      if (own !== undefined) {
        await this.#adopt(own, source, signal);
        return handleOf(own);
      }
      // The number of a removed run is not used again: for a new handle, mirrorboard sends everything.
      const number = Math.max(numbers.at(-1) ?? 0, last?.number ?? 0) + 1;
      const place = { key: source.key, number, root: rootPartition(source) };
      const name = numberedName(source.name, numbers.length);
      const bytes = documentBytes(newDocument(source, place, name));
      // Another process may have made this run just now.
      if (!(await this.#place.putNew(pathsOf(place).document, bytes, signal))) {
        if (openings < MOST_OPENINGS) continue;
        throw new MirrorError('MB4006', `${pathsOf(place).document} in ${this.#place.address} exists, but is not listed as a file`, {
          hint: 'Remove it, or see what keeps it out of the listing: a link, or a server whose listings are late.',
          context: { run: idOf(place) },
        });
      }
      if (numbers.length > 0) warnNameTaken(this.#context.warn, source, name, why);
      return handleOf(place);
    }
  };

  async #join(id: string, signal: AbortSignal): Promise<Handle> {
    const run = runOfId(id);
    const document = run === undefined ? undefined : await readDocument(this.#place, run, signal);
    if (run === undefined || document === undefined) throw new MirrorError('MB4006', `${this.#place.address} has no run ${id}`);
    return handleOf({ ...run, root: document.root_partition });
  }

  /** Returns the first tracker run of a key that belongs to this run. */
  async #ownOf(
    numbers: readonly number[],
    source: RunSource,
    signal: AbortSignal,
  ): Promise<{ readonly own?: RunPlace; readonly why?: string | undefined }> {
    let why: string | undefined;
    for (const number of numbers) {
      const document = await readDocument(this.#place, { key: source.key, number }, signal);
      if (document === undefined) continue;
      const own = { key: source.key, number, root: document.root_partition };
      const fingerprint = FileMarks.fromPairs(document.files).list();
      const readBack = (stop: AbortSignal): AsyncIterable<ReadBackChunk> => this.readBack(handleOf(own), { signal: stop });
      const whose = await this.#context.whoseRun({ instanceId: document.instance, fingerprint, readBack }, source, signal);
      if (whose.kind === 'own') return { own };
      why ??= whose.why;
    }
    return { why };
  }

  /** Adds this state and its files to those that identify a run. Returns false if the run does not exist. */
  async #adopt(run: RunPlace, { instanceId, fingerprint }: RunSource, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#change(
        run,
        ({ files }) => ({ instance: instanceId, files: FileMarks.fromPairs(files).with(fingerprint).pairs() }),
        signal,
      );
      return true;
    } catch (error) {
      if (error instanceof MirrorError && error.code === 'MB4006') return false;
      throw error;
    }
  }

  readonly noteFiles: Call<'noteFiles'> = async (handle, marks, signal) => {
    await this.#change(readHandle(handle), ({ files }) => ({ files: FileMarks.fromPairs(files).with(marks).pairs() }), signal);
  };

  readonly send: Call<'send'> = (parcels, signal) =>
    sendByRun(
      parcels,
      (handle, own) => this.#sendRun(readHandle(handle), own, signal),
      (thrown) => outcomeOfThrown(thrown, signal, this.#place.address),
    );

  async #sendRun(run: RunPlace, parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const files = await this.#filesOf(run, signal);
    for (const group of groupsOf(parcels)) await files.store(group, signal);
    return parcels.map(({ batch }) => ({ kind: 'accepted', points: pointCount(batch), refusals: [] }));
  }

  async *readBack(
    handle: Handle,
    { isWanted, signal = this.#stop.signal }: ReadBackOptions = {},
  ): AsyncGenerator<ReadBackChunk, void, void> {
    const files = await this.#filesOf(readHandle(handle), signal);
    yield* files.readBack(isWanted, signal);
  }

  readonly finish: Call<'finish'> = async (handle, end, signal) => {
    const run = readHandle(handle);
    if (end !== undefined) {
      await (await this.#filesOf(run, signal)).close(signal);
      this.#files.delete(idOf(run));
    }
    // Last, so that a run that has ended is also merged.
    await this.#change(run, () => ({ status: end?.status ?? 'running', ended_at: timeOf(end?.endedAt) }), signal);
  };

  readonly setParams: Call<'setParams'> = (handle, params, signal) => {
    const run = readHandle(handle);
    const { params: path } = pathsOf(run);
    return this.#changes.run(path, async () => {
      const { run: name } = await this.#document(run, signal);
      const held = await readParams(await this.#place.get(path, signal), path);
      const changed = await withParams(held, params, idOf(run), name);
      if (changed !== undefined) await this.#place.put(path, contentOf(changed), signal);
      return params.map(() => ({ kind: 'set' }));
    });
  };

  readonly putFile: Call<'putFile'> = async (handle, file, signal) => {
    const run = readHandle(handle);
    await this.#document(run, signal);
    try {
      await this.#place.put(pathsOf(run).artifacts + file.path, file, signal);
    } catch (error) {
      if (error instanceof MirrorError && ABOUT_NAME.has(String(error.context['name']))) return { kind: 'refused', reason: error.message };
      throw error;
    }
    return { kind: 'stored' };
  };

  readonly compareArtifacts: Call<'compareArtifacts'> = async (handle, wanted, signal) => {
    const { artifacts, params: path } = pathsOf(readHandle(handle));
    const stored = new Map((await this.#place.list(artifacts, signal)).map((file) => [file.path, file]));
    const held = await readParams(wanted.params.length === 0 ? undefined : await this.#place.get(path, signal), path);
    const differences = [...paramDifferences(held, wanted.params)];
    for (const file of wanted.files) {
      const there = stored.get(artifacts + file.path);
      const content = there && { bytes: there.bytes, read: () => this.#place.get(there.path, signal) };
      const difference = await fileDifference(file, content);
      if (difference !== undefined) differences.push(difference);
    }
    return differences;
  };

  readonly foreign: Call<'foreign'> = async (own, signal) => {
    return foreignIn(this.#place, own, signal);
  };

  readonly remove: Call<'remove'> = async (handle, signal) => {
    const run = readHandle(handle);
    this.#files.delete(idOf(run));
    await new RunFiles(this.#place, run, '').remove(signal);
  };

  readonly close: Call<'close'> = async () => {
    this.#stop.abort(new MirrorError('MB4001', 'the Parquet backend was closed', { retry: 'later' }));
    await this.#place.close();
  };

  /** Returns the files of a run that exists. */
  async #filesOf(run: RunPlace, signal: AbortSignal): Promise<RunFiles> {
    const known = this.#files.get(idOf(run));
    if (known !== undefined && (await this.#place.has(pathsOf(run).document, signal))) return known;
    this.#files.delete(idOf(run));
    const { run: name } = await this.#document(run, signal);
    const files = this.#files.get(idOf(run)) ?? new RunFiles(this.#place, run, name);
    this.#files.set(idOf(run), files);
    for (const oldest of this.#files.keys()) if (this.#files.size > MOST_LISTED_RUNS) this.#files.delete(oldest);
    return files;
  }

  async #document(run: RunPlace, signal: AbortSignal): Promise<RunDocument> {
    const document = await readDocument(this.#place, run, signal);
    if (document === undefined) throw goneError(this.#place, run);
    return document;
  }

  /** Changes the document of a run, if anything in it differs. */
  #change(run: RunPlace, change: (document: RunDocument) => Partial<RunDocument>, signal: AbortSignal): Promise<void> {
    return this.#changes.run(idOf(run), async () => {
      const before = await this.#document(run, signal);
      const after = { ...before, ...change(before) };
      if (JSON.stringify(after) !== JSON.stringify(before)) await writeDocument(this.#place, run, after, signal);
    });
  }
}

/** Groups parcels that follow each other in one event file: they become one file for each kind. */
function groupsOf(parcels: readonly TrackerParcel[]): (readonly TrackerParcel[])[] {
  const groups: TrackerParcel[][] = [];
  for (const parcel of parcels) {
    const before = groups.at(-1)?.at(-1);
    if (before?.file === parcel.file && before.batch.end === parcel.batch.start) groups.at(-1)?.push(parcel);
    else groups.push([parcel]);
  }
  return groups;
}

/** The kind of place that `type: parquet` names. */
export const parquet: BackendType<ParquetSettings> = {
  type: 'parquet',
  fields: FIELDS,
  parse: parseSettings,
  target({ target }) {
    return target;
  },
  async create(settings, context) {
    return new ParquetBackend(settings, context);
  },
};
