import type { GlobalOptions } from './context.ts';

/** The options of `migrate`. */
export interface MigrateFlags extends GlobalOptions {
  readonly from: string;
  readonly to: string;
  readonly patience?: string;
  readonly acceptLosses?: string;
}
