import type { Counter, Histogram } from '@prometheus-io/client';
import type { MetricMaker } from './metric-maker.ts';
import { codeOf, REQUEST_CODES } from './metric-table.ts';

/** The counts of requests to the trackers of lanes, as they end. */
export class RequestMetrics {
  readonly #requests: Counter<string>;
  readonly #durations: Histogram<string>;
  /** The lanes that have series of their own. */
  readonly #lanes = new Set<string>();

  constructor(maker: MetricMaker) {
    this.#requests = maker.counter('mirrorboard_lane_requests_total');
    this.#durations = maker.histogram('mirrorboard_lane_request_duration_seconds');
  }

  /** Gives each lane a zero for every series, and drops the series of lanes that no longer exist. */
  begin(lanes: readonly { readonly name: string; readonly type: string }[]): void {
    for (const lane of this.#lanes) if (!lanes.some(({ name }) => name === lane)) this.#drop(lane);
    for (const { name, type } of lanes) {
      // The local store is not a server.
      if (type === 'local' || this.#lanes.has(name)) continue;
      this.#lanes.add(name);
      for (const code of REQUEST_CODES) this.#requests.inc({ lane: name, code }, 0);
      this.#durations.zero({ lane: name });
    }
  }

  ended(lane: string, status: number | undefined, ms: number): void {
    // A request of a removed lane must not bring its series back.
    if (!this.#lanes.has(lane)) return;
    this.#requests.inc({ lane, code: codeOf(status) });
    this.#durations.observe({ lane }, ms / 1000);
  }

  #drop(lane: string): void {
    this.#lanes.delete(lane);
    for (const code of REQUEST_CODES) this.#requests.remove({ lane, code });
    this.#durations.remove({ lane });
  }
}
