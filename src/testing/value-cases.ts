import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { HeldPoint } from '../contract/index.ts';
import { contractCase } from './bench.ts';
import type { CaseContext, SuiteOptions } from './case-context.ts';
import {
  audioTensor,
  event,
  float64,
  histo,
  histogramTensor,
  hparamsSessionStart,
  image,
  imageTensor,
  layout,
  mesh,
  metadata,
  plainTensor,
  prCurve,
  simpleValue,
  tensorScalar,
  text,
} from './events/index.ts';
import { HOSTILE_NAMES } from './hostile-names.ts';
import { GrowingRun, pointsOf, runFolders } from './parcels.ts';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

const T = 1_700_000_000;

/** Registers the cases about the content of a point: numbers, times, steps, names, kinds. */
export function valueCases(context: CaseContext, { logs }: SuiteOptions): void {
  contractCase(context, 'gives back every scalar as it holds it', async (bench) => {
    const run = bench.run();
    const events = Array.from({ length: 500 }, (_, i) =>
      event({ wallTime: T + i / 7, step: i, summary: [simpleValue('loss', 1 / (i + 1)), tensorScalar('accuracy', Math.sin(i), 'double')] }),
    );
    const { ledger } = await bench.mirror(run, run.append(events));
    assert.deepEqual(ledger.refusals, []);
  });

  contractCase(context, 'holds numbers of every size', async (bench) => {
    const values = [
      0,
      1,
      -1,
      0.1,
      1 / 3,
      5e-324,
      2.2250738585072014e-308,
      1e308,
      -1e308,
      1.7976931348623157e308,
      2 ** 53,
      2 ** 60,
      1e21,
      1e-7,
    ];
    const run = bench.run();
    const events = values.map((x, i) => event({ wallTime: T + i, step: i, summary: [tensorScalar('value', x, 'double')] }));
    const { ledger } = await bench.mirror(run, run.append(events));
    assert.deepEqual(ledger.refusals, []);
  });

  contractCase(context, 'takes NaN, infinities and negative zero', async (bench) => {
    const run = bench.run();
    const values = [NaN, Infinity, -Infinity, -0, 0, NaN, 1.5];
    const events = values.map((x, i) =>
      event({ wallTime: T + i, step: i, summary: [simpleValue('odd', x), tensorScalar('odd64', x, 'double')] }),
    );
    await bench.mirror(run, run.append(events));
  });

  contractCase(context, 'takes wall times that are no time', async (bench) => {
    const run = bench.run();
    const odd = [NaN, Infinity, -Infinity, -1, -1e12, -0, 0, 1e-9, 0.0004, 0.0005, 1e15, 1e17, 1e300];
    const times = [...odd, T + 0.123456, T + 0.1234567, T + 0.9999, T, T - 1e6];
    const events = times.map((wallTime, i) =>
      event({ wallTime: float64(wallTime), step: i, summary: [simpleValue('at', i), text('note', `at ${i}`)] }),
    );
    const drafts = run.append(events);
    assert.equal(drafts.flatMap(pointsOf).length, 2 * times.length);
    await bench.mirror(run, drafts);
  });

  contractCase(context, 'keeps points of one step apart', async (bench) => {
    const run = bench.run();
    const events = [];
    for (let i = 0; i < 20; i++) {
      events.push(event({ wallTime: T + i, step: 7, summary: [simpleValue('epoch', i)] }));
      events.push(event({ wallTime: T, summary: [simpleValue('stepless', i % 3), simpleValue('stepless', i % 3)] }));
    }
    await bench.mirror(run, run.append(events));
  });

  contractCase(context, 'keeps steps of all 64 bits', async (bench) => {
    const run = bench.run();
    const steps = [
      0n,
      1n,
      -1n,
      2n ** 31n,
      -(2n ** 31n),
      2n ** 53n - 1n,
      2n ** 53n,
      2n ** 53n + 1n,
      -(2n ** 53n) - 1n,
      2n ** 63n - 1n,
      2n ** 63n - 2n,
      -(2n ** 63n),
    ];
    const events = steps.map((step, i) =>
      event({ wallTime: T + i, step, summary: [simpleValue('wide', i), text('wide text', `${step}`)] }),
    );
    await bench.mirror(run, run.append(events));
  });

  contractCase(context, 'changes numbers only as its capabilities say', async (bench) => {
    const backend = await bench.connect();
    const { keeps } = backend.describe();
    const plain = { step: 3, wallTime: T + 0.125, value: 0.1 };
    const cases: readonly (readonly [isKept: boolean, point: HeldPoint])[] = [
      [true, plain],
      [true, { ...plain, step: -1, value: -1.7976931348623157e308 }],
      [true, { ...plain, value: 5e-324 }],
      [keeps.step, { ...plain, step: 2n ** 63n - 1n }],
      [keeps.wallTime, { ...plain, wallTime: T + 0.1234567 }],
      [keeps.nan, { ...plain, value: NaN }],
      [keeps.negativeZero, { ...plain, value: -0 }],
    ];
    for (const [isKept, point] of cases) {
      if (!isKept || backend.asHeld === undefined) continue;
      const { step, wallTime, value } = backend.asHeld('loss', 'scalars', point) ?? {};
      assert.deepEqual({ step, wallTime, value }, point);
    }
  });

  contractCase(context, 'has an outcome for an unknown kind', async (bench) => {
    const run = bench.run();
    const strange = metadata({ plugin: 'somebodys/own "plugin"', content: new Uint8Array([1, 2, 3]) });
    const events = [
      event({ wallTime: T, step: 1, summary: [plainTensor('strange', { dtype: 'float', shape: [3], values: [1, 2, 3] }, strange)] }),
      event({ wallTime: T, step: 1, summary: [plainTensor('nameless', { dtype: 'string', values: ['x'] }), simpleValue('loss', 1)] }),
      event({ wallTime: T, step: 2, summary: [plainTensor('strange', { dtype: 'int64', shape: [2], values: [2n ** 60n, -1] })] }),
    ];
    const drafts = run.append(events);
    const { backend, ledger } = await bench.mirror(run, drafts);
    const isHeld = backend.describe().holds['other'] !== 'none';
    assert.deepEqual(
      ledger.refusals.map(({ kind }) => kind),
      isHeld ? [] : ['unsupported', 'unsupported', 'unsupported'],
    );
  });

  contractCase(context, 'holds a point of every kind, or says that it has no place for it', async (bench) => {
    const run = bench.run();
    const wav = new Uint8Array(44).fill(1);
    const summary = [
      simpleValue('scalar', 1.5),
      histogramTensor('histogram', [[0, 1, 2]]),
      histo('old histogram', { min: 0, max: 2, num: 3, sum: 4, sumSquares: 6, limits: [1, 2], counts: [1, 2] }),
      imageTensor('images', { width: 1, height: 1, images: [PNG, PNG] }),
      image('old image', { width: 1, height: 1, encoded: PNG }),
      audioTensor('audio', [{ encoded: wav, label: 'one' }]),
      text('text', ['# title', 'two']),
      prCurve('curve', [[1], [2], [3], [4], [0.5], [0.25]]),
      ...mesh('mesh', {
        vertices: [
          [
            [0, 0, 0],
            [1, 0, 0],
            [0, 1, 0],
          ],
        ],
        faces: [[[0, 1, 2]]],
      }), // prettier-ignore
      layout([{ title: 'both', charts: [{ title: 'scalars', tags: ['scalar'] }] }]),
      plainTensor('large tensor', { dtype: 'float', shape: [300], values: Array.from({ length: 300 }, (_, i) => i / 7) }),
    ];
    const drafts = run.append([
      event({ wallTime: T, step: 1, summary }),
      event({ wallTime: T, step: 2, summary: [hparamsSessionStart({ lr: 0.1, name: 'a' })] }),
      event({ wallTime: T, step: 3, graphDef: new Uint8Array([10, 3, 10, 1, 97]) }),
    ]);
    const plugins = new Map(drafts.flatMap(pointsOf).map(({ offset, index, plugin }) => [`${offset}/${index}`, plugin]));
    assert.ok(plugins.size >= summary.length + 2, 'each value is a point');
    const { backend, ledger } = await bench.mirror(run, drafts);
    const { holds } = backend.describe();
    for (const { offset, index, kind } of ledger.refusals) {
      const plugin = plugins.get(`${offset}/${index}`)!;
      assert.deepEqual([plugin, kind, holds[plugin] ?? holds['other']], [plugin, 'unsupported', 'none']);
    }
  });

  contractCase(context, 'takes every kind at hostile names, each under its own', async (bench) => {
    const run = bench.run();
    const kinds = [
      (tag: string, i: number) => simpleValue(tag, i),
      (tag: string, i: number) => text(tag, `text ${i}`),
      (tag: string) => imageTensor(tag, { width: 1, height: 1, images: [PNG] }),
      (tag: string, i: number) => histogramTensor(tag, [[0, 1, i]]),
    ];
    const drafts = run.append(
      HOSTILE_NAMES.flatMap((tag, i) => [1, 2].map((step) => event({ wallTime: T + i, step, summary: [kinds[i % 4]!(tag, i)] }))),
    );
    const { ledger } = await bench.mirror(run, drafts);
    assert.deepEqual(
      ledger.refusals.filter(({ kind }) => kind === 'refused'),
      [],
    );
  });

  contractCase(context, 'takes scalars at hostile names, each under its own', async (bench) => {
    const run = bench.run();
    const drafts = run.append(HOSTILE_NAMES.map((tag, i) => event({ wallTime: T + i, step: i, summary: [simpleValue(tag, i)] })));
    const { ledger } = await bench.mirror(run, drafts);
    assert.deepEqual(ledger.refusals, []);
  });

  contractCase(context, 'takes hostile texts, hyperparameters and long values', async (bench) => {
    const run = bench.run();
    const hparams = Object.fromEntries(HOSTILE_NAMES.map((name, i) => [name, i % 2 === 0 ? i : name]));
    const drafts = run.append([
      event({ wallTime: T, summary: [hparamsSessionStart({ ...hparams, long: 'y'.repeat(20_000), lr: 0.1, on: true, nan: NaN })] }),
      event({ wallTime: T, step: 1, summary: [text('long', '長'.repeat(100_000)), text('many', HOSTILE_NAMES)] }),
      event({ wallTime: T, step: 2, summary: [text('binary', [new Uint8Array([0xff, 0xfe, 0])]), text('long', '')] }),
      event({
        wallTime: T,
        step: 3,
        summary: [
          prCurve('curve', [
            [1, 2],
            [3, 4],
            [5, 6],
            [7, 8],
            [NaN, 1],
            [0, 1],
          ]),
        ],
      }),
    ]);
    await bench.mirror(run, drafts);
  });

  contractCase(context, 'takes a record that is larger than any bound', async (bench) => {
    const run = bench.run();
    const summary = Array.from({ length: 2500 }, (_, i) => simpleValue(`wide/${i}`, i));
    const { ledger } = await bench.mirror(run, run.append([event({ wallTime: T, step: 1, summary })]));
    assert.deepEqual(ledger.refusals, []);
  });

  for (const name of logs === undefined ? [] : readdirSync(logs)) {
    contractCase(context, `mirrors the sample logs: ${name}`, async (bench) => {
      const backend = await bench.connect();
      const sample = join(logs!, name);
      for (const folder of runFolders(sample)) {
        const run = bench.keep(GrowingRun.copyOf(join(sample, folder), folder === '.' ? name : `${name}/${folder}`));
        const drafts = run.read();
        const delivery = await bench.delivery(run.source(), undefined, backend);
        await delivery.deliver(drafts);
        await bench.expectHeld(delivery, drafts);
        assert.deepEqual(
          delivery.ledger.refusals.filter(({ kind }) => kind === 'refused'),
          [],
        );
        const { holds, keeps } = backend.describe();
        const points = new Map(drafts.flatMap(pointsOf).map((point) => [`${point.file}/${point.offset}/${point.index}`, point]));
        for (const { file, offset, index } of delivery.ledger.refusals) {
          const { plugin, value } = points.get(`${file}/${offset}/${index}`)!;
          if (!keeps.nan && Number.isNaN(value)) continue;
          // A value that is not a scalar, in a series of scalars, is held as tensors are, or not at all.
          const kind = plugin === 'scalars' && typeof value === 'string' ? 'other' : plugin;
          assert.deepEqual([kind, holds[kind] ?? holds['other']], [kind, 'none']);
        }
      }
    });
  }
}
