import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ColumnWriter } from '../../../src/decode/columns.ts';
import { CompiledScanner } from '../../../src/decode/compiled-scanner.ts';
import { scanWindow } from '../../../src/decode/index.ts';
import { ScalarScanner } from '../../../src/decode/scalar-scanner.ts';
import type { Series } from '../../../src/model/index.ts';
import { concat, DTYPES, type Dtype, type Encoding, eventFile, field, frame, metadata, tensor, value } from '../../support/event-writer.ts';
import { contentsOf, decodeBytes, decodeSlowly, exact, filesByRun, newRun, scanWith } from '../../support/scripted-window.ts';

/** The repository; this file runs from dist/test/unit/decode. */
const REPOSITORY = join(import.meta.dirname, '../../../..');

describe.each(['compiled', 'plain'] as const)('with the %s scanner', (kind) => {
  beforeAll(() => scanWith(kind));

  describe.each(['logs', 'damaged'])('the scanner and the protobuf types agree on test/%s', (folder) => {
    const runs = filesByRun(join(REPOSITORY, 'test', folder));

    test('which has files', () => {
      expect(runs.size).toBeGreaterThan(20);
    });

    test.each([...runs])('%s', (_, files) => {
      for (const settled of [false, true]) {
        const [whole, scarce, slow] = [newRun(), newRun(), newRun()];
        for (const { name, bytes } of files) {
          const expected = decodeSlowly(bytes, { run: slow, file: name, settled });
          const fast = decodeBytes(bytes, { run: whole, file: name, settled });
          expect(contentsOf(fast.batches, fast.series)).toEqual(expected);
          const cuts = Array.from({ length: Math.ceil(bytes.length / 777) }, (__, i) => i * 777);
          const pieces = decodeBytes(bytes, { run: scarce, file: name, settled, cuts, batchPoints: 7 });
          expect(contentsOf(pieces.batches, pieces.series)).toEqual(expected);
          expect(pieces.damage.map(({ start, end, reason }) => [start, end, reason])).toEqual(
            fast.damage.map(({ start, end, reason }) => [start, end, reason]),
          );
        }
        expect(whole.catalogue.series).toEqual(slow.catalogue.series);
        expect(scarce.catalogue.series).toEqual(slow.catalogue.series);
      }
    });
  });

  // --- generated files ---

  /** One value as it was drawn, and what it has to come back as; undefined where it is no scalar. */
  interface DrawnValue {
    readonly tag: string;
    readonly bytes: Uint8Array;
    readonly plugin: string;
    readonly expected: number | bigint | undefined;
  }

  const SCALAR_TAGS = [
    'loss',
    'acc',
    'a/b c',
    'l'.repeat(127),
    'm'.repeat(128),
    'long/'.repeat(60),
    'größe/精度/🎉',
    '\uFEFFloss',
    'é'.repeat(64),
    '',
    'loss\0',
  ];

  const SCALARS = metadata({ plugin: 'scalars', dataClass: 'scalar' });
  const LONG = metadata({ plugin: 'scalars', description: 'd'.repeat(200) });
  const METADATA: readonly (Uint8Array | null)[] = [
    null,
    SCALARS,
    metadata({ plugin: 'scalars', content: field(1, 0, 1) }),
    metadata({ plugin: 'scalars', displayName: 'Größe', description: 'd'.repeat(50) }),
    LONG,
    metadata({ plugin: 'text' }),
    new Uint8Array(0),
  ];
  const PLUGIN_OF = ['', 'scalars', 'scalars', 'scalars', 'scalars', 'text', ''];

  const INTEGERS: { readonly [D in Dtype]?: readonly [bigint, bigint] } = {
    int8: [-128n, 127n],
    uint8: [0n, 255n],
    int16: [-32_768n, 32_767n],
    uint16: [0n, 65_535n],
    int32: [-(2n ** 31n), 2n ** 31n - 1n],
    uint32: [0n, 2n ** 32n - 1n],
    int64: [-(2n ** 63n), 2n ** 63n - 1n],
    uint64: [0n, 2n ** 64n - 1n],
  };

  function narrow(x: bigint): number | bigint {
    return x >= -(2n ** 53n) + 1n && x <= 2n ** 53n - 1n ? Number(x) : x;
  }

  const float = fc.oneof(fc.float(), fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 1.401298464324817e-45));
  const double = fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 5e-324, 1.797e308));

  /** An element of a number type, and the number it has to come back as. */
  function element(dtype: Dtype): fc.Arbitrary<{ readonly written: number | bigint | boolean; readonly expected: number | bigint }> {
    const bounds = INTEGERS[dtype];
    if (bounds) {
      const [min, max] = bounds;
      const edge = fc.constantFrom(
        ...[min, max, 0n, 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n)].filter((x) => x >= min && x <= max),
      );
      return fc.oneof(fc.bigInt({ min, max }), edge).map((x) => ({ written: x, expected: narrow(x) }));
    }
    if (dtype === 'bool') return fc.boolean().map((x) => ({ written: x, expected: Number(x) }));
    // Numbers that all the short formats hold exactly.
    if (dtype === 'half' || dtype === 'bfloat16')
      return fc.integer({ min: -255, max: 255 }).map((n) => ({ written: n / 16, expected: n / 16 }));
    return (dtype === 'float' ? float : double).map((x) => ({ written: x, expected: x }));
  }

  const NUMBER_TYPES = (Object.keys(DTYPES) as Dtype[]).filter((dtype) => dtype !== 'string' && !dtype.startsWith('complex'));

  interface ValueBody {
    readonly fields: readonly Uint8Array[];
    readonly isOld: boolean;
    readonly expected: number | bigint | undefined;
  }

  const simple: fc.Arbitrary<ValueBody> = float.map((x) => ({ fields: [field(2, 5, x)], isOld: true, expected: x }));

  const tensorBody: fc.Arbitrary<ValueBody> = fc
    .constantFrom(...NUMBER_TYPES)
    .chain((dtype) =>
      fc.record({
        dtype: fc.constant(dtype),
        x: element(dtype),
        as: fc.constantFrom<Encoding>('packed', 'list', 'content'),
        shape: fc.constantFrom(null, [], [1]),
        extra: fc.boolean(),
      }),
    )
    .map(({ dtype, x, as, shape, extra }) => ({
      fields: [field(8, 2, tensor({ dtype, values: [x.written], as, shape }), ...(extra ? [field(3, 0, 1)] : []))],
      isOld: false,
      expected: x.expected,
    }));

  const commonTensor: fc.Arbitrary<ValueBody> = fc
    .record({
      isDouble: fc.boolean(),
      x: float,
      as: fc.constantFrom<Encoding>('packed', 'list', 'content'),
      shape: fc.constantFrom(null, []),
    })
    .map(({ isDouble, x, as, shape }) => ({
      fields: [field(8, 2, tensor({ dtype: isDouble ? 'double' : 'float', values: [x], as, shape }))],
      isOld: false,
      expected: x,
    }));

  const unusual: fc.Arbitrary<ValueBody> = fc.oneof(
    fc.constant({ fields: [], isOld: false, expected: undefined }),
    // Repeated: the last one holds.
    fc.tuple(float, float).map(([a, b]) => ({ fields: [field(2, 5, a), field(2, 5, b)], isOld: true, expected: b })),
    fc
      .tuple(float, float)
      .map(([a, b]) => ({ fields: [field(2, 5, a), field(8, 2, tensor({ dtype: 'float', values: [b] }))], isOld: false, expected: b })),
    fc
      .tuple(float, float)
      .map(([a, b]) => ({ fields: [field(8, 2, tensor({ dtype: 'float', values: [a] })), field(2, 5, b)], isOld: true, expected: b })),
    fc.tuple(float, double).map(([a, b]) => ({
      fields: [
        field(8, 2, tensor({ dtype: 'float', values: [a], as: 'content' })),
        field(8, 2, tensor({ dtype: 'double', values: [b], as: 'content' })),
      ],
      isOld: false,
      expected: b,
    })),
    // No scalars.
    fc.constant({ fields: [field(8, 2, tensor({ dtype: 'float', shape: [2], values: [1, 2] }))], isOld: false, expected: undefined }),
    fc.constant({ fields: [field(8, 2, tensor({ dtype: 'string', values: ['x'] }))], isOld: false, expected: undefined }),
    fc.constant({ fields: [field(8, 2, tensor({ dtype: 'float', shape: [0], values: [] }))], isOld: false, expected: undefined }),
    // Unknown fields next to the number.
    simple.map((body) => ({ ...body, fields: [...body.fields, field(33, 2, 'later')] })),
    simple.map((body) => ({ ...body, fields: [field(33, 0, 300), ...body.fields] })),
    // Lists and contents that are empty, with other fields behind them: as long as a number would be.
    fc.constantFrom(0x2a, 0x22).map((key) => ({
      fields: [field(8, 2, Uint8Array.of(0x08, 1, key, 0, 0x18, 1, 0x18, 1))],
      isOld: false,
      expected: 0,
    })),
    fc.constantFrom(0x32, 0x22).map((key) => ({
      fields: [field(8, 2, Uint8Array.of(0x08, 2, key, 0, 0x18, 1, 0x18, 1, 0x18, 1, 0x18, 1))],
      isOld: false,
      expected: 0,
    })),
    // An empty list stands for zero.
    fc.constant({ fields: [field(8, 2, tensor({ dtype: 'float', values: [] }))], isOld: false, expected: 0 }),
  );

  const drawnValue: fc.Arbitrary<DrawnValue> = fc
    .record({
      tag: fc.constantFrom(...SCALAR_TAGS),
      body: fc.oneof(
        { arbitrary: simple, weight: 4 },
        { arbitrary: commonTensor, weight: 4 },
        { arbitrary: tensorBody, weight: 3 },
        { arbitrary: unusual, weight: 2 },
      ),
      meta: fc.constantFrom(0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6),
      twice: fc.constantFrom(...Array<string>(10).fill(''), 'tag', 'meta'),
      node: fc.constantFrom(...Array<string>(6).fill(''), 'tag', 'tag', 'other', 'twice'),
      metaFirst: fc.boolean(),
    })
    .map(({ tag, body: { fields: number, isOld, expected }, meta, twice, node, metaFirst }) => {
      const nodes = { tag: [tag], other: [`${tag}:0`], twice: [tag, tag] }[node] ?? [];
      const body = { fields: [...number, ...nodes.map((name) => field(7, 2, name))], isOld, expected };
      const message = METADATA[meta]!;
      const metas = message === null ? [] : [field(9, 2, message), ...(twice === 'meta' ? [field(9, 2, message)] : [])];
      const fields = [
        ...(twice === 'tag' ? [field(1, 2, tag)] : []),
        ...(metaFirst ? [...metas, ...body.fields] : [...body.fields, ...metas]),
      ];
      return {
        tag,
        bytes: value(twice === 'tag' ? 'another' : tag, fields),
        plugin: body.isOld ? 'scalars' : PLUGIN_OF[meta]!,
        expected: body.expected,
      };
    });

  const step = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: -5, max: 5 }),
    fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 48, 2 ** 49 - 1, 2 ** 49, 2 ** 49 + 1, 2 ** 53 - 1, -(2 ** 53) + 1),
    fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)),
  );
  const wallTime = fc.oneof(
    fc.double({ min: 1.6e9, max: 1.8e9, noNaN: true }),
    fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, -1, 1e300),
  );

  /** What most records are: a few known tags, one number each. */
  const commonValue: fc.Arbitrary<DrawnValue> = fc
    .record({
      tag: fc.constantFrom('loss', 'acc', 'm'.repeat(128)),
      body: fc.oneof(simple, commonTensor),
      isTold: fc.boolean(),
      isNamed: fc.constantFrom(false, false, true),
      told: fc.constantFrom(SCALARS, SCALARS, LONG),
    })
    .map(({ tag, body, isTold, isNamed, told }) => ({
      tag,
      bytes: value(tag, isNamed ? [...body.fields, field(7, 2, tag)] : body.fields, isTold || !body.isOld ? told : null),
      plugin: 'scalars',
      expected: body.expected,
    }));

  /** An event in one of several legal layouts. */
  const drawnEvent = fc
    .record({
      step,
      wallTime,
      values: fc.oneof(
        { arbitrary: fc.array(commonValue, { maxLength: 5 }), weight: 3 },
        { arbitrary: fc.array(drawnValue, { maxLength: 5 }), weight: 2 },
      ),
      layout: fc.constantFrom(
        'plain',
        'plain',
        'plain',
        'plain',
        'plain',
        'swapped',
        'unknown first',
        'unknown last',
        'in two',
        'unknown within',
        'step twice',
        'zeros',
      ),
    })
    .map((drawn) => {
      const summary = (values: readonly DrawnValue[], ...more: Uint8Array[]): Uint8Array =>
        field(5, 2, '', ...values.map(({ bytes }) => field(1, 2, bytes)), ...more);
      const isZero = drawn.layout !== 'zeros' && Object.is(drawn.wallTime, 0);
      const time = isZero ? [] : [field(1, 1, drawn.wallTime)];
      const steps = BigInt(drawn.step) === 0n && drawn.layout !== 'zeros' ? [] : [field(2, 0, drawn.step)];
      const { values } = drawn;
      const parts: { readonly [layout: string]: readonly Uint8Array[] } = {
        swapped: [...steps, summary(values), ...time],
        'unknown first': [field(60, 1, 5), ...time, ...steps, summary(values)],
        'unknown last': [...time, ...steps, summary(values), field(61, 2, 'more')],
        'in two': [...time, ...steps, summary(values.slice(0, 1)), summary(values.slice(1))],
        'unknown within': [...time, ...steps, summary(values, field(9, 2, 'later'))],
        'step twice': [...time, field(2, 0, 77), field(2, 0, drawn.step), summary(values)],
      };
      return { ...drawn, data: concat(...(parts[drawn.layout] ?? [...time, ...steps, summary(values)])) };
    });

  describe('for generated files', () => {
    test('the scanner and the protobuf types agree, and return the written values', () => {
      const layoutsSeen = new Set<string>();
      fc.assert(
        fc.property(
          fc.array(drawnEvent, { minLength: 1, maxLength: 25 }),
          fc.integer({ min: 1, max: 40 }),
          fc.integer({ min: 1, max: 9 }),
          (events, width, batchPoints) => {
            for (const { layout } of events) layoutsSeen.add(layout);
            const bytes = eventFile(...events.map(({ data }) => data));
            const slowRun = newRun();
            const slow = decodeSlowly(bytes, { run: slowRun });
            const fast = decodeBytes(bytes);
            expect(fast.damage).toEqual([]);
            expect(contentsOf(fast.batches, fast.series)).toEqual(slow);
            const script = { cuts: Array.from({ length: bytes.length / width + 1 }, (_, i) => i * width), batchPoints };
            const pieces = decodeBytes(bytes, script);
            expect(contentsOf(pieces.batches, pieces.series)).toEqual(slow);
            expect(fast.series).toEqual(slowRun.catalogue.series);
            expect(pieces.series).toEqual(slowRun.catalogue.series);
            expect(withoutPlace(slow.scalars)).toEqual(written(events, fast.series));
          },
        ),
        { numRuns: 400 },
      );
      expect(layoutsSeen.size).toBeGreaterThan(6);
    });

    test('the scanner accepts only what the protobuf types accept, with wrong bytes at any place of a message', () => {
      const wrong = fc.record({
        at: fc.nat(),
        byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 0x0a, 0x15, 0x2a, 0x42, 0x4a)),
        kind: fc.constantFrom('set', 'insert', 'remove'),
      });
      const common = fc.record({
        step,
        wallTime,
        values: fc.array(commonValue, { minLength: 1, maxLength: 4 }),
        wrong: fc.array(wrong, { maxLength: 2 }),
      });
      let sound = 0;
      let bad = 0;
      fc.assert(
        fc.property(fc.array(common, { minLength: 5, maxLength: 30 }), (events) => {
          const data = events.map((drawn) => {
            const bytes = [
              ...field(1, 1, drawn.wallTime),
              ...field(2, 0, drawn.step),
              ...field(5, 2, '', ...drawn.values.map((one) => field(1, 2, one.bytes))),
            ];
            for (const { at, byte, kind } of drawn.wrong)
              bytes.splice(at % bytes.length, kind === 'insert' ? 0 : 1, ...(kind === 'remove' ? [] : [byte]));
            return Uint8Array.from(bytes);
          });
          const bytes = eventFile(...data);
          const run = newRun();
          const slow = decodeSlowly(bytes, { run });
          const fast = decodeBytes(bytes);
          expect(contentsOf(fast.batches, fast.series)).toEqual(slow);
          expect(fast.series).toEqual(run.catalogue.series);
          sound += fast.decoder.records - 1;
          bad += fast.damage.length;
        }),
        { numRuns: 1500 },
      );
      expect(sound).toBeGreaterThan(1000);
      expect(bad).toBeGreaterThan(1000);
    });

    test('the scanner does not read a number from a value that has none', () => {
      const event = (step: number, fields: readonly Uint8Array[]): Uint8Array =>
        concat(field(1, 1, 1), field(2, 0, step), field(5, 2, field(1, 2, value('loss', fields, SCALARS))));
      const bytes = eventFile(event(1, [field(2, 5, 1)]), event(2, [field(2, 5, 2)]), event(3, []), event(4, [field(2, 5, 4)]));
      const fast = decodeBytes(bytes);
      expect(contentsOf(fast.batches, fast.series)).toEqual(decodeSlowly(bytes));
      expect(fast.batches[0]?.objects).toMatchObject([{ step: 3, form: 'none' }]);
    });

    test('the scanner does not treat half of the known metadata as the whole', () => {
      const event = (step: number, meta: Uint8Array): Uint8Array =>
        concat(field(1, 1, 1), field(2, 0, step), field(5, 2, field(1, 2, value('loss', [field(2, 5, step)], meta))));
      for (let length = 1; length < SCALARS.length; length++) {
        const bytes = eventFile(event(1, SCALARS), event(2, SCALARS), event(3, SCALARS.subarray(0, length)), event(4, SCALARS));
        const fast = decodeBytes(bytes);
        expect(contentsOf(fast.batches, fast.series)).toEqual(decodeSlowly(bytes));
        expect(fast.batches[0]?.scalars.count).toBe(4 - fast.damage.length);
      }
    });
  });

  describe('the scanner alone reads', () => {
    const event = (step: number, fields: readonly Uint8Array[], meta: Uint8Array | null = null): Uint8Array =>
      concat(field(1, 1, 1), field(2, 0, step), field(5, 2, field(1, 2, value('loss', fields, meta))));

    /** How many of a file's records the scanner reads from the first value on. */
    function scanned(...events: readonly Uint8Array[]): number {
      const run = newRun();
      const [first, ...rest] = events;
      decodeBytes(eventFile(first!), { run });
      const bytes = concat(...rest.map(frame));
      const memory = kind === 'plain' ? undefined : scanWindow();
      memory?.set(bytes);
      const buffer = memory ?? bytes;
      const scanner = kind === 'plain' ? new ScalarScanner() : new CompiledScanner();
      scanner.scan(buffer, new DataView(buffer.buffer, buffer.byteOffset), 0, bytes.length, 0, run.tags, new ColumnWriter(64));
      return scanner.records;
    }

    test('values whose node name is their tag, as CatBoost writes them, and no other node name', () => {
      const named = (step: number, name: string | Uint8Array) => event(step, [field(2, 5, step), field(7, 2, name)]);
      expect(scanned(named(1, 'loss'), named(2, 'loss'), named(3, 'loss'))).toBe(2);
      expect(scanned(named(1, 'loss'), named(2, 'loss'), named(3, 'los'))).toBe(1);
      expect(scanned(named(1, 'loss'), named(2, 'loss'), named(3, Uint8Array.of(0x6c, 0xff, 0x73, 0x73)))).toBe(1);
    });

    test('values with a long description each', () => {
      for (const length of [100, 120, 128, 200, 900]) {
        const told = metadata({ plugin: 'scalars', description: 'd'.repeat(length) });
        const other = metadata({ plugin: 'scalars', description: `${'d'.repeat(length - 1)}e` });
        expect(scanned(event(1, [field(2, 5, 1)], told), event(2, [field(2, 5, 2)], told), event(3, [field(2, 5, 3)], other))).toBe(1);
      }
    });

    test.each(NUMBER_TYPES)('tensors of %s in each encoding', (dtype) => {
      for (const as of ['packed', 'list', 'content'] as const) {
        for (const shape of [null, []]) {
          const of = (step: number) => event(step, [field(8, 2, tensor({ dtype, values: [step], as, shape }))], SCALARS);
          expect(scanned(of(1), of(1), of(0), of(1))).toBe(3);
        }
      }
    });

    test('no integer that a double cannot hold, and none that is written in more bytes than it may have', () => {
      const whole = (dtype: Dtype, x: bigint) => event(1, [field(8, 2, tensor({ dtype, values: [x] }))], SCALARS);
      const first = whole('int64', 1n);
      const safe = 2n ** 53n - 1n;
      expect(scanned(first, whole('int64', safe), whole('int64', -safe), whole('uint64', safe))).toBe(3);
      for (const [dtype, x] of [
        ['int64', safe + 1n],
        ['int64', -safe - 1n],
        ['uint64', safe + 1n],
        ['uint64', 2n ** 64n - 1n],
      ] as const) {
        expect(scanned(first, whole(dtype, x))).toBe(0);
      }
      const raw = (...list: readonly number[]) => event(1, [field(8, 2, Uint8Array.of(0x08, 9, 0x52, list.length, ...list))], SCALARS);
      expect(scanned(first, raw(...Array<number>(9).fill(0xff), 1))).toBe(1);
      expect(scanned(first, raw(...Array<number>(9).fill(0xff), 2))).toBe(0);
      expect(scanned(first, raw(...Array<number>(10).fill(0x80), 0))).toBe(0);
      expect(scanned(first, raw(1, 2))).toBe(0);
      expect(scanned(first, raw(0x81, 0))).toBe(1);
    });

    test('steps below 2^49 and no others', () => {
      const at = (step: number | bigint): Uint8Array =>
        concat(field(1, 1, 1), field(2, 0, step), field(5, 2, field(1, 2, value('loss', [field(2, 5, 1)]))));
      expect(scanned(at(1), at(0), at(2 ** 31 - 1), at(2 ** 31), at(2 ** 32 - 1), at(2 ** 32), at(2 ** 49 - 1))).toBe(6);
      for (const step of [2 ** 49, -1, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)]) expect(scanned(at(1), at(step))).toBe(0);
    });
  });

  function withoutPlace(points: readonly string[]): string[] {
    return points.map((point) => point.replace(/@\d+ \d+ /, ''));
  }

  /** The scalar points that have to come out: a tag's first value says whether it is one of scalars. */
  function written(
    events: readonly { readonly step: number | bigint; readonly wallTime: number; readonly values: readonly DrawnValue[] }[],
    series: readonly Series[],
  ): string[] {
    const plugins = new Map<string, string>();
    const points: string[] = [];
    for (const { step: at, wallTime: time, values } of events) {
      for (const [index, { tag, plugin, expected }] of values.entries()) {
        if (!plugins.has(tag)) plugins.set(tag, plugin);
        if (plugins.get(tag) !== 'scalars' || expected === undefined) continue;
        points.push(`${JSON.stringify(tag)} ${exact(narrow(BigInt(at)))} ${exact(time)} ${exact(expected)} #${index}`);
      }
    }
    expect(series.map(({ tag, plugin }) => [tag, plugin])).toEqual([...plugins]);
    return points;
  }
});
