import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ReadBackPoint } from '../../../../src/contract/index.ts';
import type { Batch, Gap, Series } from '../../../../src/model/index.ts';
import type { Difference } from '../../../../src/verify/compare/difference.ts';
import type { FileFacts } from '../../../../src/verify/compare/file-facts.ts';
import { RunComparison } from '../../../../src/verify/compare/run-comparison.ts';

const RUN = { root: 'logs', path: 'a' };
const FILE = 'events.1';

interface Point {
  readonly tag: string;
  readonly step: number;
  readonly value: number;
  readonly offset: number;
}

const point = (step: number, value = step, tag = 'loss'): Point => ({ tag, step, value, offset: step * 100 });

function catalogueOf(tags: readonly string[]): Series[] {
  return tags.map((tag, id) => ({
    id,
    tag,
    plugin: 'scalars',
    dataClass: 'scalar',
    metadata: new Uint8Array(0),
    displayName: '',
    description: '',
    form: 'simple_value',
    firstFile: FILE,
    firstOffset: 0,
  }));
}

function batchOf(points: readonly Point[], catalogue: readonly Series[], file = FILE): Batch {
  return {
    run: RUN,
    file,
    generation: 0,
    start: 0,
    end: 1,
    records: points.length,
    newSeries: [],
    scalars: {
      count: points.length,
      series: Uint32Array.from(points, ({ tag }) => catalogue.findIndex((series) => series.tag === tag)),
      step: Float64Array.from(points, ({ step }) => step),
      wallTime: Float64Array.from(points, ({ step }) => step),
      value: Float64Array.from(points, ({ value }) => value),
      offset: Float64Array.from(points, ({ offset }) => offset),
      checksum: new Uint32Array(points.length),
      index: new Uint32Array(points.length),
      wideSteps: new Map(),
      wideValues: new Map(),
    },
    objects: [],
    marks: [],
  };
}

interface Sides {
  readonly mine: readonly Point[];
  readonly theirs: readonly (Point & { readonly file?: string | null })[];
  readonly gaps?: readonly Gap[];
  readonly unjudged?: FileFacts['unjudged'];
  readonly lost?: FileFacts['lost'];
  /** Default: as the local store. */
  readonly lane?: { readonly filesFirst: boolean; readonly replacesFiles: boolean };
}

const STORE = { filesFirst: true, replacesFiles: true };

function compared({ mine, theirs, gaps = [], unjudged, lost = [], lane = STORE }: Sides): {
  differences: Difference[];
  comparison: RunComparison;
} {
  const catalogue = catalogueOf([...new Set([...mine, ...theirs].map(({ tag }) => tag))]);
  const facts = new Map<string, FileFacts>([[FILE, { name: FILE, watermark: 1e6, gaps, unjudged, lost }]]);
  const comparison = new RunComparison({ run: RUN, facts, isWanted: () => true, ...lane });
  const feed = (): void => {
    if (unjudged === undefined) comparison.expectBatch(batchOf(mine, catalogue), catalogue);
    for (const { tag } of catalogue) {
      const points = theirs
        .filter((other) => other.tag === tag)
        .map(({ step, value, offset, file = FILE }): ReadBackPoint => {
          return { step, wallTime: step, value, ...(file === null ? {} : { file, offset, index: 0 }) };
        });
      comparison.addRight({ tag, plugin: 'scalars', points });
    }
  };
  feed();
  const differences: Difference[] = [];
  for (const chunk of comparison.chunks()) {
    comparison.begin(chunk);
    feed();
    differences.push(...comparison.settle());
  }
  return { differences, comparison };
}

const kinds = (differences: readonly Difference[]): string[] => differences.map(({ kind }) => kind);

describe('comparing a run', () => {
  const points = [point(1), point(2), point(3), point(4)];

  test('finds nothing if both sides are equal, in any order', () => {
    expect(compared({ mine: points, theirs: points.toReversed() }).differences).toEqual([]);
  });

  test('names missing, extra and changed points', () => {
    const { differences, comparison } = compared({ mine: points, theirs: [point(1), { ...point(3), value: 7 }, point(4), point(9)] });
    expect(differences).toEqual([
      expect.objectContaining({ kind: 'missing', step: 2, mine: 2, position: { file: FILE, offset: 200, index: 0 } }),
      expect.objectContaining({ kind: 'changed', step: 3, mine: 3, theirs: 7 }),
      expect.objectContaining({ kind: 'extra', step: 9, theirs: 9 }),
    ]);
    expect(comparison.tally.counts).toMatchObject({ points: 4, missing: 1, extra: 1, changed: 1 });
  });

  test('works without places: one too few and one too many of the same step are one that changed', () => {
    const theirs = [point(1), { ...point(3), value: 7 }, point(4)].map((other) => ({ ...other, file: null }));
    expect(kinds(compared({ mine: points, theirs }).differences)).toEqual(['missing', 'changed']);
  });

  test('compares by content if the positions of the lane are wrong', () => {
    // A row was lost, and all behind it have the place of the one before them.
    const theirs = [point(1), { ...point(3), offset: 200 }, { ...point(4), offset: 300 }];
    expect(compared({ mine: points, theirs }).differences).toEqual([expect.objectContaining({ kind: 'missing', step: 2 })]);
  });

  test('counts equal points: one of two is missing, and it is the one whose position is free', () => {
    const twice = [point(1), { ...point(1), offset: 900 }];
    expect(compared({ mine: twice, theirs: [point(1)] }).differences).toEqual([
      expect.objectContaining({ kind: 'missing', position: { file: FILE, offset: 900, index: 0 } }),
    ]);
  });

  test('keeps series apart', () => {
    expect(
      kinds(compared({ mine: [point(1, 1, 'a'), point(2, 2, 'b')], theirs: [point(1, 1, 'b'), point(2, 2, 'a')] }).differences),
    ).toEqual(['missing', 'missing', 'extra', 'extra']);
  });

  test('skips points that are pending, for the tags for which they are pending', () => {
    const gaps: Gap[] = [{ start: 200, end: 301, reason: 'repair', tags: ['loss'] }];
    const both = [...points, point(2, 2, 'acc')];
    const { differences } = compared({ mine: both, theirs: [point(1), point(4), point(2, 2, 'acc')], gaps });
    expect(differences).toEqual([]);
    expect(kinds(compared({ mine: both, theirs: [point(1), point(4)], gaps }).differences)).toEqual(['missing']);
  });

  test('treats the old form of reclassified points as neither missing nor extra', () => {
    const gaps: Gap[] = [{ start: 100, end: 400, reason: 'reclassified', tags: ['loss'] }];
    expect(compared({ mine: points, theirs: [...points.slice(3), { ...point(1), value: 77 }], gaps }).differences).toEqual([]);
  });

  test('counts points that no file can confirm separately', () => {
    const { differences, comparison } = compared({ mine: [], theirs: points, unjudged: 'gone' });
    expect(differences).toEqual([]);
    expect(comparison.tally.unjudged).toEqual({ gone: 4, replaced: 0, stale: 0, unreadable: 0 });
    const lost = [{ start: 200, end: 300, reason: 'data_checksum' }] as const;
    const some = compared({ mine: points.filter(({ step }) => step !== 2), theirs: points, lost: [...lost] });
    expect(some.differences).toEqual([]);
    expect(some.comparison.tally.unjudged).toEqual({ gone: 0, replaced: 0, stale: 0, unreadable: 1 });
  });

  test('finds every change of the lane, and no other', () => {
    const value = fc.constantFrom(0, -0, 1, NaN, Infinity);
    const sides = fc.array(
      fc.record({ tag: fc.constantFrom('a', 'b'), step: fc.nat(5), value, fate: fc.constantFrom('kept', 'kept', 'lost', 'doubled') }),
      {
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(sides, (made) => {
        const mine = made.map(({ tag, step, value: x }, i) => ({ tag, step, value: x, offset: i * 50 }));
        const theirs = mine.flatMap((each, i) => (made[i]?.fate === 'lost' ? [] : made[i]?.fate === 'doubled' ? [each, each] : [each]));
        const key = (each: Point): string => `${each.tag} ${each.step} ${Object.is(each.value, -0) ? '-0' : each.value}`;
        const balance = new Map<string, number>();
        for (const each of mine) balance.set(key(each), (balance.get(key(each)) ?? 0) - 1);
        for (const each of theirs) balance.set(key(each), (balance.get(key(each)) ?? 0) + 1);
        const want = (sign: number): number => [...balance.values()].reduce((sum, n) => sum + Math.max(0, n * sign), 0);
        const { counts } = compared({ mine, theirs }).comparison.tally;
        // A point that is lost at one place and too many at another is equal; one that changed is both.
        expect([counts.missing + counts.changed, counts.extra + counts.changed]).toEqual([want(-1), want(1)]);
      }),
    );
  });
});

describe('the plan of a repair', () => {
  const stretches = (sides: Sides): unknown => {
    const repair = compared(sides).comparison.repair.files.get(FILE);
    return repair === undefined ? undefined : { stretches: repair.stretches, isDistrusted: repair.isDistrusted };
  };
  const all = Array.from({ length: 10 }, (_, step) => point(step + 1));
  const without = (...steps: number[]): Point[] => all.filter(({ step }) => !steps.includes(step));

  test('joins missing points if no point of the tag is between them', () => {
    const mine = all.flatMap((each) => [each, { ...each, tag: 'acc', offset: each.offset + 50 }]);
    const theirs = mine.filter(({ tag, step }) => tag === 'acc' || step < 3 || step > 6);
    expect(stretches({ mine, theirs })).toEqual({ stretches: [{ tag: 'loss', first: 300, last: 600 }], isDistrusted: false });
  });

  test('separates missing points if an existing point is between them', () => {
    expect(stretches({ mine: all, theirs: without(2, 3, 7) })).toEqual({
      stretches: [
        { tag: 'loss', first: 200, last: 300 },
        { tag: 'loss', first: 700, last: 700 },
      ],
      isDistrusted: false,
    });
  });

  test('does not extend over pending ranges', () => {
    const gaps: Gap[] = [{ start: 300, end: 400, reason: 'repair', tags: ['loss'] }];
    expect(stretches({ mine: all, theirs: without(2, 3, 4), gaps })).toEqual({
      stretches: [
        { tag: 'loss', first: 200, last: 200 },
        { tag: 'loss', first: 400, last: 400 },
      ],
      isDistrusted: false,
    });
  });

  test('reads a whole file again if points are too many or changed', () => {
    expect(stretches({ mine: all, theirs: [...without(2), point(5)] })).toEqual({ stretches: [], isDistrusted: true });
    expect(stretches({ mine: all, theirs: [...without(2, 3), { ...point(3), value: 9 }] })).toEqual({ stretches: [], isDistrusted: true });
  });

  test('reads a whole file again if a record would repeat an existing point', () => {
    const mine = [...all, { ...point(10), value: 77 }].sort((a, b) => a.offset - b.offset);
    expect(stretches({ mine, theirs: all })).toEqual({ stretches: [], isDistrusted: true });
  });
});

describe('a lane without removal', () => {
  const points = [point(1), point(2), point(3), point(4)];
  const tracker = { filesFirst: false, replacesFiles: false } as const;

  test('gets changed points again like missing ones, and extra points stay', () => {
    const { comparison } = compared({ mine: points, theirs: [point(1), { ...point(3), value: 7 }, point(4), point(9)], lane: tracker });
    expect(comparison.tally.counts).toMatchObject({ missing: 1, changed: 1, extra: 1 });
    expect(comparison.surplus).toBe(2);
    expect(comparison.repair.files.get(FILE)).toMatchObject({ isDistrusted: false, stretches: [{ tag: 'loss', first: 200, last: 300 }] });
  });

  test('is not judged by files that turn out to be deleted after it was read', () => {
    const { differences, comparison } = compared({ mine: [], theirs: points, unjudged: 'gone', lane: tracker });
    expect(differences).toEqual([]);
    expect(comparison.tally.unjudged).toMatchObject({ gone: 4 });
  });
});

describe('points that a lane stores in another form', () => {
  test('are compared in this form, and the changes are counted by kind', () => {
    const comparison = new RunComparison({ run: RUN, facts: new Map(), isWanted: () => true });
    const read = (): void => {
      for (const step of [1, 2, 3]) {
        const exact = { step, wallTime: step + 0.1, value: step };
        comparison.expect('loss', 'scalars', exact, step === 3 ? undefined : { ...exact, wallTime: step });
      }
      comparison.addRight({ tag: 'loss', plugin: 'scalars', points: [{ step: 1, wallTime: 1, value: 1 }] });
    };
    read();
    const differences: Difference[] = [];
    for (const chunk of comparison.chunks()) {
      comparison.begin(chunk);
      read();
      differences.push(...comparison.settle());
    }
    expect(differences).toEqual([expect.objectContaining({ kind: 'missing', step: 2 })]);
    expect(comparison.tally.counts).toMatchObject({ points: 3, missing: 1, allowed: 2 });
    expect(comparison.tally.losses).toMatchObject({ time: 1, notHeld: 1 });
    expect(comparison.tally.absent.noPlace).toEqual({ scalars: 1 });
  });
});
