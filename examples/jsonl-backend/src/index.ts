// A lane for a service that keeps runs as lines of JSON: a line for each point, which its id replaces; large bytes as
// separate files.
import {
  type ArtifactDifference,
  type Backend,
  type BackendContext,
  type BackendType,
  blobsOf,
  type Call,
  capabilities,
  chunksOf,
  fileDifference,
  type Handle,
  Job,
  nameHash,
  numberedName,
  outcomeOfThrown,
  type ParcelPoint,
  pointsOf,
  pointText,
  type ReadBackChunk,
  type ReadBackOptions,
  type RunSource,
  readPoint,
  type StoredPoint,
  scalarText,
  sendParcels,
  type TrackerParcel,
  toMillis,
  warnNameTaken,
} from 'mirrorboard/backend';
import { Client, filesOf, type Run } from './client.ts';
import { FIELDS, parseSettings, type Settings } from './settings.ts';

const CAPABILITIES = capabilities({
  name: 'jsonl',
  // Every kind has a JSON form, and the bytes that it names are stored as files.
  holds: { scalars: 'native', other: 'native' },
  limits: { pointsPerSend: 5000, bytesPerSend: 4 * 1024 * 1024, sendsAtOnce: 2 },
  features: ['artifacts'],
});

/** Only the id identifies a point; no line needs files. */
const LINE = { position: ['id'], files: 'needs' };
/** The folder of our own files, apart from those that `putFile` stores. */
const BLOBS = '.blobs/';

class JsonlBackend implements Backend {
  readonly #client: Client;
  readonly #context: BackendContext;

  constructor(settings: Settings, context: BackendContext) {
    this.#client = new Client(settings);
    this.#context = context;
  }

  readonly describe: Call<'describe'> = () => {
    return CAPABILITIES;
  };

  readonly probe: Call<'probe'> = async (signal) => {
    const version = await this.#client.version(signal);
    return { address: this.#client.url, version, clockSkewMs: undefined, notes: [] };
  };

  readonly open: Call<'open'> = async (source, known, signal) => {
    if (known !== undefined && (await this.#client.hasRun(known, signal))) {
      await this.noteFiles(known, source.fingerprint, signal);
      return known;
    }
    for (;;) {
      const found = await this.#client.runsOf(source.key, signal);
      const mine = await this.#ownOf(found, source, signal);
      if (mine.run !== undefined) {
        // Adds its files to those that identify the run: another process may have added some.
        const marks = { instance: source.instanceId, files: filesOf(source.fingerprint) };
        await this.#client.changeRun(mine.run.id, marks, signal);
        return mine.run.id;
      }
      // Never returns the id of a removed run: for a new id, mirrorboard sends everything from the beginning.
      const number = Math.max(0, ...[...found.map(({ id }) => id), known ?? ''].map(numberOf)) + 1;
      const name = numberedName(source.name, found.length);
      const made = newRun(source, `${source.key}-${number}` as Handle, name);
      if (!(await this.#client.createRun(made, signal))) continue; // another process was faster: it may have made this run
      if (found.length > 0) warnNameTaken(this.#context.warn, source, name, mine.why);
      return made.id;
    }
  };

  /**
   * Returns the first of some runs that belongs to this run. mirrorboard decides, by its fingerprint and by its
   * points.
   */
  async #ownOf(runs: readonly Run[], source: RunSource, signal: AbortSignal): Promise<{ readonly run?: Run; readonly why?: string }> {
    let why = {};
    for (const run of runs) {
      const fingerprint = Object.entries(run.files).map(([file, checksum]) => ({ file, checksum }));
      const readBack = (stop: AbortSignal): AsyncIterable<ReadBackChunk> => this.readBack(run.id, { signal: stop });
      const whose = await this.#context.whoseRun({ instanceId: run.instance, fingerprint, readBack }, source, signal);
      if (whose.kind === 'own') return { run };
      why = { why: whose.why };
    }
    return why;
  }

  readonly noteFiles: Call<'noteFiles'> = async (handle, files, signal) => {
    if (files.length > 0) await this.#client.changeRun(handle, { files: filesOf(files) }, signal);
  };

  readonly send: Call<'send'> = (parcels, signal) =>
    sendParcels(parcels, {
      begin: (parcel) => this.#store(parcel, signal),
      // mirrorboard finds the point that the service refuses permanently: it sends the parcel again in halves.
      outcomeOf: (thrown) => outcomeOfThrown(thrown, signal, 'the service', 'content'),
    });

  async #store(parcel: TrackerParcel, signal: AbortSignal): Promise<Job> {
    const job = new Job(parcel, undefined);
    const points = pointsOf(parcel);
    // A parcel without points carries a position, and is accepted.
    if (points.length === 0) return job;
    // Before the lines that name them, so that no line ever names a missing file.
    for (const { sha256, data } of blobsOf(parcel)) await this.#client.putFile(parcel.handle, BLOBS + sha256, data, signal);
    const refused = await this.#client.sendLines(parcel.handle, points.map(lineOf), signal);
    for (const point of points) {
      const reason = refused[idOf(point)];
      if (reason !== undefined) job.refuse(point, reason);
    }
    return job;
  }

  async *readBack(handle: Handle, { isWanted, signal }: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    const lines = this.#client.lines(handle, signal ?? new AbortController().signal);
    const points = (async function* (): AsyncGenerator<StoredPoint, void, void> {
      for await (const line of lines) {
        const point = readPoint(line, LINE);
        if (point !== undefined && isWanted?.(point.tag) !== false) yield point;
      }
    })();
    yield* chunksOf(points);
  }

  readonly finish: Call<'finish'> = async (handle, end, signal) => {
    // An invalid time becomes null in JSON.
    const change =
      end === undefined ? { status: 'running' as const, ended_ms: null } : { status: end.status, ended_ms: toMillis(end.endedAt) };
    await this.#client.changeRun(handle, change, signal);
  };

  readonly setParams: Call<'setParams'> = async (handle, params, signal) => {
    await this.#client.changeRun(handle, { params: Object.fromEntries(params.map(({ name, value }) => [name, String(value)])) }, signal);
    return params.map(() => ({ kind: 'set' }));
  };

  readonly putFile: Call<'putFile'> = async (handle, file, signal) => {
    await this.#client.putFile(handle, file.path, { bytes: file.bytes, read: () => file.read() }, signal);
    return { kind: 'stored' };
  };

  readonly compareArtifacts: Call<'compareArtifacts'> = async (handle, wanted, signal) => {
    const { params } = await this.#client.run(handle, signal);
    const stored = new Map((await this.#client.files(handle, signal)).map((file) => [file.path, file]));
    const differences: ArtifactDifference[] = [];
    for (const { name, value } of wanted.params) {
      const found = params[name];
      if (found !== String(value)) differences.push({ kind: 'param', name, found });
    }
    for (const file of wanted.files) {
      const there = stored.get(file.path);
      const difference = await fileDifference(file, there && { bytes: there.bytes, hash: there.sha256 });
      if (difference !== undefined) differences.push(difference);
    }
    return differences;
  };

  readonly remove: Call<'remove'> = async (handle, signal) => {
    await this.#client.removeRun(handle, signal);
  };

  readonly link: Call<'link'> = (handle) => {
    return `${this.#client.url}/runs/${handle}`;
  };

  readonly close: Call<'close'> = () => {
    return this.#client.close();
  };
}

function newRun({ key, group, tags, instanceId, fingerprint }: RunSource, id: Handle, name: string): Run {
  return { id, key, name, group, tags, instance: instanceId, files: filesOf(fingerprint), params: {}, status: 'running', ended_ms: null };
}

function numberOf(id: string): number {
  return Number(id.split('-').at(-1));
}

/** Returns the id from what identifies a point, never from tag and step: writers repeat steps. */
function idOf({ file, offset, checksum, index }: ParcelPoint): string {
  return nameHash([file, offset, checksum, index], 32);
}

/** Returns a line that keeps every number to the last bit, also NaN, -0 and integers beyond 2^53. */
function lineOf(point: ParcelPoint): string {
  const { file, offset, index, value } = point;
  return pointText({ id: idOf(point), file, offset, index }, point, {}, typeof value === 'string' ? value : scalarText(value));
}

const type: BackendType<Settings> = {
  type: 'mirrorboard-backend-jsonl',
  fields: FIELDS,
  parse: parseSettings,
  target: ({ url }) => url,
  create: async (settings, context) => new JsonlBackend(settings, context),
};

export default type;
