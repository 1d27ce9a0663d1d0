// What a benchmark is, and what it is given.

import type { Product } from './product.ts';
import type { Clearml } from './references/clearml.ts';
import type { DataServer } from './references/data-server.ts';
import type { Limit } from './references/limit.ts';
import type { Mlflow } from './references/mlflow.ts';
import type { Reference } from './references/reference.ts';
import type { Tbparse } from './references/tbparse.ts';
import type { OfficialWandb } from './references/wandb.ts';
import type { Scratch } from './scratch.ts';
import type { Row } from './table.ts';

/** One benchmark. */
export interface Bench {
  /** The word that selects it on the command line. */
  readonly name: string;
  /** One line above its table. */
  readonly about: string;
  run(context: BenchContext): Promise<void>;
}

/** The references; each is set up when first asked for, and asked for once. */
export interface References {
  limit(): Promise<Reference<Limit>>;
  dataServer(): Promise<Reference<DataServer>>;
  tbparse(): Promise<Reference<Tbparse>>;
  mlflow(): Promise<Reference<Mlflow>>;
  clearml(): Promise<Reference<Clearml>>;
  wandb(): Promise<Reference<OfficialWandb>>;
}

/** What every benchmark gets. */
export interface BenchContext {
  /** Measured pairs of a comparison. */
  readonly pairs: number;
  readonly product: Product;
  readonly scratch: Scratch;
  readonly references: References;
  /** A size of the benchmark, made smaller by `--scale`. */
  scaled(size: number): number;
  /** Adds a line to the table. */
  row(row: Row): void;
  /** Says below the table what was left out and why. */
  note(text: string): void;
}
