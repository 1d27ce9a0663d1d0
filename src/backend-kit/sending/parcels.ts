import type { Handle, Outcome, Refusal, TrackerParcel } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { pointCount } from '../../model/index.ts';
import type { NotAccepted } from '../failures/index.ts';

/** A parcel that is being sent, with its refused points. */
export class Job<Prepared = undefined> {
  readonly parcel: TrackerParcel;
  readonly prepared: Prepared;
  /** Set once it is clear that the parcel is not accepted. */
  failed: NotAccepted | undefined;
  readonly #refusals = new Map<string, Refusal>();

  constructor(parcel: TrackerParcel, prepared: Prepared) {
    this.parcel = parcel;
    this.prepared = prepared;
  }

  /** Notes that a point is not stored. */
  refuse({ offset, index }: Pick<Refusal, 'offset' | 'index'>, reason: string, kind: Refusal['kind'] = 'refused'): void {
    this.#refusals.set(`${offset} ${index}`, { offset, index, kind, reason });
  }

  isRefused({ offset, index }: Pick<Refusal, 'offset' | 'index'>): boolean {
    return this.#refusals.has(`${offset} ${index}`);
  }

  get outcome(): Outcome {
    const refusals = [...this.#refusals.values()];
    return this.failed ?? { kind: 'accepted', points: pointCount(this.parcel.batch) - refusals.length, refusals };
  }
}

/** The steps of `sendParcels` for the parcels of a run. */
export interface SendSteps<Prepared, Own extends Job<Prepared> = Job<Prepared>> {
  /** Prepares one parcel, and stores what must exist before the next ones begin. */
  readonly begin: (parcel: TrackerParcel) => Promise<Own>;
  /** Writes the prepared data of all jobs together. Default: nothing is left to write. */
  readonly write?: (jobs: readonly Own[]) => Promise<void>;
  /** True if a job was fully written before `write` threw. */
  readonly isDone?: (job: Own) => boolean;
  /** Returns the outcome of an error. */
  readonly outcomeOf: (thrown: unknown) => NotAccepted;
}

/**
 * Returns one outcome for each parcel, in their order. After a parcel fails, no more begin, but those that began are
 * completed: the parcels before the failed one need not be sent again.
 */
export async function sendParcels<Prepared, Own extends Job<Prepared> = Job<Prepared>>(
  parcels: readonly TrackerParcel[],
  steps: SendSteps<Prepared, Own>,
): Promise<readonly Outcome[]> {
  const { begin, write, isDone = () => true, outcomeOf } = steps;
  const jobs: Own[] = [];
  let stop: NotAccepted | undefined;
  try {
    for (const parcel of parcels) jobs.push(await begin(parcel));
  } catch (thrown) {
    stop = outcomeOf(thrown);
  }
  try {
    await write?.(jobs);
  } catch (thrown) {
    const outcome = outcomeOf(thrown);
    for (const job of jobs) if (!isDone(job)) job.failed ??= outcome;
    stop ??= outcome;
  }
  const failed = stop ?? { kind: 'retry', error: new MirrorError('MB9001', 'a parcel was not sent') };
  // A problem with one parcel does not affect those after it.
  const rest: Outcome = failed.kind === 'rejected' ? { kind: 'retry', error: failed.error } : failed;
  return parcels.map((_, i) => jobs[i]?.outcome ?? (i === jobs.length ? failed : rest));
}

/**
 * Sends the parcels of each run in order, and the runs in parallel. `outcomeOf` returns the outcome of an error that
 * a run's send threw.
 */
export async function sendByRun(
  parcels: readonly TrackerParcel[],
  send: (handle: Handle, parcels: readonly TrackerParcel[]) => Promise<readonly Outcome[]>,
  outcomeOf: (thrown: unknown) => Outcome,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  await Promise.all(
    [...Map.groupBy(parcels.keys(), (i) => (parcels[i] as TrackerParcel).handle)].map(async ([handle, places]) => {
      const own = places.map((i) => parcels[i] as TrackerParcel);
      const sent = await send(handle, own).catch((thrown: unknown) => {
        const outcome = outcomeOf(thrown);
        return own.map(() => outcome);
      });
      for (const [k, i] of places.entries()) outcomes[i] = sent[k] as Outcome;
    }),
  );
  return outcomes;
}
