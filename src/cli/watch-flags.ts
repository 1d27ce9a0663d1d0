import type { GlobalOptions } from './context.ts';

/** The options of `watch`. */
export interface WatchFlags extends GlobalOptions {
  readonly listen?: string;
  readonly listenHost: readonly string[];
  readonly poll?: boolean;
  readonly remap?: boolean;
  readonly rebuild?: boolean;
}
