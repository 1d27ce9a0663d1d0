import type { GlobalOptions } from './context.ts';

/** The options of `verify`. */
export interface VerifyFlags extends GlobalOptions {
  /** The file for a JSON line per difference; `-` is standard output. */
  readonly report?: string;
  readonly repair?: boolean;
  /** The lanes to compare; all configured lanes by default. */
  readonly lane?: readonly string[];
  /** Two lanes to compare with each other. */
  readonly between?: readonly string[];
  /** The share of a random sample of whole series: `5%`. */
  readonly sample?: string;
  /** The seed of the sample. Default: the date in UTC. */
  readonly seed?: string;
  /** The number of runs of the local store that are compared at the same time. */
  readonly jobs?: string;
  readonly strict?: boolean;
  readonly metricsFile?: string;
}
