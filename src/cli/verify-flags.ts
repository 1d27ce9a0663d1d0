import type { GlobalOptions } from './context.ts';

/** The options of `verify`. */
export interface VerifyFlags extends GlobalOptions {
  /** A JSON line for each difference goes there; `-` is standard output. */
  readonly report?: string;
  readonly repair?: boolean;
  /** Only these lanes; all that are configured by default. */
  readonly lane?: readonly string[];
  /** Two lanes, to be compared with each other. */
  readonly between?: readonly string[];
  /** `5%`: a random sample of whole series. */
  readonly sample?: string;
  /** Seed of the sample. Default: the date in UTC. */
  readonly seed?: string;
  readonly strict?: boolean;
  readonly metricsFile?: string;
}
