import { Registry } from '@prometheus-io/client';
import type { LiveFacts, Verified } from '../status/index.ts';
import { MetricMaker } from './metric-maker.ts';
import { JOB_METRICS, type JobFacts, METRICS } from './metric-table.ts';
import type { BuildFacts } from './metrics.ts';
import { RequestMetrics } from './request-metrics.ts';

const SUCCESS = 'mirrorboard_job_last_success_timestamp_seconds';
const DIFFERENCES = 'mirrorboard_verify_differences';
const VERIFIED = 'mirrorboard_verify_timestamp_seconds';

/** The differences of a lane, and the time of the comparison, in seconds. */
type Verdict = readonly [differences: number, end: number];

/** The end of a command. */
export type JobEnd = Pick<JobFacts, 'exitCode' | 'startMs' | 'endMs'>;

/**
 * The metrics of one run of a command, as the text of a file. `former`: the text of the previous run, which has the
 * values that outlive a run.
 */
export class JobPage {
  readonly #command: string;
  readonly #registry = new Registry(Registry.PROMETHEUS_CONTENT_TYPE);
  readonly #maker = new MetricMaker(this.#registry, [...METRICS, ...JOB_METRICS]);
  readonly #former: ReadonlyMap<string, number>;
  /** The verdicts of all lanes that were ever compared. */
  readonly #verdicts: Map<string, Verdict>;

  constructor(command: string, former = '') {
    this.#command = command;
    this.#former = seriesOf(former);
    this.#verdicts = verdictsOf(this.#former);
  }

  /** Begins a pass: its requests are counted as they end. */
  begin(pass: () => LiveFacts, { version, node }: BuildFacts): RequestMetrics {
    this.#maker.gauge('mirrorboard_build_info').set({ version, node }, 1);
    for (const spec of METRICS) {
      const { readPass } = spec;
      if (readPass !== undefined) this.#maker.serve(spec, () => readPass(pass()));
    }
    const requests = new RequestMetrics(this.#maker);
    requests.begin(pass().lanes);
    return requests;
  }

  /** Adds the results of a comparison; a lane without a new result keeps its former one. */
  verified(lanes: ReadonlyMap<string, Verified>): void {
    for (const [lane, { differences, atMs }] of lanes) this.#verdicts.set(lane, [differences, Math.round(atMs) / 1000]);
  }

  /** Returns the whole text, after the command has ended. */
  async text(end: JobEnd): Promise<string> {
    const former = this.#former.get(`${SUCCESS}{command="${this.#command}"}`);
    const successMs = end.exitCode === 0 ? end.endMs : former === undefined ? undefined : former * 1000;
    this.#serveVerdicts();
    const job: JobFacts = { ...end, command: this.#command, successMs };
    for (const spec of JOB_METRICS) {
      const { readJob } = spec;
      if (readJob !== undefined) this.#maker.serve(spec, () => readJob(job));
    }
    return await this.#registry.metrics();
  }

  #serveVerdicts(): void {
    if (this.#verdicts.size === 0) return;
    const [differences, ends] = [this.#maker.gauge(DIFFERENCES), this.#maker.gauge(VERIFIED)];
    for (const [lane, [count, end]] of this.#verdicts) {
      differences.set({ lane }, count);
      ends.set({ lane }, end);
    }
  }
}

/** Returns the verdicts in a file of ours, by lane. */
function verdictsOf(series: ReadonlyMap<string, number>): Map<string, Verdict> {
  const start = `${DIFFERENCES}{lane="`;
  return new Map(
    [...series].flatMap(([name, differences]) => {
      const lane = name.startsWith(start) ? name.slice(start.length, -'"}'.length) : undefined;
      return lane === undefined ? [] : [[lane, [differences, series.get(`${VERIFIED}{lane="${lane}"}`) ?? 0]]];
    }),
  );
}

/** Reads values by series from a file that mirrorboard wrote. */
function seriesOf(text: string): Map<string, number> {
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    const at = line.lastIndexOf(' ');
    const value = Number(line.slice(at + 1));
    if (!line.startsWith('#') && at > 0 && Number.isFinite(value)) series.set(line.slice(0, at), value);
  }
  return series;
}
