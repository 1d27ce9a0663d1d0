// A server may die after any instruction. Whatever it was, and whichever file continues afterwards: in the end each
// point is there once.
import { describe, expect, it } from '@jest/globals';
import { contentKey, type PositionedScalar } from '../../../../src/backends/aim/cells.ts';
import type { AimClient, Resource } from '../../../../src/backends/aim/client.ts';
import { MixedColumn } from '../../../../src/backends/aim/column.ts';
import type { Cells, Frames } from '../../../../src/backends/aim/frames.ts';
import { StepHashes } from '../../../../src/backends/aim/hash.ts';
import { ScalarSequence } from '../../../../src/backends/aim/scalar-sequence.ts';
import type { Key, Tree } from '../../../../src/backends/aim/tree.ts';
import { seededRandom } from '../../../crash/backfill-kill.ts';

type Pairs = readonly (readonly [Key, Tree])[];

/** The columns of one sequence, and what the run says of it. */
class HeldSequence {
  readonly columns = new Map<string, Map<Key, Tree>>();
  trace: ReadonlyMap<Key, Tree> | undefined;

  column(name: string): Map<Key, Tree> {
    const column = this.columns.get(name) ?? new Map<Key, Tree>();
    this.columns.set(name, column);
    return column;
  }
}

/** Instructions on their way to it. `diesAfter`: the server applies some of what was sent by then, and no more. */
class CutFrames {
  readonly #held: HeldSequence;
  readonly #random: () => number;
  #left: number;
  #sent: (() => void)[] = [];

  constructor(held: HeldSequence, random: () => number, diesAfter: number) {
    this.#held = held;
    this.#random = random;
    this.#left = diesAfter;
  }

  trace(fields: Pairs): Promise<void> {
    return this.#send(() => {
      this.#held.trace = new Map(fields);
    });
  }

  add(): Promise<void> {
    return Promise.resolve();
  }

  update(_: Resource, path: readonly Key[], pairs: Pairs): Promise<void> {
    return this.#send(() => {
      for (const [key, value] of pairs) this.#held.column(String(path.at(-1))).set(key, value);
    });
  }

  cells(resource: Resource, path: readonly Key[], { keys, values }: Cells, from: number, to: number): Promise<void> {
    return this.update(
      resource,
      path,
      keys.slice(from, to).map((key, i) => [key, values === null ? null : (values[from + i] as number | bigint)]),
    );
  }

  async flush(): Promise<void> {
    await this.#send(() => undefined);
    for (const apply of this.#sent.splice(0)) apply();
  }

  async #send(apply: () => void): Promise<void> {
    if (this.#left-- > 0) return void this.#sent.push(apply);
    const applied = Math.floor(this.#random() * (this.#sent.length + 1));
    for (const earlier of this.#sent.slice(0, applied)) earlier();
    throw new ServerDied();
  }
}

class ServerDied extends Error {}

interface LogFile {
  readonly name: string;
  readonly points: readonly PositionedScalar[];
  /** Points that were confirmed, and those that the state file knows of. */
  sent: number;
  saved: number;
}

/** Files whose steps overlap, as restarts and parallel writers leave them. */
function logFiles(random: () => number, hasExact: boolean): LogFile[] {
  let next = 0;
  return Array.from({ length: 2 + Math.floor(random() * 3) }, (_, number) => {
    const name = `f${number}`;
    let step = Math.max(0, next - Math.floor(random() * 15));
    const points = Array.from({ length: 5 + Math.floor(random() * 30) }, (__, i): PositionedScalar => {
      const value = hasExact && random() < 0.2 ? 2n ** 60n + BigInt(Math.floor(random() * 1000)) : random();
      const point = { step, wallTime: 100 + number + i / 1000, value, position: { file: name, offset: i * 10, index: 0 } };
      if (random() < 0.9) step++;
      if (random() < 0.05) step = Math.max(0, step - 3);
      return point;
    });
    next = step;
    return { name, points, sent: 0, saved: 0 };
  });
}

/**
 * What may be kept in memory: whole sequences, or nothing but what concerns the points at hand, which is forgotten
 * again.
 */
type Memory = 'whole' | 'little';

async function mirrored(seed: number, memory: Memory): Promise<{ readonly held: HeldSequence; readonly files: readonly LogFile[] }> {
  const random = seededRandom(seed);
  const held = new HeldSequence();
  const files = logFiles(random, seed % 3 === 0);
  const hashes = new StepHashes();
  const opened = (): ScalarSequence => new ScalarSequence({ context: {}, contextId: 1n, name: 'loss' }, 'run', held.trace, hashes);
  const valueAt = (path: readonly Key[] | undefined): Tree | undefined => held.column(String(path?.at(-2))).get(path?.at(-1) as Key);
  const client = {
    column: (_: Resource, path: readonly Key[]) => Promise.resolve(new MixedColumn(new Map(held.column(String(path.at(-1)))))),
    items: (_: Resource, path: readonly Key[]) => Promise.resolve(new Map(held.column(String(path.at(-1))))),
    keys: (_: Resource, path: readonly Key[]) => Promise.resolve([...held.column(String(path.at(-1))).keys()]),
    find: (_: Resource, __: string, [path]: readonly (readonly Key[])[]) => Promise.resolve(valueAt(path)),
    branch: (_: Resource, path: readonly Key[]) => Promise.resolve(valueAt(path)),
  } as unknown as AimClient;
  let sequence = opened();
  for (;;) {
    const waiting = files.filter(({ points, sent }) => sent < points.length);
    const file = waiting[Math.floor(random() * waiting.length)];
    if (file === undefined) return { held, files };
    const points = file.points.slice(file.sent, file.sent + 1 + Math.floor(random() * 12));
    const frames = new CutFrames(held, random, random() < 0.25 ? 1 + Math.floor(random() * 14) : Number.POSITIVE_INFINITY);
    const [start, end] = [points[0]?.position.offset ?? 0, (points.at(-1)?.position.offset ?? 0) + 10];
    try {
      const before = sequence.fieldsBefore(points, held.trace !== undefined);
      if (before !== undefined) await frames.trace(before.fields);
      await sequence.write(
        points,
        { file: file.name, start, end },
        client,
        frames as unknown as Frames,
        'seqs' as Resource,
        memory === 'whole' ? Number.POSITIVE_INFINITY : random() < 0.9 ? 0 : 40,
        AbortSignal.any([]),
      );
      if (before?.isFinal !== true) await frames.trace(sequence.traceFields());
      await frames.flush();
      file.sent += points.length;
      if (random() < 0.1) sequence = opened();
      if (memory === 'little' && random() < 0.5) sequence.trim(Math.floor(random() * 6));
    } catch (error) {
      if (!(error instanceof ServerDied)) throw error;
      sequence = opened();
      if (random() < 0.5) for (const each of files) each.sent = each.saved;
    }
    if (random() < 0.3) for (const each of files) each.saved = each.sent;
  }
}

/** The content that readers find: the cells, and the data next to them. */
function contents(held: HeldSequence): { readonly shown: readonly string[]; readonly beside: readonly string[] } {
  const exact = held.trace?.get('mb_exact') === true ? held.column('mb_exact') : new Map<Key, Tree>();
  const shown = held
    .column('step')
    .entries()
    .map(([key, step]) => {
      const whole = exact.get(key);
      const value = typeof whole === 'string' ? BigInt(whole) : (held.column('val').get(key) as number);
      return contentKey({ step: Number(step), wallTime: held.column('time').get(key) as number, value });
    });
  return { shown: [...shown], beside: held.column('mb_also').keys().map(String).toArray() };
}

describe('a scalar sequence in Aim', () => {
  it.each([1, 1001, 2001, 3001])('has each point once, no matter how often the server dies: seeds from %i', async (first) => {
    for (let seed = first; seed < first + 500; seed++) await expectWhole(seed, 'whole');
  });

  it.each([1, 2001])('has each point once even if only a little of it is in memory: seeds from %i', async (first) => {
    for (let seed = first; seed < first + 500; seed++) await expectWhole(seed, 'little');
  });
});

async function expectWhole(seed: number, memory: Memory): Promise<void> {
  const { held, files } = await mirrored(seed, memory);
  const all = files.flatMap(({ points }) => points);
  const last = new Map(all.map((point) => [point.step, point]));
  const others = all.filter((point) => last.get(point.step) !== point);
  const { shown, beside } = contents(held);
  const shownNumbers = [...last.values()].map(({ value }) => Number(value));
  expect({ seed, shown: shown.toSorted() }).toEqual({ seed, shown: [...last.values()].map(contentKey).toSorted() });
  expect({ seed, beside: beside.toSorted() }).toEqual({ seed, beside: others.map(contentKey).toSorted() });
  // What the run says of it is true, as if nothing had ever happened.
  expect({ seed, number: held.trace?.get('mb_collapsed') ?? 0n }).toEqual({ seed, number: BigInt(others.length) });
  expect({ seed, last: held.trace?.get('last_step') }).toEqual({ seed, last: BigInt(Math.max(...last.keys().map(Number))) });
  const [least, most] = [Math.min(...shownNumbers), Math.max(...shownNumbers)];
  const range = [held.trace?.get('min'), held.trace?.get('max')];
  if (memory === 'whole') return expect({ seed, range }).toEqual({ seed, range: [least, most] });
  // Without room to read all cells, an extreme may be that of a point that gave way.
  const values = all.map(({ value }) => Number(value));
  expect(values).toEqual(expect.arrayContaining(range));
  expect({ seed, isWide: Number(range[0]) <= least && Number(range[1]) >= most }).toEqual({ seed, isWide: true });
}
