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
 * Serves the status as metrics. Gauges and counters are read from the status at each scrape, which knows its
 * sums; only what has a duration is counted as it happens.
 */
export class Metrics implements MetricsPage {
  readonly #registry = new Registry(Registry.PROMETHEUS_CONTENT_TYPE);

  readonly #requests: Counter<string>;
  readonly #durations: Histogram<string>;
  readonly #scans: Histogram<string>;
  /** Those with series of their own. */
  readonly #lanes = new Set<string>();
  /** The one that is served. */
  #status: WatchStatus;

  constructor(status: WatchStatus, build: BuildFacts) {
    this.#status = status;
    for (const spec of METRICS) if (spec.read !== undefined) this.#serve(spec, spec.read);
    this.#gauge('mirrorboard_build_info').set({ version: build.version, node: build.node }, 1);
    this.#requests = this.#counter('mirrorboard_lane_requests_total');
    this.#durations = this.#histogram('mirrorboard_lane_request_duration_seconds');
    this.#scans = this.#histogram('mirrorboard_scan_duration_seconds');
    this.follow(status);
    this.#serveProcess();
  }

  /** Serves another status from now on, which counts on where the one before it was. */
  follow(status: WatchStatus): void {
    this.#status = status;
    for (const { name, type } of status.lanes) {
      // The local store is no server.
      if (type === 'local' || this.#lanes.has(name)) continue;
      this.#lanes.add(name);
      for (const code of REQUEST_CODES) this.#requests.inc({ lane: name, code }, 0);
      this.#durations.zero({ lane: name });
    }
    status.watchBy({
      requestEnded: (lane, code, ms) => {
        this.#requests.inc({ lane, code: codeOf(code) });
        this.#durations.observe({ lane }, ms / 1000);
      },
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

  #serve({ name, help, labels, kind }: MetricSpec, read: NonNullable<MetricSpec['read']>): void {
    const now = (): WatchStatus => this.#status;
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (kind === 'counter') {
      new Counter({
        ...options,
        collect() {
          this.reset();
          for (const [own, value] of read(now())) this.inc({ ...own }, value);
        },
      });
    } else {
      new Gauge({
        ...options,
        collect() {
          this.reset();
          for (const [own, value] of read(now())) this.set({ ...own }, value);
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
