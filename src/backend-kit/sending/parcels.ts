import type { Handle, Outcome, Refusal, TrackerParcel } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { pointCount } from '../../model/index.ts';
import type { NotAccepted } from '../failures/index.ts';

/** A parcel on its way, and the points of it that are refused. */
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

/** What `sendParcels` does with the parcels of a run. */
export interface SendSteps<Prepared, Own extends Job<Prepared> = Job<Prepared>> {
  /** Prepares one parcel, and stores what must be there before the others are begun. */
  readonly begin: (parcel: TrackerParcel) => Promise<Own>;
  /** Writes what was prepared, of all jobs together. Default: nothing is left to write. */
  readonly write?: (jobs: readonly Own[]) => Promise<void>;
  /** True if all of a job was written before `write` threw. */
  readonly isDone?: (job: Own) => boolean;
  /** The outcome of what was thrown. */
  readonly outcomeOf: (thrown: unknown) => NotAccepted;
}

/**
 * One outcome a parcel, in their order. If a parcel fails, nothing more is begun, but what was begun is carried to its
 * end: a parcel before the one that failed is not sent again for nothing.
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
  // What is wrong with one parcel says nothing of those after it.
  const rest: Outcome = failed.kind === 'rejected' ? { kind: 'retry', error: failed.error } : failed;
  return parcels.map((_, i) => jobs[i]?.outcome ?? (i === jobs.length ? failed : rest));
}

/** Sends the parcels of each run in their order, and runs side by side. `outcomeOf`: of what a run's send threw. */
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
