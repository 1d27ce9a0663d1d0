// What a benchmark is, and what it is given.
import type { Product } from './product.ts';
import type { References } from './references/index.ts';
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

/** What is the same for all benchmarks of a run. */
export interface Setting {
  /** Measured pairs of a comparison. */
  readonly pairs: number;
  /** Sizes are multiplied by it; 1, or less to try things out. */
  readonly scale: number;
  readonly product: Product;
  readonly scratch: Scratch;
  readonly references: References;
}

/** What every benchmark gets. */
export interface BenchContext extends Setting {
  /** A size of the benchmark, made smaller by `--scale`. */
  scaled(size: number): number;
  /** Adds a line to the table. */
  row(row: Row): void;
  /** Says below the table what was left out and why. */
  note(text: string): void;
}

/** What a benchmark measured. */
export interface Gathered {
  readonly rows: readonly Row[];
  /** What was left out and why. */
  readonly notes: readonly string[];
  /** Why it could not run to its end. */
  readonly failure?: string;
}

/** Runs one benchmark. What goes wrong in it is a part of the answer. */
export async function gather(run: Bench['run'], setting: Setting): Promise<Gathered> {
  const rows: Row[] = [];
  const notes = new Set<string>();
  const context: BenchContext = {
    ...setting,
    scaled: (size) => Math.max(1, Math.round(size * setting.scale)),
    // A target was set for the full size only.
    row: ({ target, ...row }) => void rows.push(target && setting.scale === 1 ? { ...row, target } : row),
    note: (text) => void notes.add(text),
  };
  try {
    await run(context);
    return { rows, notes: [...notes] };
  } catch (error) {
    return { rows, notes: [...notes], failure: error instanceof Error ? error.message : String(error) };
  }
}
