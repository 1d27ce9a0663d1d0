import type { Job } from '../../backend-kit/sending/index.ts';
import type { PreparedMetrics } from './prepare.ts';
import { TRIAL_METRIC } from './trial.ts';

/**
 * The names of metrics that a run may have, where a service limits their number. The first names stay, whatever comes
 * later and after a restart, because those that the run has count first.
 */
export class NameQuota {
  readonly #most: number;
  readonly #names: Set<string>;

  /** `held`: the names that the run already has. */
  constructor(most: number, held: readonly string[]) {
    this.#most = most;
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
      job.refuse(metric, `the service holds no more names of metrics in a run than the ${this.#most} that it has`, 'unsupported');
    }
  }

  #admits(name: string): boolean {
    if (this.#names.has(name)) return true;
    if (this.#names.size >= this.#most) return false;
    this.#names.add(name);
    return true;
  }
}
