/**
 * Writes metrics of several parcels into one run with few requests, and finds every point that the server refuses.
 */
import { piecesOf } from '../../backend-kit/index.ts';
import { type Job, Search, writeBatch } from '../../backend-kit/sending/index.ts';
import { reasonOf } from '../../errors.ts';
import { isAboutContent, type MlflowFailure, stopOf } from './answers.ts';
import { heldOf, partsByName, partsOf } from './clashes.ts';
import type { MlflowClient } from './client.ts';
import type { HeldMetrics } from './held-metrics.ts';
import { BYTES_PER_REQUEST } from './limits.ts';
import type { MetricNames } from './metric-names.ts';
import type { Metric, PreparedMetrics } from './prepare.ts';
import type { Stumbles } from './stumbles.ts';
import { tryMetric } from './trial.ts';

/** A metric of a parcel on its way. */
interface Entry {
  readonly job: Job<PreparedMetrics>;
  readonly metric: Metric;
}

/** The run whose metrics are written. */
export interface MetricBatchesOptions {
  readonly client: MlflowClient;
  readonly runId: string;
  readonly names: MetricNames;
  /** The points that a file store holds; undefined for a database. */
  readonly held: HeldMetrics | undefined;
  readonly stumbles: Stumbles;
  /** Metrics of one request. */
  readonly metricsPerRequest: number;
}

/** The writer of a run's metrics. */
export class MetricBatches {
  readonly #options: MetricBatchesOptions;

  constructor(options: MetricBatchesOptions) {
    this.#options = options;
  }

  /** Writes the metrics of all parcels in as few requests as possible, one after the other. */
  async write(jobs: readonly Job<PreparedMetrics>[], signal: AbortSignal): Promise<void> {
    const entries = jobs.flatMap((job): Entry[] => job.prepared.metrics.flatMap((metric) => (metric.isSettled ? [] : [{ job, metric }])));
    const bytesOf = ({ metric }: Entry): number => Buffer.byteLength(metric.text) + 1;
    const most = { bytes: BYTES_PER_REQUEST, count: this.#options.metricsPerRequest };
    for (const group of piecesOf(entries, bytesOf, most)) await this.#write(group, new Search(), signal);
  }

  async #write(group: readonly Entry[], search: Search, signal: AbortSignal): Promise<void> {
    const { names, held, client, runId, stumbles } = this.#options;
    let fresh: readonly Metric[] = [];
    await writeBatch<Entry, MlflowFailure>(group, search, {
      send: async (entries) => {
        const metrics = entries.map(({ metric }) => metric);
        names.update(metrics);
        fresh = held === undefined ? metrics : await held.missing(metrics, signal, stopOf);
        const texts = fresh.map(({ text }) => text).join(',');
        const reply = fresh.length === 0 ? ({ kind: 'ok' } as const) : await client.logMetrics(runId, texts, signal);
        if (reply.kind === 'ok') {
          stumbles.reset();
          for (const metric of metrics) metric.isSettled = true;
          names.confirm(metrics);
          return undefined;
        }
        held?.doubt();
        if (reply.cause !== 'clash') return reply;
        await this.#sortOut(entries, reply, search, signal);
        return undefined;
      },
      suspect: async (failure, entries) => {
        if (failure.cause === 'internal' && (await this.#isSuspicious(entries.length, search, signal))) return;
        if (!isAboutContent(failure)) throw stopOf(failure);
      },
      named: ({ element }) => {
        const named = element?.list === 'metrics' ? fresh[element.index] : undefined;
        return named === undefined ? undefined : group.find(({ metric }) => metric === named);
      },
      refuse,
    });
  }

  /**
   * Sends a group in parts if the server treats some of it as points that it holds. A name that it confuses with
   * another one gets a new one. Single points that still clash are looked up.
   */
  async #sortOut(group: readonly Entry[], clash: MlflowFailure, search: Search, signal: AbortSignal): Promise<void> {
    const { names, client, runId } = this.#options;
    const metrics = group.map(({ metric }) => metric);
    const absent = await names.absentOf(metrics, signal);
    const byName = partsByName(group, ({ metric }) => metric, absent);
    const [alone] = byName === undefined ? absent : [];
    if (alone !== undefined && (await names.evade(alone, signal))) {
      await this.#write(group, search, signal);
      return;
    }
    const parts = byName ?? partsOf(group, ({ metric }) => metric);
    if (parts !== undefined) {
      for (const part of parts) await this.#write(part, search, signal);
      return;
    }
    const held = await heldOf(client, runId, metrics, stopOf, signal);
    for (const metric of held) metric.isSettled = true;
    const missing = group.filter(({ metric }) => !held.has(metric));
    if (group.length > 1) for (const entry of missing) await this.#write([entry], search, signal);
    else for (const entry of missing) await this.#writeOnce(entry, clash, signal);
  }

  /**
   * Writes a point that is not there, though the server reported it: another writer was at work, or the database
   * treats its name as another one.
   */
  async #writeOnce(entry: Entry, clash: MlflowFailure, signal: AbortSignal): Promise<void> {
    const { client, runId } = this.#options;
    const reply = await client.logMetrics(runId, entry.metric.text, signal);
    if (reply.kind === 'ok') entry.metric.isSettled = true;
    else if ((reply.cause === 'clash' || isAboutContent(reply)) && (await this.#isTaking(signal))) refuse(entry, clash);
    else throw stopOf(reply);
  }

  /** True if our request makes the server fail: it failed again and again, and the server accepts others. */
  async #isSuspicious(size: number, search: Search, signal: AbortSignal): Promise<boolean> {
    if (!search.isStarted && !this.#options.stumbles.isTooMany()) return false;
    return (size > 1 && search.isStarted) || (await this.#isTaking(signal));
  }

  async #isTaking(signal: AbortSignal): Promise<boolean> {
    const { client, runId } = this.#options;
    return (await tryMetric(client, runId, signal)) === undefined;
  }
}

function refuse({ job, metric }: Entry, failure: MlflowFailure): void {
  metric.isSettled = true;
  // A number derived from a point is no point.
  if (!metric.isDerived) refusePoint(job, metric, failure);
}

/** Notes that a point of a parcel is refused. */
export function refusePoint(
  job: Job<PreparedMetrics>,
  spot: { readonly offset: number; readonly index: number },
  failure: MlflowFailure,
): void {
  job.refuse(spot, reasonOf(failure.error), failure.cause === 'notServed' ? 'unsupported' : 'refused');
}
