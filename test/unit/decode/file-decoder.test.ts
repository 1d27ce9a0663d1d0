import { describe, expect, test } from '@jest/globals';
import { type Batch, pointCount } from '../../../src/model/index.ts';
import {
  concat,
  event,
  eventFile,
  field,
  frame,
  histo,
  image,
  metadata,
  simpleValue,
  stringTensor,
  tensorScalar,
  text,
  value,
  versionEvent,
} from '../../support/event-writer.ts';
import { contentsOf, decodeBytes, decodeSlowly, newRun } from '../../support/scripted-window.ts';

const HISTO = { min: -1, max: 2, num: 3, sum: 2, sumSquares: 5, limits: [0, 1, 1.797e308], counts: [1, 0, 2] };

/** A bit of everything: both paths in turn, empty records, several values an event, marks, objects. */
const MIXED: readonly Uint8Array[] = [
  event({ wallTime: 1.5, step: 1, summary: [simpleValue('loss', 0.5)] }),
  event({ wallTime: 2.5, step: 2, summary: [simpleValue('loss', 0.25), simpleValue('acc', 0.75)] }),
  event({ wallTime: 3.5, step: 300, summary: [simpleValue('acc', 1), simpleValue('loss', Number.NaN), simpleValue('loss', -0)] }),
  event({ wallTime: 3.5, sessionLog: { status: 'start' } }),
  new Uint8Array(0),
  event({ wallTime: 4, step: -7, summary: [simpleValue('loss', 3)] }),
  event({ wallTime: 4, step: 8, summary: [tensorScalar('t', 1.25, 'double')] }),
  event({ wallTime: 5, step: 9, summary: [tensorScalar('t', 1.5, 'double', { meta: null }), simpleValue('loss', 2)] }),
  event({ wallTime: 6, step: 10, summary: [histo('h', HISTO), simpleValue('loss', 9)] }),
  event({ wallTime: 7, step: 2 ** 40, summary: [simpleValue('loss', 10), text('note', 'a **b**'), simpleValue('acc', 11)] }),
  event({ wallTime: 8, step: 12, summary: [] }),
  event({ wallTime: 9, graphDef: Uint8Array.of(1, 2, 3) }),
  event({ wallTime: 10, step: 13, summary: [image('img', { width: 1, height: 1, encoded: Uint8Array.of(0x89, 0x50) })] }),
  event({ wallTime: 11, step: 14, summary: [simpleValue('loss', 12)] }),
];
const FILE = eventFile(...MIXED);

function ranges(batches: readonly Batch[]): [number, number, number][] {
  return batches.map(({ start, end, records }) => [start, end, records]);
}

describe('FileDecoder', () => {
  test('reads records given as literal bytes', () => {
    // tensorboardX 2.6: the version and two values of batch/loss, of test/logs/tbx_docs_training_loop; 32 bytes a line.
    const bytes = new Uint8Array(
      Buffer.from(
        `
        1800000000000000a37f4b220929c3f6d8a9c0da411a0d627261696e2e457665
        6e743a32de7c9af01e00000000000000d9dc12320959d9f6d8a9c0da412a130a
        110a0a62617463682f6c6f73731545cf2040eab1fb91200000000000000029ed
        a9500969e8f6d8a9c0da4110012a130a110a0a62617463682f6c6f737315e4fc
        1e40dff12adf
        `.replace(/\s/g, ''),
        'hex',
      ),
    );
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { batches, series, damage, decoder } = decodeBytes(bytes, { cuts: [cut] });
      expect(damage).toEqual([]);
      expect(series).toMatchObject([
        { id: 0, tag: 'batch/loss', plugin: 'scalars', dataClass: 'scalar', form: 'simple_value', firstOffset: 40 },
      ]);
      // TensorBoard's own numbers, from the truth of that directory.
      expect(contentsOf(batches, series).scalars).toEqual([
        `"batch/loss" 0 1795336035.8570158 2.512650728225708 @40 ${0x91fbb1ea} #0`,
        `"batch/loss" 1 1795336035.8579352 2.484185218811035 @86 ${0xdf2af1df} #0`,
      ]);
      expect(decoder.head).toEqual({ fileVersion: 'brain.Event:2', firstWallTime: 1795336035.8556616 });
    }
  });

  test('returns the same batches if a window ends at any byte', () => {
    const whole = decodeBytes(FILE);
    const expected = contentsOf(whole.batches, whole.series);
    expect(expected.scalars).toHaveLength(14);
    expect(expected.objects).toHaveLength(4);
    expect(expected.marks).toHaveLength(2);
    for (let cut = 0; cut <= FILE.length; cut++) {
      const split = decodeBytes(FILE, { cuts: [cut] });
      expect([cut, contentsOf(split.batches, split.series)]).toEqual([cut, expected]);
      expect(ranges(split.batches)).toEqual(ranges(whole.batches));
      expect(split.series).toEqual(whole.series);
      expect(split.damage).toEqual([]);
      expect(split.decoder.records).toBe(MIXED.length + 1);
    }
  });

  test('returns the same batches if it gets no more bytes than requested', () => {
    const whole = decodeBytes(FILE);
    const scarce = decodeBytes(FILE, { cuts: Array.from(FILE, (_, i) => i) });
    expect(contentsOf(scarce.batches, scarce.series)).toEqual(contentsOf(whole.batches, whole.series));
    expect(scarce.calls).toBeGreaterThan(MIXED.length);
  });

  test.each([1, 2, 3, 5, 100])('returns the same points in batches of %d, and never half a record', (batchPoints) => {
    const whole = decodeBytes(FILE);
    const small = decodeBytes(FILE, { batchPoints });
    expect(contentsOf(small.batches, small.series)).toEqual(contentsOf(whole.batches, whole.series));
    let at = 0;
    for (const batch of small.batches) {
      expect(batch.start).toBe(at);
      at = batch.end;
      for (let row = 0; row < batch.scalars.count; row++) {
        const offset = batch.scalars.offset[row]!;
        expect(offset >= batch.start && offset < batch.end).toBe(true);
      }
      for (const { offset } of [...batch.objects, ...batch.marks]) expect(offset >= batch.start && offset < batch.end).toBe(true);
    }
    expect(at).toBe(FILE.length);
    expect(small.batches.reduce((sum, { records }) => sum + records, 0)).toBe(MIXED.length + 1);
    expect(small.batches.flatMap(({ newSeries }) => newSeries)).toEqual(whole.series);
  });

  test('ends a batch with the record that fills it', () => {
    const pair = event({ wallTime: 1, step: 1, summary: [simpleValue('a', 1), simpleValue('b', 2)] });
    // A step that the scanner leaves to the event reader.
    const slowPair = event({ wallTime: 1, step: -1, summary: [simpleValue('a', 1), simpleValue('b', 2)] });
    const five = event({ wallTime: 1, step: 2, summary: ['a', 'b', 'a', 'b', 'a'].map((tag) => simpleValue(tag, 3)) });
    const bytes = eventFile(pair, pair, pair, five, slowPair, pair, slowPair, slowPair, pair);
    const { batches } = decodeBytes(bytes, { batchPoints: 3 });
    for (const { scalars } of batches) {
      const last = scalars.offset[scalars.count - 1];
      expect(scalars.offset.subarray(0, scalars.count).filter((offset) => offset !== last).length).toBeLessThan(3);
    }
    expect(batches.reduce((sum, batch) => sum + pointCount(batch), 0)).toBe(21);
  });

  test('keeps all values if one record has more than the first columns hold', () => {
    const many = Array.from({ length: 3000 }, (_, i) => simpleValue(`tag${i % 700}`, i));
    const bytes = eventFile(
      ...MIXED.slice(0, 2),
      event({ wallTime: 1, step: 5, summary: many }),
      event({ wallTime: 1, step: 6, summary: many }),
      ...MIXED,
    );
    const { batches, series } = decodeBytes(bytes);
    expect(contentsOf(batches, series)).toEqual(decodeSlowly(bytes));
    expect(batches.reduce((sum, batch) => sum + batch.scalars.count, 0)).toBe(6000 + 3 + 14);
  });

  test('keeps thousands of scalars of one batch', () => {
    const events = Array.from({ length: 5000 }, (_, i) =>
      event({ wallTime: i / 8, step: i, summary: [simpleValue(`tag${i % 20}`, i / 4)] }),
    );
    const bytes = eventFile(...events);
    const { batches, series } = decodeBytes(bytes);
    expect(batches).toHaveLength(1);
    expect(contentsOf(batches, series)).toEqual(decodeSlowly(bytes));
  });

  test('returns columns that later batches do not overwrite', () => {
    const { batches, series } = decodeBytes(FILE, { batchPoints: 2 });
    const again = decodeBytes(FILE, { batchPoints: 2 });
    expect(contentsOf(batches.slice(0, 2), series)).toEqual(contentsOf(again.batches.slice(0, 2), again.series));
    expect(batches[0]?.scalars.series.buffer).not.toBe(batches[1]?.scalars.series.buffer);
  });

  test('resumes from a position with its knowledge of the run', () => {
    const run = newRun();
    const half = MIXED.slice(0, 6).reduce((sum, data) => sum + 16 + data.length, 16 + versionEvent().length);
    const first = decodeBytes(FILE.subarray(0, half), { run });
    expect(first.decoder.watermark).toBe(half);
    const second = decodeBytes(FILE, { run, start: half });
    expect(second.batches[0]?.start).toBe(half);
    const whole = decodeBytes(FILE);
    expect(contentsOf([...first.batches, ...second.batches], run.catalogue.series)).toEqual(contentsOf(whole.batches, whole.series));
    expect(second.batches.flatMap(({ newSeries }) => newSeries.map(({ tag }) => tag))).toEqual(['t', 'h', 'note', '__run_graph__', 'img']);
  });

  test('remembers the first and the last valid record, and the head', () => {
    const bytes = concat(FILE, frame(event({ wallTime: 1, sourceWriter: 'tensorboardX' })));
    const { decoder } = decodeBytes(bytes);
    const view = new DataView(bytes.buffer);
    const versionLength = versionEvent().length;
    expect(decoder.guard.first).toEqual({ offset: 0, length: versionLength, checksum: view.getUint32(12 + versionLength, true) });
    expect(decoder.guard.last).toEqual({
      offset: FILE.length,
      length: bytes.length - FILE.length - 16,
      checksum: view.getUint32(bytes.length - 4, true),
    });
    expect(decoder.head).toEqual({ fileVersion: 'brain.Event:2', writer: 'tensorboardX', firstWallTime: 1_700_000_000 });
  });

  test('remembers the first record of a file without a version, whose series are known', () => {
    const run = newRun();
    decodeBytes(FILE, { run });
    const records = [20, 21, 22].map((step) => frame(event({ wallTime: step, step, summary: [simpleValue('loss', step)] })));
    const { decoder } = decodeBytes(concat(...records), { run });
    const [first = new Uint8Array(0)] = records;
    const checksum = new DataView(first.buffer, first.byteOffset).getUint32(first.length - 4, true);
    expect(decoder.guard.first).toEqual({ offset: 0, length: first.length - 16, checksum });
  });

  test('reads an empty record as an event without content', () => {
    const { batches } = decodeBytes(frame(new Uint8Array(0)));
    expect(batches[0]?.marks).toMatchObject([{ kind: 'empty', step: 0, wallTime: 0, offset: 0, payload: new Uint8Array(0) }]);
  });

  test('ends at once in an empty file', () => {
    const { batches, damage } = decodeBytes(new Uint8Array(0));
    expect(ranges(batches)).toEqual([[0, 0, 0]]);
    expect(damage).toEqual([]);
  });

  test('cuts a batch after the record that fills its payloads up to 1 MiB', () => {
    const blob = new Uint8Array(400 << 10).fill(65);
    const bytes = eventFile(
      ...Array.from({ length: 7 }, (_, step) => event({ wallTime: 1, step, summary: [stringTensor('blob', [blob])] })),
    );
    const { batches } = decodeBytes(bytes);
    expect(batches.map(({ objects }) => objects.length)).toEqual([3, 3, 1]);
  });

  test('counts the index of a value over all values of its record, scalars or not', () => {
    const { batches } = decodeBytes(
      eventFile(
        event({ step: 1, summary: [simpleValue('a', 1), histo('h', HISTO), simpleValue('b', 1), value('none', []), simpleValue('a', 2)] }),
      ),
    );
    expect([...batches[0]!.scalars.index.subarray(0, 3)]).toEqual([0, 2, 4]);
    expect(batches[0]?.objects.map(({ index, form }) => [index, form])).toEqual([
      [1, 'histo'],
      [3, 'none'],
    ]);
  });

  test('keeps the bytes of a payload unchanged', () => {
    const raw = histo('h', HISTO);
    const payload = raw.subarray(raw.length - (raw.length - 5)); // behind tag h (3 bytes), key and length (2)
    const { batches } = decodeBytes(eventFile(event({ summary: [raw] })));
    expect(Buffer.from(batches[0]!.objects[0]!.payload)).toEqual(Buffer.from(payload));
  });

  test('keeps the metadata of the first value unchanged, with unknown fields', () => {
    const meta = concat(metadata({ plugin: 'scalars', displayName: 'Loss', description: 'd', dataClass: 'scalar' }), field(77, 2, 'later'));
    const { series } = decodeBytes(
      eventFile(event({ step: 1, summary: [simpleValue('loss', 1, meta)] }), event({ step: 2, summary: [simpleValue('loss', 1)] })),
    );
    expect(series).toHaveLength(1);
    expect(Buffer.from(series[0]!.metadata)).toEqual(Buffer.from(meta));
    expect(series[0]).toMatchObject({ displayName: 'Loss', description: 'd' });
  });

  test('keeps the plugin data of hparams as the payload', () => {
    const content = field(3, 2, field(4, 2, 'group'));
    const bytes = eventFile(event({ summary: [value('_hparams_/session_start_info', [], metadata({ plugin: 'hparams', content }))] }));
    const { batches, series } = decodeBytes(bytes);
    expect(series[0]?.plugin).toBe('hparams');
    expect(batches[0]?.objects).toMatchObject([{ form: 'content', payload: content }]);
  });

  test('creates a separate tag for graphs and run metadata', () => {
    const run = { tag: 'step 5', runMetadata: Uint8Array.of(9, 9) };
    const { batches, series } = decodeBytes(
      eventFile(event({ graphDef: Uint8Array.of(1, 2) }), event({ step: 5, taggedRunMetadata: run })),
    );
    expect(series.map(({ tag, plugin }) => [tag, plugin])).toEqual([
      ['__run_graph__', 'graphs'],
      ['step 5', 'graph_tagged_run_metadata'],
    ]);
    expect(batches[0]?.objects.map(({ form, payload }) => [form, [...payload]])).toEqual([
      ['graph_def', [1, 2]],
      ['tagged_run_metadata', [9, 9]],
    ]);
  });

  test('keeps events without a value as marks', () => {
    const bytes = eventFile(
      event({ wallTime: 1, sessionLog: { status: 'checkpoint', checkpointPath: '/p' } }),
      event({ wallTime: 2, logMessage: { level: 20, message: 'hi' } }),
      event({ wallTime: 3, metaGraphDef: Uint8Array.of(5) }),
      event({ wallTime: 4, step: 7 }),
    );
    const marks = decodeBytes(bytes).batches[0]!.marks;
    expect(marks.map(({ kind, wallTime, step }) => [kind, wallTime, step])).toEqual([
      ['session_log', 1, 0],
      ['log_message', 2, 0],
      ['meta_graph_def', 3, 0],
      ['empty', 4, 7],
    ]);
    expect([...marks[0]!.payload]).toEqual([...field(1, 0, 3), ...field(2, 2, '/p')]);
    expect([...marks[1]!.payload]).toEqual([...field(1, 0, 20), ...field(2, 2, 'hi')]);
    expect([...marks[2]!.payload]).toEqual([5]);
  });
});
