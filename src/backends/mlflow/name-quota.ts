import type { Job } from '../../backend-kit/sending/index.ts';
import type { BackendContext } from '../../contract/index.ts';
import type { MlflowRunFacts } from './client.ts';
import type { PreparedMetrics } from './prepare.ts';
import { TRIAL_METRIC } from './trial.ts';

/**
 * The names of metrics that a run may have, where a service limits their number. The first names stay, whatever comes
 * later and after a restart, because those that the run has count first.
 */
export class NameQuota {
  readonly #most: number;
  readonly #names: Set<string>;
  readonly #warn: BackendContext['warn'];
  readonly #runId: string;
  #isWarned = false;

  constructor(most: number, { runId, metrics: held }: Pick<MlflowRunFacts, 'runId' | 'metrics'>, warn: BackendContext['warn']) {
    this.#most = most;
    this.#runId = runId;
    this.#warn = warn;
    this.#names = new Set(most === Number.POSITIVE_INFINITY ? [] : held.filter((name) => name !== TRIAL_METRIC));
  }

  /** Leaves out the metrics that would exceed the limit. Their points are unsupported, unless a file has them. */
  apply(job: Job<PreparedMetrics>): void {
    if (this.#most === Number.POSITIVE_INFINITY) return;
    const { lines, metrics } = job.prepared;
    const kept = new Set(lines.map(({ offset, index }) => `${offset} ${index}`));
    for (const metric of metrics) {
      if (metric.isSettled || this.#admits(metric.key)) continue;
      metric.isSettled = true;
      if (metric.isDerived || kept.has(`${metric.offset} ${metric.index}`)) continue;
      job.refuse(metric, `the service holds at most ${this.#most} names of metrics in a run`, 'unsupported');
      this.#warnOnce();
    }
  }

  #warnOnce(): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    this.#warn('a run has more names of metrics than the service holds: the points of further names are unsupported', {
      run: this.#runId,
      most: this.#most,
      hint: 'Exclude tags that the lane does not need with routes.',
    });
  }

  #admits(name: string): boolean {
    if (this.#names.has(name)) return true;
    if (this.#names.size >= this.#most) return false;
    this.#names.add(name);
    return true;
  }
}
