// The backend of a tracker of the world: as a real one, with requests that travel, and answers that may not come.
import { FileMarks, whoseRun } from '../../src/backend-kit/identity/index.ts';
import { inParts } from '../../src/backend-kit/sending/index.ts';
import type {
  Backend,
  Capabilities,
  FileMark,
  Handle,
  HeldPoint,
  Outcome,
  Probe,
  ReadBackChunk,
  ReadBackOptions,
  RunEnd,
  RunSource,
  TrackerParcel,
} from '../../src/contract/index.ts';
import { MirrorError } from '../../src/errors.ts';
import { eachPage, type Page } from '../../src/http/index.ts';
import { pointCount } from '../../src/model/index.ts';
import { MEMORY_CAPABILITIES } from '../support/memory-backend.ts';
import { errorOf, outcomeOf } from './request-failures.ts';
import { type HeldRun, RequestFailed, type TrackerServer } from './tracker-server.ts';
import type { World } from './world.ts';

/** A request without an answer is given up after this time. */
const TIMEOUT_MS = 30_000;
/** How long a request takes in a slow mood. */
const SLOW_MS = 4000;

/** What a fault changes while a request is carried out. */
interface Carried {
  /** Only a part is stored, and then the connection is lost. */
  readonly isPart: boolean;
  /** A page of a list is wrong. */
  readonly isWrong: boolean;
}

/** The backend of one life. */
export class SimulatedBackend implements Backend {
  protected readonly server: TrackerServer;
  readonly #world: World;

  constructor(server: TrackerServer, world: World) {
    this.server = server;
    this.#world = world;
  }

  describe(): Capabilities {
    const { kind, traits } = this.server;
    return {
      ...MEMORY_CAPABILITIES,
      name: kind,
      limits: { pointsPerSend: 50, bytesPerSend: 1 << 16, runsPerSend: kind === 'journalled' ? 1 : 3, sendsAtOnce: 2 },
      replacesByKey: kind !== 'journalled',
      needsJournal: kind === 'journalled',
      keeps: { ...MEMORY_CAPABILITIES.keeps, equalPoints: kind !== 'merging' },
      readBack: traits.isOld ? 'none' : 'full',
    };
  }

  async probe(signal: AbortSignal): Promise<Probe> {
    await this.request(signal, 'a probe', false, () => undefined);
    return { address: `simulated:${this.server.name}`, version: '1', clockSkewMs: 0, notes: [] };
  }

  async open(run: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    const { server } = this;
    // A deleted run may be brought back meanwhile: one answer says what became of it.
    const kept = known === undefined ? undefined : await this.request(signal, `the run ${known}`, false, () => this.#marksOf(known));
    if (known !== undefined && kept !== undefined) {
      // Files may have come since it was opened first.
      const named = FileMarks.of(kept);
      if (!server.traits.isOld && run.fingerprint.some((mark) => !named.has(mark))) await this.noteFiles(known, run.fingerprint, signal);
      return known;
    }
    const found = await this.#find(run, signal);
    if (found !== undefined) {
      this.foundAgain(found);
      return found;
    }
    const made = await this.request(signal, `a new run for ${run.run.path}`, true, () =>
      server.create(run.key, run.instanceId, server.traits.isOld ? [] : run.fingerprint),
    );
    return made.id as Handle;
  }

  /** A run is found of which the state knows nothing. */
  protected foundAgain(_handle: Handle): void {}

  async noteFiles(handle: Handle, files: readonly FileMark[], signal: AbortSignal): Promise<void> {
    await this.request(signal, 'files of a run', true, () => {
      const run = this.server.run(handle);
      run.fingerprint = FileMarks.of(run.fingerprint).with(files).list();
    });
  }

  async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const outcomes = new Map<TrackerParcel, Outcome>();
    await inParts(parcels, {
      send: async (some) => {
        const sent = await this.outcomes(some, async () => await this.#sendTogether(some, signal));
        if (sent[0]?.kind === 'rejected') return sent[0];
        for (const [i, parcel] of some.entries()) outcomes.set(parcel, sent[i]!);
        return undefined;
      },
      alone: (parcel, rejected) => void outcomes.set(parcel, rejected),
    });
    return parcels.map((parcel) => outcomes.get(parcel)!);
  }

  async tryOut(handle: Handle, _kind: string, signal: AbortSignal): Promise<void> {
    await this.request(signal, 'a trial', true, () => this.server.run(handle));
  }

  async *readBack(handle: Handle, { isWanted = () => true, signal }: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    const { server } = this;
    if (server.traits.isOld) throw new MirrorError('MB4005', `${server.name} gives no points back`);
    const list = (): Named[] => [...server.run(handle).points.values()].slice(0, server.readable(handle));
    const never = new AbortController().signal;
    for await (const points of this.pages('the points of a run', list, signal ?? never)) {
      for (const [name, some] of Map.groupBy(points, ({ tag, plugin }) => JSON.stringify([tag, plugin]))) {
        const [tag, plugin] = JSON.parse(name) as [string, string];
        if (isWanted(tag)) yield { tag, plugin, points: some };
      }
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

  /** Yields the pages of a list, as it is when each is asked for. */
  protected pages<Item>(what: string, list: () => readonly Item[], signal: AbortSignal): AsyncGenerator<readonly Item[], void, void> {
    const { server } = this;
    return eachPage<Item, never>({ what, address: server.name }, async (token) => {
      const page = await this.request(signal, what, false, ({ isWrong }): Page<Item> => server.page(list(), token, isWrong));
      return { kind: 'ok', value: page };
    });
  }

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
  protected async request<Value>(signal: AbortSignal, what: string, isWrite: boolean, work: (how: Carried) => Value): Promise<Value> {
    const { server } = this;
    const world = this.#world;
    const { life } = world;
    life?.step(`before ${what} leaves for ${server.name}`);
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const travel = (): number => (server.mood === 'slow' ? SLOW_MS : world.random.int(1, server.mostLatencyMs));
    /** The answer comes to the life that asked, if it still lives. */
    const answer = (deliver: () => void): void => world.inLife(life, () => void world.after(travel(), deliver));
    const lost = (): RequestFailed => new RequestFailed('lost', 'the connection was lost');
    const leaveOpen = (): void => {
      if (server.traits.hasNoTimeout) server.leaveOpen(() => answer(() => reject(lost())));
    };
    world.inLife(undefined, () =>
      world.after(travel(), () => {
        const { mood } = server;
        if (mood === 'hanging') return leaveOpen();
        if (mood === 'down') return answer(() => reject(lost()));
        const fault = server.nextFault();
        const isPart = fault === 'partStored' && isWrite;
        try {
          if (fault === 'connectionLost') throw lost();
          if (fault === 'unavailable') throw new RequestFailed('later', 'it is not available');
          server.greet(isWrite);
          const value = work({ isPart, isWrong: fault === 'wrongPage' && !isWrite });
          world.note(
            `${server.name} takes ${what}${fault === undefined ? '' : `, with a fault: ${fault}`}${mood === 'mute' ? ', and does not answer' : ''}`,
          );
          if (isWrite) {
            const { atNextWrite } = world;
            world.atNextWrite = undefined;
            atNextWrite?.();
          }
          if (mood === 'mute') return leaveOpen();
          if (fault === 'answerLost' || isPart) throw lost();
          answer(() => resolve(value));
        } catch (error) {
          if (!(error instanceof RequestFailed)) world.bug(`${server.name} broke: ${String(error)}`);
          answer(() => reject(error));
        }
      }),
    );
    const fail = (why: string): void => reject(new RequestFailed('lost', why));
    const stopTimer = server.traits.hasNoTimeout ? () => undefined : world.after(TIMEOUT_MS, () => fail('there was no answer in time'));
    const stop = (): void => fail('it was given up');
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

  /** The files of a run; undefined if there never was one. Throws if it was deleted. */
  #marksOf(id: string): readonly FileMark[] | undefined {
    return this.server.runs.has(id) ? this.server.run(id).fingerprint : undefined;
  }

  async #find(run: RunSource, signal: AbortSignal): Promise<Handle | undefined> {
    const all = (): HeldRun[] => [...this.server.runs.values()];
    for await (const page of this.pages('a search for a run', all, signal)) {
      for (const there of page) {
        if (there.isDeleted || there.key !== run.key) continue;
        const readBack = (): AsyncIterable<ReadBackChunk> => this.readBack(there.id as Handle, { signal });
        const whose = await whoseRun({ instanceId: there.instanceId, fingerprint: there.fingerprint, readBack }, run, signal);
        if (whose.kind === 'other') continue;
        if (!this.server.traits.isOld) await this.noteFiles(there.id as Handle, run.fingerprint, signal);
        return there.id as Handle;
      }
    }
    return undefined;
  }

  /** Sends parcels in one request. */
  async #sendTogether(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const { server } = this;
    const count = parcels.reduce((sum, { batch }) => sum + pointCount(batch), 0);
    return await this.request(signal, `${count} points`, true, ({ isPart }): Outcome[] => {
      server.admit(parcels);
      return parcels.map((parcel) => {
        try {
          const { stored, refused } = server.store(parcel, isPart);
          const refusals = refused.map(({ offset, index }) => ({ offset, index, kind: 'refused' as const, reason: 'not this one' }));
          return { kind: 'accepted', points: stored, refusals };
        } catch (error) {
          if (error instanceof RequestFailed && error.kind === 'noRun') return outcomeOf(server, error);
          throw error;
        }
      });
    });
  }
}

type Named = HeldPoint & { readonly tag: string; readonly plugin: string };

/** The same backend as an old version of its tracker lets it be: without what was added to the contract later. */
export function asOldVersion(backend: SimulatedBackend): Backend {
  return {
    describe: () => backend.describe(),
    probe: (signal) => backend.probe(signal),
    open: (run, known, signal) => backend.open(run, known, signal),
    send: (parcels, signal) => backend.send(parcels, signal),
    readBack: (handle, options) => backend.readBack(handle, options),
    finish: (handle, end, signal) => backend.finish(handle, end, signal),
    close: () => backend.close(),
  };
}
