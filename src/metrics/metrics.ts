import { collectDefaultMetrics, type Histogram, type Metric, Registry } from '@prometheus-io/client';
import type { MetricsPage, WatchStatus } from '../status/index.ts';
import { MetricMaker } from './metric-maker.ts';
import { METRICS, PROCESS_METRICS } from './metric-table.ts';
import { wantsOpenMetrics } from './negotiate.ts';
import { RequestMetrics } from './request-metrics.ts';

/** What is known of this build. */
export interface BuildFacts {
  readonly version: string;
  readonly node: string;
}

/** The library takes a sample ten times a second for metrics that are not served here. */
const SELDOM_MS = 60_000;

/**
 * Serves the status as metrics. Gauges and counters are read from the status at each scrape, which knows its
 * sums; only what has a duration is counted as it happens.
 */
export class Metrics implements MetricsPage {
  readonly #registry = new Registry(Registry.PROMETHEUS_CONTENT_TYPE);

  readonly #requests: RequestMetrics;
  readonly #scans: Histogram<string>;
  /** The one that is served. */
  #status: WatchStatus;

  constructor(status: WatchStatus, build: BuildFacts) {
    this.#status = status;
    const maker = new MetricMaker(this.#registry, METRICS);
    for (const spec of METRICS) {
      const { read } = spec;
      if (read !== undefined) maker.serve(spec, () => read(this.#status));
    }
    maker.gauge('mirrorboard_build_info').set({ version: build.version, node: build.node }, 1);
    this.#requests = new RequestMetrics(maker);
    this.#scans = maker.histogram('mirrorboard_scan_duration_seconds');
    this.follow(status);
    this.#serveProcess();
  }

  /** Serves another status from now on, which counts on where the one before it was. */
  follow(status: WatchStatus): void {
    this.#status = status;
    this.#requests.begin(status.lanes);
    status.watchBy({
      requestEnded: (lane, code, ms) => this.#requests.ended(lane, code, ms),
      rootScanned: (ms) => this.#scans.observe(ms / 1000),
    });
  }

  /** The text for one who accepts these types. */
  async render(accept: string | undefined): Promise<{ readonly contentType: string; readonly text: string }> {
    const registry = wantsOpenMetrics(accept) ? this.#openMetrics() : this.#registry;
    return { contentType: registry.contentType, text: await registry.metrics() };
  }

  /** The library renames counters for OpenMetrics, for good: so it gets views of them, with names of their own. */
  #openMetrics(): Registry {
    const registry = new Registry(Registry.OPENMETRICS_CONTENT_TYPE);
    for (const metric of this.#registry.getMetricsAsArray()) registry.registerMetric(Object.create(metric) as Metric);
    return registry;
  }

  #serveProcess(): void {
    const all = new Registry();
    collectDefaultMetrics({ register: all, eventLoopUtilizationTimeout: SELDOM_MS });
    for (const name of PROCESS_METRICS) {
      const metric = all.getSingleMetric(name);
      if (metric !== undefined) this.#registry.registerMetric(metric);
    }
  }
}
