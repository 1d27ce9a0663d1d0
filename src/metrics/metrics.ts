import { collectDefaultMetrics, type Histogram, type Metric, Registry } from '@prometheus-io/client';
import type { MetricsPage, WatchStatus } from '../status/index.ts';
import { MetricMaker } from './metric-maker.ts';
import { METRICS, PROCESS_METRICS } from './metric-table.ts';
import { wantsOpenMetrics } from './negotiate.ts';
import { RequestMetrics } from './request-metrics.ts';

/** The facts about this build. */
export interface BuildFacts {
  readonly version: string;
  readonly node: string;
}

/**
 * The time between two samples of the library: by default, it takes ten a second for metrics that are not served
 * here.
 */
const SELDOM_MS = 60_000;

/**
 * The metrics of the status. At each scrape, gauges and counters are read from the status, which has their sums; only
 * durations are counted when things happen.
 */
export class Metrics implements MetricsPage {
  readonly #registry = new Registry(Registry.PROMETHEUS_CONTENT_TYPE);

  readonly #requests: RequestMetrics;
  readonly #scans: Histogram<string>;
  /** The status that is served. */
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

  /** Serves another status from now on, which continues the counts of the former one. */
  follow(status: WatchStatus): void {
    this.#status = status;
    this.#requests.begin(status.lanes);
    status.watchBy({
      requestEnded: (lane, code, ms) => this.#requests.ended(lane, code, ms),
      rootScanned: (ms) => this.#scans.observe(ms / 1000),
    });
  }

  /** Returns the text for a client that accepts these types. */
  async render(accept: string | undefined): Promise<{ readonly contentType: string; readonly text: string }> {
    const registry = wantsOpenMetrics(accept) ? this.#openMetrics() : this.#registry;
    return { contentType: registry.contentType, text: await registry.metrics() };
  }

  /**
   * Makes a registry for OpenMetrics. The library renames its counters permanently, so it gets views of them, with
   * names of their own.
   */
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
