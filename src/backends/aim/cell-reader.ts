/** Reads a scalar sequence: all of its cells, or those of some steps. */
import { COLLAPSED, EXACT_COLUMN, exactValue, INCOMPLETE, narrow, POSITION_COLUMN, RANGES } from './cells.ts';
import type { AimClient, Resource } from './client.ts';
import type { Column } from './column.ts';
import type { StepHashes } from './hash.ts';
import type { FoundCell } from './known-cells.ts';
import { readPosition, readRange, type StepRange } from './shown-position.ts';
import type { Key, Tree } from './tree.ts';

/** Requests under way at a time. */
const AT_ONCE = 8;

/** Reads cells, and the points stored next to them. The server must have applied all writes. */
export class CellReader {
  readonly #client: AimClient;
  readonly #seqs: Resource;
  readonly #base: readonly Key[];
  readonly #hashes: StepHashes;
  readonly #signal: AbortSignal;

  constructor(client: AimClient, seqs: Resource, base: readonly Key[], hashes: StepHashes, signal: AbortSignal) {
    this.#client = client;
    this.#seqs = seqs;
    this.#base = base;
    this.#hashes = hashes;
    this.#signal = signal;
  }

  /** Returns all cells, by step. */
  async all(hasExact: boolean): Promise<ReadonlyMap<number, FoundCell>> {
    const numbers = (name: string): Promise<Column> => this.#client.column(this.#seqs, [...this.#base, name], this.#signal);
    const [steps, times, values] = await Promise.all(['step', 'time', 'val'].map(numbers));
    const positions = await this.#column(POSITION_COLUMN);
    const exact = hasExact ? await this.#column(EXACT_COLUMN) : new Map<Key, Tree>();
    const found = new Map<number, FoundCell>();
    for (const [key, step] of steps?.entries() ?? []) {
      const cell = cellOf(step, times?.next(key), values?.next(key), positions.get(key), exact.get(key));
      if (cell !== undefined) found.set(Number(step), cell);
    }
    return found;
  }

  /** Returns the cells of some steps: for a long sequence, that is much less than reading all. */
  async at(steps: readonly number[], hasExact: boolean): Promise<ReadonlyMap<number, FoundCell>> {
    const found = new Map<number, FoundCell>();
    await eachOf(steps, async (at) => {
      const key = this.#hashes.of(at);
      // The step is written last, so it is read first: most often there is none, and one request is enough.
      const step = await this.#child('step', key);
      if (step === undefined) return;
      const [time, value, position, exact] = await Promise.all([
        this.#child('time', key),
        this.#child('val', key),
        this.#child(POSITION_COLUMN, key),
        hasExact ? this.#child(EXACT_COLUMN, key) : undefined,
      ]);
      const cell = cellOf(step, time, value, position, exact);
      if (cell !== undefined) found.set(at, cell);
    });
    return found;
  }

  async ranges(): Promise<readonly StepRange[]> {
    const ranges = await this.#column(RANGES);
    return [...ranges].flatMap(([key, text]) => (typeof text === 'string' ? (readRange(String(key), text) ?? []) : []));
  }

  /** Returns the contents of all points that are stored next to the cells. */
  async collapsed(): Promise<readonly Key[]> {
    return this.#client.keys(this.#seqs, [...this.#base, COLLAPSED], this.#signal);
  }

  /** Returns those of some contents that are stored next to the cells. */
  async collapsedOf(contents: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    await eachOf(contents, async (content) => {
      if ((await this.#client.branch(this.#seqs, [...this.#base, COLLAPSED, content], this.#signal)) !== undefined) found.add(content);
    });
    return found;
  }

  async #column(name: string): Promise<ReadonlyMap<Key, Tree>> {
    return this.#client.items(this.#seqs, [...this.#base, name], this.#signal);
  }

  async #child(column: string, key: Key): Promise<Tree | undefined> {
    return this.#client.find(this.#seqs, 'collect', [[...this.#base, column, key], true, false], this.#signal);
  }
}

/** Returns a cell. An incomplete cell counts as missing: its writer writes it again. */
function cellOf(
  step: Tree,
  time: Tree | undefined,
  value: Tree | undefined,
  position: Tree | undefined,
  exact: Tree | undefined,
): FoundCell | undefined {
  if (typeof step !== 'bigint' || typeof time !== 'number' || typeof value !== 'number') return undefined;
  if (position === INCOMPLETE) return INCOMPLETE;
  return {
    step: narrow(step),
    wallTime: time,
    value: exactValue(exact, value),
    position: typeof position === 'string' ? readPosition(position) : undefined,
  };
}

async function eachOf<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE) await Promise.all(items.slice(at, at + AT_ONCE).map(work));
}
