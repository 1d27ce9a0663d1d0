// A lane for a service that keeps runs as lines of JSON: a line for each point, replaced by its id; large bytes as files.
import { createHash } from 'node:crypto';
import {
  type ArtifactDifference,
  type ArtifactFile,
  type ArtifactOutcome,
  type Backend,
  type BackendContext,
  type BackendType,
  blobsOf,
  capabilities,
  chunksOf,
  type FileMark,
  fileDifference,
  type Handle,
  type HttpAnswer,
  MirrorError,
  nameBeside,
  type Outcome,
  type ParamOutcome,
  type ParcelPoint,
  type Probe,
  pointsOf,
  pointText,
  type ReadBackChunk,
  type ReadBackOptions,
  type Refusal,
  type RunEnd,
  type RunParam,
  type RunSource,
  readPoint,
  type StoredPoint,
  sayTaken,
  scalarText,
  type TrackerParcel,
  toMillis,
  type WantedArtifacts,
} from 'mirrorboard/backend';
import { Client, filesOf, goneError, type Run } from './client.ts';
import { FIELDS, parseSettings, type Settings } from './settings.ts';

const CAPABILITIES = capabilities({
  name: 'jsonl',
  // Every kind has a JSON form, and the bytes that a form names are stored as files.
  holds: { scalars: 'native', other: 'native' },
  limits: { pointsPerSend: 5000, bytesPerSend: 4 * 1024 * 1024, sendsAtOnce: 2 },
  features: ['artifacts'],
});

/** Points are known by their id alone; no line needs files. */
const LINE = { place: ['id'], files: 'needs' };
/** Files of ours, apart from those that `putFile` stores. */
const BLOBS = '.blobs/';

class JsonlBackend implements Backend {
  readonly #client: Client;
  readonly #context: BackendContext;

  constructor(settings: Settings, context: BackendContext) {
    this.#client = new Client(settings);
    this.#context = context;
  }

  describe(): ReturnType<Backend['describe']> {
    return CAPABILITIES;
  }

  async probe(signal: AbortSignal): Promise<Probe> {
    const version = await this.#client.version(signal);
    return { address: this.#client.url, version, clockSkewMs: undefined, notes: [] };
  }

  async open(source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    if (known !== undefined && (await this.#client.hasRun(known, signal))) {
      await this.noteFiles(known, source.fingerprint, signal);
      return known;
    }
    for (;;) {
      const found = await this.#client.runsOf(source.key, signal);
      const mine = await this.#ownOf(found, source, signal);
      if (mine.run !== undefined) {
        // Its files are added to those it is known by: another process may have noted some of its own.
        const marks = { instance: source.instanceId, files: filesOf(source.fingerprint) };
        await this.#client.changeRun(mine.run.id, marks, signal);
        return mine.run.id;
      }
      // An id that led to a removed run is not given again: under a new one, everything is sent from the beginning.
      const number = Math.max(0, ...[...found.map(({ id }) => id), known ?? ''].map(numberOf)) + 1;
      const name = nameBeside(source.name, found.length);
      const made = newRun(source, `${source.key}-${number}` as Handle, name);
      if (!(await this.#client.createRun(made, signal))) continue; // another process was faster: it may have made this run
      if (found.length > 0) sayTaken(this.#context.warn, source, name, mine.why);
      return made.id;
    }
  }

  /** The first of some runs that is this run's. mirrorboard decides: it is told what the run is known by, and may read it back. */
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

  async noteFiles(handle: Handle, files: readonly FileMark[], signal: AbortSignal): Promise<void> {
    if (files.length > 0) await this.#client.changeRun(handle, { files: filesOf(files) }, signal);
  }

  async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const parcel of parcels) outcomes.push(await this.#sendOne(parcel, signal));
    return outcomes;
  }

  async #sendOne(parcel: TrackerParcel, signal: AbortSignal): Promise<Outcome> {
    const points = pointsOf(parcel);
    // A parcel without points carries a position, and is accepted.
    if (points.length === 0) return { kind: 'accepted', points: 0, refusals: [] };
    try {
      // Before the lines that name them, so that no line ever names what is not there.
      for (const { sha256, data } of blobsOf(parcel)) await this.#client.putFile(parcel.handle, BLOBS + sha256, data, signal);
      return outcomeOf(await this.#client.sendLines(parcel.handle, points.map(lineOf), signal), points);
    } catch (error) {
      if (signal.aborted || !(error instanceof MirrorError)) throw error;
      return failed(error);
    }
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

  async finish(handle: Handle, end: RunEnd | undefined, signal: AbortSignal): Promise<void> {
    // A time that is none becomes null in JSON.
    const change =
      end === undefined ? { status: 'running' as const, ended_ms: null } : { status: end.status, ended_ms: toMillis(end.endedAt) };
    await this.#client.changeRun(handle, change, signal);
  }

  async setParams(handle: Handle, params: readonly RunParam[], signal: AbortSignal): Promise<readonly ParamOutcome[]> {
    await this.#client.changeRun(handle, { params: Object.fromEntries(params.map(({ name, value }) => [name, String(value)])) }, signal);
    return params.map(() => ({ kind: 'set' }));
  }

  async putFile(handle: Handle, file: ArtifactFile, signal: AbortSignal): Promise<ArtifactOutcome> {
    await this.#client.putFile(handle, file.path, { bytes: file.bytes, read: () => file.read() }, signal);
    return { kind: 'stored' };
  }

  async compareArtifacts(handle: Handle, wanted: WantedArtifacts, signal: AbortSignal): Promise<readonly ArtifactDifference[]> {
    const { params } = await this.#client.run(handle, signal);
    const stored = new Map((await this.#client.files(handle, signal)).map((file) => [file.path, file]));
    const differences: ArtifactDifference[] = [];
    for (const { name, value } of wanted.params) {
      const found = params[name];
      if (found !== String(value)) differences.push({ kind: 'param', name, found });
    }
    for (const file of wanted.files) {
      const there = stored.get(file.path);
      const difference = await fileDifference(file, there);
      if (difference !== undefined) differences.push(difference);
      else if (there?.sha256 !== file.hash) differences.push({ kind: 'file', name: file.path, found: `SHA-256 ${there?.sha256}` });
    }
    return differences;
  }

  async remove(handle: Handle, signal: AbortSignal): Promise<void> {
    await this.#client.removeRun(handle, signal);
  }

  link(handle: Handle): string {
    return `${this.#client.url}/runs/${handle}`;
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

function newRun({ key, group, tags, instanceId, fingerprint }: RunSource, id: Handle, name: string): Run {
  return { id, key, name, group, tags, instance: instanceId, files: filesOf(fingerprint), params: {}, status: 'running', ended_ms: null };
}

function numberOf(id: string): number {
  return Number(id.split('-').at(-1));
}

/** The id is made of what a point is known by, never of tag and step: writers repeat steps. */
function idOf({ file, offset, checksum, index }: ParcelPoint): string {
  return createHash('sha256')
    .update(JSON.stringify([file, offset, checksum, index]))
    .digest('hex')
    .slice(0, 32);
}

/** A line from which every number comes back to the last bit, NaN, -0 and integers beyond 2^53 too. */
function lineOf(point: ParcelPoint): string {
  const { file, offset, index, value } = point;
  return pointText({ id: idOf(point), file, offset, index }, point, {}, typeof value === 'string' ? value : scalarText(value));
}

/** What became of the points: all are stored but for those that the service names. */
function outcomeOf(answer: HttpAnswer, points: readonly ParcelPoint[]): Outcome {
  if (answer.kind === 'retry') {
    return { kind: 'retry', error: answer.error, ...(answer.afterMs === undefined ? {} : { afterMs: answer.afterMs }) };
  }
  if (answer.kind === 'refused') return answer.status === 404 ? failed(goneError(answer.error)) : failed(answer.error);
  const { refused } = JSON.parse(answer.body.toString('utf8')) as { readonly refused: Readonly<Record<string, string>> };
  const refusals = points.flatMap((point): Refusal[] => {
    const reason = refused[idOf(point)];
    return reason === undefined ? [] : [{ offset: point.offset, index: point.index, kind: 'refused', reason }];
  });
  return { kind: 'accepted', points: points.length - refusals.length, refusals };
}

function failed(error: MirrorError): Outcome {
  if (error.retry !== 'never') return { kind: 'retry', error };
  if (error.code === 'MB4006') return { kind: 'runFatal', error };
  // Nobody is let in, or the address is wrong: nothing will be taken until somebody changes something.
  if (error.code === 'MB4002' || error.code === 'MB4003') return { kind: 'fatal', error };
  return { kind: 'rejected', error };
}

const type: BackendType<Settings> = {
  type: 'mirrorboard-backend-jsonl',
  fields: FIELDS,
  parse: parseSettings,
  target: ({ url }) => url,
  create: async (settings, context) => new JsonlBackend(settings, context),
};

export default type;
