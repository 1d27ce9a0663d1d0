import type { GlobalOptions } from './context.ts';
import type { PageFlags } from './page-server.ts';

/** The options of `watch`. */
export interface WatchFlags extends GlobalOptions, PageFlags {
  /** The address of the page, or `off`. */
  readonly page?: string;
  readonly listen?: string;
  /** The port at which TensorBoard gets the data of the local store. */
  readonly tensorboardPort?: string;
  readonly poll?: boolean;
  readonly remap?: boolean;
  readonly rebuild?: boolean;
}
