// The backend of a tracker of the world: as a real one, with requests that travel, and answers that may not come.
import { FileMarks, whoseRun } from '../../src/backend-kit/identity/index.ts';
import type {
  Backend,
  Capabilities,
  FileMark,
  Handle,
  HeldPoint,
  Intent,
  JournalEntry,
  JournalledBackend,
  Outcome,
  Probe,
  ReadBackChunk,
  ReadBackOptions,
  Resolution,
  RunEnd,
  RunSource,
  TrackerParcel,
} from '../../src/contract/index.ts';
import { MirrorError } from '../../src/errors.ts';
import { pointCount } from '../../src/model/index.ts';
import { pointsOf } from '../../src/testing/parcels.ts';
import { MEMORY_CAPABILITIES } from '../support/memory-backend.ts';
import { hashOf, MAPPING, type PlannedLines, resolutionOf } from '../support/planned-lines.ts';
import { placeKey, RequestFailed, type TrackerServer } from './tracker-server.ts';
import type { World } from './world.ts';

/** A request without an answer is given up after this time. */
const TIMEOUT_MS = 30_000;
/** How long a request takes in a slow mood. */
const SLOW_MS = 4000;

/** The backend of one life. */
export class SimulatedBackend implements Backend {
  protected readonly server: TrackerServer;
  readonly #world: World;

  constructor(server: TrackerServer, world: World) {
    this.server = server;
    this.#world = world;
  }

  describe(): Capabilities {
    const { kind } = this.server;
    return {
      ...MEMORY_CAPABILITIES,
      name: kind,
      limits: { pointsPerSend: 50, bytesPerSend: 1 << 16, runsPerSend: kind === 'journalled' ? 1 : 3, sendsAtOnce: 2 },
      replacesByKey: kind !== 'journalled',
      needsJournal: kind === 'journalled',
      keeps: { ...MEMORY_CAPABILITIES.keeps, equalPoints: kind !== 'merging' },
    };
  }

  async probe(signal: AbortSignal): Promise<Probe> {
    await this.request(signal, 'a probe', false, () => undefined);
    return { address: `simulated:${this.server.name}`, version: '1', clockSkewMs: 0, notes: [] };
  }

  async open(run: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    const { server } = this;
    // One answer says both: a deleted run may be brought back meanwhile.
    const { all, isKnownDeleted } = await this.request(signal, 'a search for a run', false, () => ({
      all: [...server.runs.values()].filter(({ isDeleted }) => !isDeleted),
      isKnownDeleted: known !== undefined && server.runs.get(known)?.isDeleted === true,
    }));
    const kept = all.find(({ id }) => id === known);
    if (known !== undefined && kept !== undefined) {
      // Files may have come since it was opened first.
      const named = FileMarks.of(kept.fingerprint);
      if (run.fingerprint.some((mark) => !named.has(mark))) await this.noteFiles(known, run.fingerprint, signal);
      return known;
    }
    if (isKnownDeleted) throw errorOf(server, new RequestFailed('noRun', `${known} was deleted`));
    for (const there of all) {
      if (there.key !== run.key) continue;
      const readBack = (): AsyncIterable<ReadBackChunk> => this.readBack(there.id as Handle, { signal });
      const whose = await whoseRun({ instanceId: there.instanceId, fingerprint: there.fingerprint, readBack }, run, signal);
      if (whose.kind === 'other') continue;
      await this.noteFiles(there.id as Handle, run.fingerprint, signal);
      return there.id as Handle;
    }
    const made = await this.request(signal, `a new run for ${run.run.path}`, true, () =>
      server.create(run.key, run.instanceId, run.fingerprint),
    );
    return made.id as Handle;
  }

  async noteFiles(handle: Handle, files: readonly FileMark[], signal: AbortSignal): Promise<void> {
    await this.request(signal, 'files of a run', true, () => {
      const run = this.server.run(handle);
      run.fingerprint = FileMarks.of(run.fingerprint).with(files).list();
    });
  }

  async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const count = parcels.reduce((sum, { batch }) => sum + pointCount(batch), 0);
    return await this.outcomes(parcels, async () => {
      return await this.request(signal, `${count} points`, true, (isPart): Outcome[] =>
        parcels.map((parcel) => {
          try {
            const { stored, refused } = this.server.store(parcel, isPart);
            const refusals = refused.map(({ offset, index }) => ({ offset, index, kind: 'refused' as const, reason: 'not this one' }));
            return { kind: 'accepted', points: stored, refusals };
          } catch (error) {
            if (error instanceof RequestFailed && error.kind === 'noRun') return outcomeOf(this.server, error);
            throw error;
          }
        }),
      );
    });
  }

  async tryOut(handle: Handle, _kind: string, signal: AbortSignal): Promise<void> {
    await this.request(signal, 'a trial', true, () => this.server.run(handle));
  }

  async *readBack(handle: Handle, { isWanted = () => true, signal }: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    const never = new AbortController().signal;
    const points = await this.request(signal ?? never, 'the points of a run', false, () => [...this.server.run(handle).points.values()]);
    const series = Map.groupBy(points, ({ tag, plugin }) => JSON.stringify([tag, plugin]));
    for (const [name, some] of series) {
      const [tag, plugin] = JSON.parse(name) as [string, string];
      if (isWanted(tag)) yield { tag, plugin, points: some };
    }
  }

  asHeld(_tag: string, _plugin: string, { step, wallTime, value }: HeldPoint): HeldPoint {
    return { step, wallTime, value };
  }

  async finish(handle: Handle, end: RunEnd | undefined, signal: AbortSignal): Promise<void> {
    await this.request(signal, 'the end of a run', true, () => {
      this.server.run(handle).end = end;
    });
  }

  async close(): Promise<void> {}

  /** Turns errors of requests into outcomes, one for each parcel. */
  protected async outcomes(parcels: readonly TrackerParcel[], work: () => Promise<readonly Outcome[]>): Promise<readonly Outcome[]> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      const { cause } = error;
      if (!(cause instanceof RequestFailed)) throw error;
      const outcome = outcomeOf(this.server, cause);
      // After a crash there are no parcels, and still something that failed.
      return parcels.length === 0 ? [outcome] : parcels.map(() => outcome);
    }
  }

  /**
   * Makes a request. It travels, is carried out, and its answer travels back. The process may be killed when it leaves
   * and when the answer comes; what is under way then still arrives.
   */
  protected async request<Value>(signal: AbortSignal, what: string, isWrite: boolean, work: (isPart: boolean) => Value): Promise<Value> {
    const { server } = this;
    const world = this.#world;
    const { life } = world;
    life?.step(`before ${what} leaves for ${server.name}`);
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const travel = (): number => (server.mood === 'slow' ? SLOW_MS : world.random.int(1, server.mostLatencyMs));
    /** The answer comes to the life that asked, if it still lives. */
    const answer = (deliver: () => void): void => world.inLife(life, () => void world.after(travel(), deliver));
    world.inLife(undefined, () =>
      world.after(travel(), () => {
        const lost = new RequestFailed('lost', 'the connection was lost');
        const { mood } = server;
        if (mood === 'hanging') return;
        if (mood === 'down') return answer(() => reject(lost));
        const fault = server.nextFault();
        try {
          if (fault === 'connectionLost') throw lost;
          if (fault === 'unavailable') throw new RequestFailed('later', 'it is not available');
          server.greet(isWrite);
          const value = work(fault === 'partStored' && isWrite);
          world.note(
            `${server.name} takes ${what}${fault === undefined ? '' : `, with a fault: ${fault}`}${mood === 'mute' ? ', and does not answer' : ''}`,
          );
          if (isWrite) {
            const { atNextWrite } = world;
            world.atNextWrite = undefined;
            atNextWrite?.();
          }
          if (mood === 'mute') return;
          if (fault === 'answerLost' || (fault === 'partStored' && isWrite)) throw lost;
          answer(() => resolve(value));
        } catch (error) {
          if (!(error instanceof RequestFailed)) world.bug(`${server.name} broke: ${String(error)}`);
          answer(() => reject(error));
        }
      }),
    );
    const stopTimer = world.after(TIMEOUT_MS, () => reject(new RequestFailed('lost', 'there was no answer in time')));
    const stop = (): void => reject(new RequestFailed('lost', 'it was given up'));
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      const value = await promise;
      life?.step(`when ${server.name} had answered ${what}`);
      return value;
    } catch (error) {
      throw error instanceof RequestFailed ? errorOf(server, error) : error;
    } finally {
      stopTimer();
      signal.removeEventListener('abort', stop);
    }
  }
}

/** The backend of a tracker that addresses by line. */
export class SimulatedJournalBackend extends SimulatedBackend implements JournalledBackend {
  /** The points that each run had when this life first sent to it. */
  readonly #known = new Map<string, Set<string>>();

  override async send(parcels: readonly TrackerParcel[]): Promise<readonly Outcome[]> {
    const error = new MirrorError('MB9001', 'lines were sent that were not prepared');
    return parcels.map(() => ({ kind: 'fatal', error }));
  }

  async prepare(
    parcels: readonly TrackerParcel[],
    journal: readonly JournalEntry[],
  ): Promise<{ readonly intent: Intent; readonly entries: readonly JournalEntry[] }> {
    const id = parcels[0]?.handle ?? ('' as Handle);
    const end = journal.reduce((last, { firstLine: first, count }) => Math.max(last, first + count), 0);
    const isAgain = parcels.some(({ file, batch }) =>
      journal.some((entry) => entry.file === file && entry.start < batch.end && batch.start < entry.end),
    );
    // After a crash the journal may be ahead of the position, a file may have been replaced by one that begins the
    // same, and a run that was found again may have lines of which no journal knows. Then the tracker says what is
    // there.
    const never = new AbortController().signal;
    const asked = async (): Promise<Set<string>> =>
      new Set(await this.request(never, 'the points of a run', false, () => [...this.server.run(id).points.keys()]));
    const known = this.#known.get(id) ?? (await asked());
    this.#known.set(id, known);
    const there = isAgain ? await asked() : known;
    const firstLine = Math.max(end, known.size);
    const lines: string[] = [];
    const entries: JournalEntry[] = [];
    for (const { file, batch, series } of parcels) {
      const { generation, start } = batch;
      const points = pointsOf({ file, batch, series }).filter((point) => !there.has(placeKey(point)));
      if (points.length === 0) continue;
      const count = points.length;
      entries.push({
        firstLine: firstLine + lines.length,
        count,
        file,
        generation,
        start,
        end: batch.end,
        hash: hashOf(batch),
        mapping: MAPPING,
      });
      for (const point of points)
        lines.push(JSON.stringify(point, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)));
    }
    const plan: PlannedLines = { id, firstLine, lines };
    return { intent: JSON.stringify(plan) as Intent, entries };
  }

  async sendPrepared(
    intent: Intent,
    parcels: readonly TrackerParcel[],
    signal: AbortSignal,
    fromLine?: number,
  ): Promise<readonly Outcome[]> {
    const { id, firstLine, lines } = JSON.parse(intent) as PlannedLines;
    const from = Math.max(firstLine, fromLine ?? firstLine);
    return await this.outcomes(parcels, async () => {
      const rest = lines.slice(from - firstLine);
      if (rest.length > 0)
        await this.request(signal, `lines ${from} to ${from + rest.length - 1}`, true, (isPart) =>
          this.server.append(id, from, rest, isPart),
        );
      return parcels.map(({ batch }) => ({ kind: 'accepted', points: pointCount(batch), refusals: [] }));
    });
  }

  async resolve(handle: Handle, intent: Intent, signal: AbortSignal): Promise<Resolution> {
    const held = await this.request(signal, 'a question about lines', false, () => [...this.server.run(handle).lines]);
    return resolutionOf(handle, JSON.parse(intent) as PlannedLines, held);
  }
}

function outcomeOf(server: TrackerServer, failed: RequestFailed): Outcome {
  const error = errorOf(server, failed);
  switch (failed.kind) {
    case 'lost':
    case 'later':
      return { kind: 'retry', error, ...(failed.afterMs === undefined ? {} : { afterMs: failed.afterMs }) };
    case 'denied':
      return { kind: 'fatal', error };
    case 'refused':
      return { kind: 'rejected', error };
    case 'noRun':
    case 'conflict':
      return { kind: 'runFatal', error };
    default:
      return failed.kind satisfies never;
  }
}

const CODES = { lost: 'MB4001', later: 'MB4005', denied: 'MB4002', refused: 'MB4007', noRun: 'MB4006', conflict: 'MB4006' } as const;

function errorOf(server: TrackerServer, failed: RequestFailed): MirrorError {
  const retry = failed.kind === 'lost' || failed.kind === 'later' ? 'later' : 'never';
  return new MirrorError(CODES[failed.kind], `${server.name}: ${failed.message}`, { retry, cause: failed });
}
