import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';
import type { MetricSample, MetricSpec } from './metric-table.ts';

/** Makes the metrics of a table in a registry. */
export class MetricMaker {
  readonly #registry: Registry;
  readonly #table: readonly MetricSpec[];

  constructor(registry: Registry, table: readonly MetricSpec[]) {
    this.#registry = registry;
    this.#table = table;
  }

  /** Makes a metric whose values are read at each scrape. */
  serve({ name, kind }: MetricSpec, read: () => Iterable<MetricSample>): void {
    const options = this.#options(name);
    if (kind === 'counter') {
      new Counter({
        ...options,
        collect() {
          this.reset();
          for (const [own, value] of read()) this.inc({ ...own }, value);
        },
      });
    } else {
      new Gauge({
        ...options,
        collect() {
          this.reset();
          for (const [own, value] of read()) this.set({ ...own }, value);
        },
      });
    }
  }

  gauge(name: string): Gauge<string> {
    return new Gauge(this.#options(name));
  }

  counter(name: string): Counter<string> {
    return new Counter(this.#options(name));
  }

  histogram(name: string): Histogram<string> {
    const { buckets = [], ...options } = this.#options(name);
    return new Histogram({ ...options, buckets: [...buckets] });
  }

  #options(name: string): Pick<MetricSpec, 'name' | 'help' | 'buckets'> & { labelNames: string[]; registers: Registry[] } {
    const spec = this.#table.find((each) => each.name === name);
    if (spec === undefined) throw new Error(`there is no metric ${name}`);
    const { help, labels, buckets } = spec;
    return { name, help, labelNames: [...labels], registers: [this.#registry], ...(buckets === undefined ? {} : { buckets }) };
  }
}
