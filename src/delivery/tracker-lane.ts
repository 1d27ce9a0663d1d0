import PQueue from 'p-queue';
import { type Clock, systemClock } from '../clock.ts';
import type { Backend, Capabilities, JournalledBackend, Outcome, Refusal, TrackerParcel } from '../contract/index.ts';
import { askedWaitMs, isAboutRun, MirrorError, reasonOf } from '../errors.ts';
import { keyOfRun, pointCount } from '../model/index.ts';
import type { Random } from '../random.ts';
import { type AnswerEvents, AnswerWatch } from './answer-watch.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import { type BreakerEvents, CircuitBreaker } from './circuit-breaker.ts';
import { SameAnswers } from './same-answers.ts';
import { chosenPoints, isEmpty, onlyPoint, splitBatch } from './split-batch.ts';

/** The lane that is driven, and what it needs. */
interface DeliveryOptions {
  readonly name: string;
  readonly backend: Backend;
  readonly checkpoints: CheckpointStore;
  readonly events: BreakerEvents & Pick<AnswerEvents, 'requestEnded'>;
  /** Ends everything under way. What was not settled is read again later. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** A source of random numbers that spreads retries. Default: the system's. */
  readonly random?: Random;
}

/** The reason why not all parcels of a run were delivered. */
export type Undelivered =
  /** A signal asked to stop. */
  | { readonly kind: 'stopped' }
  /** The tracker takes no more of this run; all other runs continue. */
  | { readonly kind: 'runFatal'; readonly error: MirrorError };

/** The outcome of a delivery: stored, or why not yet. */
type Delivery = { readonly kind: 'delivered' } | Undelivered;

const DELIVERED: Delivery = { kind: 'delivered' };
const STOPPED: Undelivered = { kind: 'stopped' };

/** The outcome of a parcel that is not noted yet. */
interface Stored {
  readonly kind: 'placed';
  readonly points: number;
  readonly refusals: readonly Refusal[];
}

type Settled = Stored | Undelivered;

/** A parcel that went with others, and its outcome, unless it must be sent alone. */
interface Left {
  readonly parcel: TrackerParcel;
  readonly stored?: Stored;
}

/** How often a refused point is sent again, each time after the tracker accepted something else. */
export const CONFIRMATIONS = 2;
/**
 * How often in a row a tracker must give the same answer to the same parcel before mirrorboard suspects the parcel.
 */
const SAME_ANSWERS = 5;
/** The same number for a part of a suspected parcel. */
const SAME_AGAIN = 2;

/** The suspicion that a parcel causes what looked like an outage. */
interface Suspicion {
  /** Accepted sends when the suspicion arose: later ones show that the tracker accepts other data. */
  readonly accepted: number;
}

/**
 * The result of a send. `waitMs`: how long the lane waits before it retries what was not accepted. The breaker
 * decides it.
 */
interface Sent {
  readonly outcomes: readonly Outcome[];
  readonly waitMs: number | undefined;
}

/**
 * Drives one tracker. Parcels go out in their order, within the backend's limits, and are noted when they are stored.
 * What fails for a reason that may pass is retried forever. What is refused is halved until the one bad point is
 * found. The same is done with a parcel that gets the same answer again and again while others are accepted. A point
 * counts as refused only if the tracker accepts something else at that time.
 */
export class TrackerLane {
  readonly name: string;
  readonly #backend: Backend;
  readonly #journalled: JournalledBackend | undefined;
  readonly #checkpoints: CheckpointStore;
  readonly #signal: AbortSignal;
  readonly #breaker: CircuitBreaker;
  readonly #answers: AnswerWatch;
  readonly #sends: PQueue;
  /** Sends of which at least a part was stored. */
  #accepted = 0;

  constructor({ name, backend, checkpoints, events, signal, clock = systemClock, random }: DeliveryOptions) {
    const { limits, needsJournal } = backend.describe();
    this.name = name;
    this.#backend = backend;
    this.#journalled = needsJournal ? (backend as JournalledBackend) : undefined;
    this.#checkpoints = checkpoints;
    this.#signal = signal;
    this.#breaker = new CircuitBreaker(clock, events, random);
    this.#answers = new AnswerWatch(clock, {
      fellSilent: (sinceMs) => this.#breaker.fellSilent(sinceMs),
      answersAgain: () => this.#breaker.answersAgain(),
      requestEnded: (status, ms) => events.requestEnded?.(status, ms),
    });
    const { sendsAtOnce = 1, sendsPerSecond } = limits;
    this.#sends = new PQueue({
      concurrency: sendsAtOnce,
      ...(sendsPerSecond === undefined ? {} : { interval: 1000, intervalCap: sendsPerSecond }),
    });
  }

  get isParked(): boolean {
    return this.#breaker.isParked;
  }

  /** The time since which the tracker makes no progress; undefined while it does. By the steady clock. */
  get failingSinceMs(): number | undefined {
    return this.#breaker.failingSinceMs;
  }

  /** Stops sending, or resumes it. */
  hold(isHeld: boolean): void {
    this.#breaker.hold(isHeld);
  }

  /** Retries at once everything that waits for a retry. */
  retryNow(): void {
    this.#breaker.retryNow();
  }

  /**
   * Delivers parcels of some tracker runs, each run's in order. Returns one outcome per tracker run, by the key of
   * its target.
   */
  async deliver(parcels: readonly TrackerParcel[]): Promise<ReadonlyMap<string, Delivery>> {
    const answers = new Map(parcels.map(({ target }) => [keyOfRun(target), DELIVERED]));
    const open = (parcel: TrackerParcel): boolean => answers.get(keyOfRun(parcel.target)) === DELIVERED;
    for (const group of groupsOf(parcels, this.#backend.describe())) {
      const left: readonly Left[] = group.length === 1 ? group.map((parcel) => ({ parcel })) : await this.#sendTogether(group.filter(open));
      for (const { parcel, stored } of left) {
        if (!open(parcel)) continue;
        const settled = await this.#confirmed(parcel, stored ?? (await this.#store(parcel)));
        if (settled.kind === 'placed') this.#checkpoints.settled({ parcel, points: settled.points, refusals: settled.refusals });
        else answers.set(keyOfRun(parcel.target), settled);
      }
    }
    return answers;
  }

  /** Does other work at the tracker (finding a run, ending one) with the same patience. */
  async attempt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<{ readonly kind: 'done'; readonly value: T } | Undelivered> {
    for (;;) {
      await this.#breaker.enter(this.#signal);
      if (this.#signal.aborted) return STOPPED;
      try {
        const value = await this.#answers.ask(() => work(this.#signal));
        this.#breaker.succeeded();
        return { kind: 'done', value };
      } catch (cause) {
        if (this.#signal.aborted) return STOPPED;
        const error = asMirrorError(cause, this.name);
        if (isAboutRun(error)) {
          this.#breaker.succeeded();
          return { kind: 'runFatal', error };
        }
        if (error.retry === 'never') this.#breaker.parked(error);
        else await this.#wait(error);
      }
    }
  }

  /** Sends all parcels at once. Returns those that must be sent one by one; usually there are none. */
  async #sendTogether(group: readonly TrackerParcel[]): Promise<readonly Left[]> {
    const [first] = group;
    if (first === undefined || isEmpty(first.batch) || this.#journalled !== undefined) return group.map((parcel) => ({ parcel }));
    const { outcomes, waitMs } = await this.#send(group);
    const left: Left[] = [];
    /** Runs with later parcels in the group: their positions move in order. */
    const held = new Map<string, 'stored' | 'failed'>();
    for (const [i, parcel] of group.entries()) {
      const outcome = outcomes[i];
      const key = keyOfRun(parcel.target);
      const before = held.get(key);
      if (outcome?.kind !== 'accepted' || before === 'failed') {
        // What follows a parcel that was not accepted is offered again with it.
        held.set(key, 'failed');
        left.push({ parcel });
        continue;
      }
      const stored = { kind: 'placed', points: outcome.points, refusals: outcome.refusals } as const;
      if (before === undefined && !this.#isDoubtful(stored))
        this.#checkpoints.settled({ parcel, points: outcome.points, refusals: outcome.refusals });
      else {
        held.set(key, 'stored');
        left.push({ parcel, stored });
      }
    }
    // One by one the parcels would go at once, and ignore the wait that the tracker asked for.
    if (waitMs !== undefined) await this.#breaker.pause(waitMs, this.#signal);
    else if (left.filter(({ stored }) => stored === undefined).length < group.length) this.#breaker.succeeded();
    else {
      // The tracker accepted nothing, but it has answered.
      if (!this.#signal.aborted) this.#breaker.answersAgain();
      this.#breaker.abandoned();
    }
    return left;
  }

  /** True if a part of a parcel was refused and can be sent again. */
  #isDoubtful({ refusals }: Stored): boolean {
    return this.#backend.tryOut !== undefined && this.#journalled === undefined && refusals.some(({ kind }) => kind === 'refused');
  }

  /**
   * Determines what is refused for good. A broken tracker also refuses valid data. So what was refused is sent again,
   * each time after the tracker has accepted something else.
   */
  async #confirmed(parcel: TrackerParcel, settled: Settled): Promise<Settled> {
    let sure = settled;
    for (let round = 0; round < CONFIRMATIONS && sure.kind === 'placed' && this.#isDoubtful(sure); round++) {
      const tried = await this.#tryOut(parcel);
      if (tried.kind !== 'done') return tried;
      const { points, refusals } = sure;
      const batch = chosenPoints(
        parcel.batch,
        refusals.filter(({ kind }) => kind === 'refused'),
      );
      const again = await this.#store({ ...parcel, batch });
      if (again.kind !== 'placed') return again;
      const unsupported = refusals.filter(({ kind }) => kind === 'unsupported');
      sure = { kind: 'placed', points: points + again.points, refusals: [...unsupported, ...again.refusals] };
    }
    return sure;
  }

  /** Waits until the tracker accepts a small probe of every kind in which it stores points. */
  #tryOut({ handle }: TrackerParcel): Promise<{ readonly kind: 'done' } | Undelivered> {
    return this.attempt(async (signal) => this.#backend.tryOut?.(handle, 'points', signal));
  }

  /** Sends a parcel until it is stored, or until it is known which points never will be. */
  async #store(parcel: TrackerParcel, suspicion?: Suspicion): Promise<Settled> {
    if (isEmpty(parcel.batch)) return { kind: 'placed', points: 0, refusals: [] };
    const accepted = this.#accepted;
    const answers = new SameAnswers(this.#backend.tryOut !== undefined);
    for (;;) {
      const { outcomes, waitMs } = await this.#send([parcel]);
      const outcome = outcomes[0] ?? unanswered(this.name);
      if (this.#signal.aborted && outcome.kind !== 'accepted') {
        this.#breaker.abandoned();
        return STOPPED;
      }
      switch (outcome.kind) {
        case 'accepted':
          this.#breaker.succeeded();
          return { kind: 'placed', points: outcome.points, refusals: outcome.refusals };
        case 'rejected':
          // The tracker is reachable, and works.
          this.#breaker.succeeded();
          return await this.#storeHalves(parcel, outcome.error, suspicion);
        case 'runFatal':
          this.#breaker.succeeded();
          return { kind: 'runFatal', error: outcome.error };
        case 'fatal':
          this.#breaker.parked(outcome.error);
          break;
        case 'retry':
          await this.#breaker.pause(waitMs ?? 0, this.#signal);
          if (this.#journalled !== undefined || answers.count(outcome) < (suspicion === undefined ? SAME_ANSWERS : SAME_AGAIN)) break;
          if (this.#backend.tryOut !== undefined) {
            const tried = await this.#tryOut(parcel);
            if (tried.kind !== 'done') return tried;
          } else if (pointCount(parcel.batch) < 2 && this.#accepted === (suspicion?.accepted ?? accepted)) break;
          return await this.#storeHalves(parcel, outcome.error, suspicion ?? { accepted });
        default:
          return outcome satisfies never;
      }
    }
  }

  async #storeHalves(parcel: TrackerParcel, error: MirrorError, suspicion: Suspicion | undefined): Promise<Settled> {
    const { batch } = parcel;
    if (pointCount(batch) < 2) {
      const point = onlyPoint(batch);
      // A mark alone has no point that could be refused, and must not stop a run.
      const refusals =
        point === undefined ? [] : [{ offset: point.offset, index: point.index, kind: 'refused' as const, reason: reasonOf(error) }];
      return { kind: 'placed', points: 0, refusals };
    }
    let points = 0;
    const refusals: Refusal[] = [];
    for (const half of splitBatch(batch)) {
      const settled = await this.#store({ ...parcel, batch: half }, suspicion);
      if (settled.kind !== 'placed') return settled;
      points += settled.points;
      for (const refusal of settled.refusals) refusals.push(refusal);
    }
    return { kind: 'placed', points, refusals };
  }

  async #wait(error: MirrorError): Promise<void> {
    const waitMs = this.#breaker.failed(error, askedWaitMs(error));
    await this.#breaker.pause(waitMs, this.#signal);
  }

  /** Sends when a slot is free and the breaker allows it. Returns no outcomes if the signal came first. */
  async #send(parcels: readonly TrackerParcel[]): Promise<Sent> {
    return await this.#sends.add(async () => {
      // The breaker comes last: a send that waited for a slot must not pass a breaker that opened meanwhile.
      await this.#breaker.enter(this.#signal);
      if (this.#signal.aborted) return { outcomes: [], waitMs: undefined };
      const answered = await this.#answers.ask(() => this.#outcomes(parcels));
      const outcomes = answered.map((outcome, i) => asRunFatal(asWhole(outcome, parcels[i], this.name)));
      if (outcomes.some((outcome) => outcome.kind === 'accepted' && outcome.points > 0)) this.#accepted++;
      const late = outcomes.find((outcome) => outcome.kind === 'retry');
      // The breaker must know before the slot is free for the next send.
      const waitMs =
        late === undefined || this.#signal.aborted ? undefined : this.#breaker.failed(late.error, late.afterMs ?? askedWaitMs(late.error));
      return { outcomes, waitMs };
    });
  }

  async #outcomes(parcels: readonly TrackerParcel[]): Promise<readonly Outcome[]> {
    try {
      return this.#journalled === undefined
        ? await this.#backend.send(parcels, this.#signal)
        : [await this.#sendByJournal(this.#journalled, parcels)];
    } catch (cause) {
      const error = asMirrorError(cause, this.name);
      // As when a run is opened: such an error is about this run alone.
      const kind = isAboutRun(error) ? 'runFatal' : error.retry === 'never' ? 'fatal' : 'retry';
      return parcels.map(() => ({ kind, error }));
    }
  }

  /** Makes a send durable in the journal before it goes out. First finishes what was begun earlier. */
  async #sendByJournal(backend: JournalledBackend, [parcel]: readonly TrackerParcel[]): Promise<Outcome> {
    if (parcel === undefined) return unanswered(this.name);
    const { target: run } = parcel;
    const unfinished = await this.#finishSend(backend, parcel);
    if (unfinished !== undefined) return unfinished;
    const started = await backend.prepare([parcel], this.#checkpoints.journal(run));
    this.#checkpoints.begin(run, started);
    if (!this.#checkpoints.flush()) return this.#notRecorded();
    const outcome = (await backend.sendPrepared(started.intent, [parcel], this.#signal))[0] ?? unanswered(this.name);
    if (outcome.kind === 'accepted') this.#checkpoints.finishSend(run, started.entries);
    // Nothing of the parcel is stored: it is no longer in doubt, and its halves will be other lines.
    else if (outcome.kind === 'rejected') this.#checkpoints.finishSend(run, []);
    return outcome;
  }

  #notRecorded(): Outcome {
    return { kind: 'retry', error: new MirrorError('MB3101', `recording what lane ${this.name} is about to send`, { retry: 'later' }) };
  }

  /**
   * Finishes what was begun earlier. Returns the outcome if that failed; undefined if nothing is in doubt any more.
   */
  async #finishSend(backend: JournalledBackend, { handle, target: run }: TrackerParcel): Promise<Outcome | undefined> {
    const started = this.#checkpoints.startedSend(run);
    if (started === undefined) return undefined;
    // A note that a full disk did not take is lost in a crash: lines that were sent by it would be nobody's.
    if (!this.#checkpoints.flush()) return this.#notRecorded();
    const found = await backend.resolve(handle, started.intent, this.#signal);
    if (found.kind === 'unknown') {
      const error = new MirrorError(
        'MB4006',
        `the result of the last send for ${run.root}/${run.path} is unknown, and the tracker cannot tell`,
        {
          hint: 'Run once with --rebuild to send everything to a new tracker run; the old one stays.',
          context: { root: run.root, run: run.path },
        },
      );
      return { kind: 'runFatal', error };
    }
    if (found.kind !== 'accepted') {
      const fromLine = found.kind === 'from' ? found.line : undefined;
      const outcome = (await backend.sendPrepared(started.intent, [], this.#signal, fromLine))[0];
      // Without parcels the only outcome to return is an error.
      if (outcome !== undefined && outcome.kind !== 'accepted') {
        if (outcome.kind !== 'rejected') return outcome;
        this.#checkpoints.finishSend(run, []);
        return undefined;
      }
    }
    this.#checkpoints.finishSend(run, started.entries);
    return undefined;
  }
}

/** Groups consecutive parcels that may go in one send. */
export function groupsOf(parcels: readonly TrackerParcel[], { limits }: Pick<Capabilities, 'limits'>): TrackerParcel[][] {
  const groups: TrackerParcel[][] = [];
  let group: TrackerParcel[] = [];
  let [points, bytes, runs] = [0, 0, new Set<string>()];
  for (const parcel of parcels) {
    const { batch, target } = parcel;
    points += pointCount(batch);
    bytes += batch.end - batch.start;
    runs.add(keyOfRun(target));
    const isTooMuch = points > limits.pointsPerSend || bytes > limits.bytesPerSend || runs.size > limits.runsPerSend;
    if (group.length > 0 && (isTooMuch || isEmpty(batch) !== isEmpty((group[0] as TrackerParcel).batch))) {
      groups.push(group);
      group = [];
      [points, bytes, runs] = [pointCount(batch), batch.end - batch.start, new Set([keyOfRun(target)])];
    }
    group.push(parcel);
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

function asMirrorError(cause: unknown, lane: string): MirrorError {
  return cause instanceof MirrorError ? cause : new MirrorError('MB9001', `lane ${lane}: ${String(cause)}`, { cause });
}

/** Turns an error about one run into `runFatal`: however often it repeats, it delays no other run. */
function asRunFatal(outcome: Outcome): Outcome {
  return outcome.kind === 'retry' && isAboutRun(outcome.error) ? { kind: 'runFatal', error: outcome.error } : outcome;
}

/**
 * Checks that the backend reports on every point. Points without a report would pass for stored: such a backend is
 * wrong, and takes nothing more until it is repaired.
 */
function asWhole(outcome: Outcome, parcel: TrackerParcel | undefined, lane: string): Outcome {
  if (outcome.kind !== 'accepted' || parcel === undefined) return outcome;
  const all = pointCount(parcel.batch);
  const answered = outcome.points + outcome.refusals.length;
  if (answered === all) return outcome;
  return { kind: 'fatal', error: new MirrorError('MB9001', `lane ${lane} answered for ${answered} of ${all} points`) };
}

function unanswered(lane: string): Outcome {
  return { kind: 'fatal', error: new MirrorError('MB9001', `lane ${lane} gave no outcome for a parcel`) };
}
