import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from '@prometheus-io/client';
import type { MetricsPage, WatchStatus } from '../status/index.ts';
import { codeOf, METRICS, type MetricSpec, PROCESS_METRICS, REQUEST_CODES } from './metric-table.ts';
import { wantsOpenMetrics } from './negotiate.ts';

/** What is known of this build. */
export interface BuildFacts {
  readonly version: string;
  readonly node: string;
}

/** The library takes a sample ten times a second for metrics that are not served here. */
const SELDOM_MS = 60_000;

/**
 * Serves the status as metrics. Gauges and counters are read from the status when somebody asks, which knows its
 * sums; only what has a duration is counted as it happens.
 */
export class Metrics implements MetricsPage {
  readonly #registry = new Registry(Registry.PROMETHEUS_CONTENT_TYPE);

  constructor(status: WatchStatus, build: BuildFacts) {
    for (const spec of METRICS) if (spec.read !== undefined) this.#serve(spec, spec.read, status);
    this.#gauge('mirrorboard_build_info').set({ version: build.version, node: build.node }, 1);
    const requests = this.#counter('mirrorboard_lane_requests_total');
    const durations = this.#histogram('mirrorboard_lane_request_duration_seconds');
    const scans = this.#histogram('mirrorboard_scan_duration_seconds');
    for (const { name, type } of status.lanes) {
      // The local store is no server.
      if (type === 'local') continue;
      for (const code of REQUEST_CODES) requests.inc({ lane: name, code }, 0);
      durations.zero({ lane: name });
    }
    status.watchBy({
      requestEnded: (lane, code, ms) => {
        requests.inc({ lane, code: codeOf(code) });
        durations.observe({ lane }, ms / 1000);
      },
      rootScanned: (ms) => scans.observe(ms / 1000),
    });
    this.#serveProcess();
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

  #serve({ name, help, labels, kind }: MetricSpec, read: NonNullable<MetricSpec['read']>, status: WatchStatus): void {
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (kind === 'counter') {
      new Counter({
        ...options,
        collect() {
          this.reset();
          for (const [own, value] of read(status)) this.inc({ ...own }, value);
        },
      });
    } else {
      new Gauge({
        ...options,
        collect() {
          this.reset();
          for (const [own, value] of read(status)) this.set({ ...own }, value);
        },
      });
    }
  }

  #serveProcess(): void {
    const all = new Registry();
    collectDefaultMetrics({ register: all, eventLoopUtilizationTimeout: SELDOM_MS });
    for (const name of PROCESS_METRICS) {
      const metric = all.getSingleMetric(name);
      if (metric !== undefined) this.#registry.registerMetric(metric);
    }
  }

  #gauge(name: string): Gauge<string> {
    return new Gauge(this.#options(name));
  }

  #counter(name: string): Counter<string> {
    return new Counter(this.#options(name));
  }

  #histogram(name: string): Histogram<string> {
    const { buckets = [], ...options } = this.#options(name);
    return new Histogram({ ...options, buckets: [...buckets] });
  }

  #options(name: string): Pick<MetricSpec, 'name' | 'help' | 'buckets'> & { labelNames: string[]; registers: Registry[] } {
    const spec = METRICS.find((each) => each.name === name);
    if (spec === undefined) throw new Error(`there is no metric ${name}`);
    const { help, labels, buckets } = spec;
    return { name, help, labelNames: [...labels], registers: [this.#registry], ...(buckets === undefined ? {} : { buckets }) };
  }
}
