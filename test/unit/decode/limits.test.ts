import { describe, expect, test } from '@jest/globals';
import { type DecoderOptions, FileDecoder, HEADER_BYTES, maskedCrc32c, type RecordLimits } from '../../../src/decode/index.ts';
import { NO_LIMITS } from '../../../src/decode/limits.ts';
import type { Batch } from '../../../src/model/index.ts';
import { concat, event, eventFile, image, simpleValue, text } from '../../support/event-writer.ts';
import { newRun } from '../../support/scripted-window.ts';

const MIB = 2 ** 20;
const loss = (step: number): Uint8Array => event({ wallTime: step, step, summary: [simpleValue('loss', step)] });
const large = (bytes: number): Uint8Array =>
  event({ wallTime: 9, step: 9, summary: [image('img', { width: 1, height: 1, encoded: new Uint8Array(bytes).fill(7) })] });

/** Decodes in windows of just what is asked for, and notes the most that was. */
function decode(bytes: Uint8Array, limits: Partial<RecordLimits>, fileEnd = bytes.length) {
  const run = newRun();
  const options: DecoderOptions = {
    run: { root: 'logs', path: '.' },
    file: 'events.out.tfevents.1',
    generation: 0,
    ...run,
    start: 0,
    settled: true,
    limits: { ...NO_LIMITS, ...limits },
  };
  const decoder = new FileDecoder(options);
  const batches: Batch[] = [];
  let most = 0;
  let needed = 1;
  for (;;) {
    most = Math.max(most, needed);
    const from = decoder.wants;
    const held = bytes.subarray(from, Math.max(from, Math.min(bytes.length, from + Math.max(needed, 65_536))));
    // What lies behind the bytes that are given is a hole.
    const buffer = new Uint8Array(Math.min(Math.max(needed, held.length), Math.max(0, fileEnd - from)));
    buffer.set(held);
    const window = { buffer, view: new DataView(buffer.buffer), start: 0, end: buffer.length, offset: from };
    const step = decoder.advance(window, fileEnd);
    if (step.kind === 'more') needed = step.needed;
    else {
      batches.push(decoder.take());
      needed = Math.min(1, fileEnd - decoder.wants);
      if (step.kind === 'end') break;
    }
  }
  const points = batches.reduce((sum, batch) => sum + batch.scalars.count + batch.objects.length, 0);
  return {
    points,
    most,
    damage: decoder.damage,
    gaps: decoder.gaps,
    series: run.catalogue.size,
    sizes: batches.map(({ scalars }) => scalars.count),
  };
}

describe('records over their share of the memory', () => {
  test('are damage with the limit and the remedy; the records around them are read', () => {
    const bytes = eventFile(loss(1), large(6 * MIB), loss(2));
    const { points, damage, gaps, most } = decode(bytes, { record: 5 * MIB, needsForRecord: (n) => 10 * n });
    expect(points).toBe(2);
    expect(damage).toHaveLength(1);
    expect(damage[0]).toMatchObject({ reason: 'too_large', detail: 'it has 7MiB, the limit is 5MiB' });
    expect(damage[0]!.needs).toBeGreaterThan(60 * MIB);
    expect(gaps).toEqual([{ start: damage[0]!.start, end: damage[0]!.end, reason: 'damage' }]);
    expect(most).toBeLessThanOrEqual(65_536);
  });

  test('are read if the limit allows it', () => {
    const bytes = eventFile(loss(1), large(6 * MIB), loss(2));
    expect(decode(bytes, { record: 7 * MIB })).toMatchObject({ points: 3, damage: [] });
  });

  test('need no memory if only their length is valid: the checksum is verified first', () => {
    const bytes = eventFile(loss(1), large(6 * MIB), loss(2));
    const broken = bytes.slice();
    broken[5 * MIB] = 1;
    const { points, damage, most } = decode(broken, { record: 5 * MIB });
    expect(damage).toMatchObject([{ reason: 'data_checksum' }]);
    expect(points).toBe(2);
    expect(most).toBeLessThanOrEqual(65_536);
  });

  test('reveal the valid records inside them if they are corrupt', () => {
    const bytes = eventFile(loss(1), large(6 * MIB), loss(2));
    const torn = concat(bytes.subarray(0, 5 * MIB), eventFile(loss(3)).subarray(eventFile().length), new Uint8Array(2 * MIB).fill(3));
    const { points, damage, most } = decode(torn, { record: 5 * MIB });
    expect([points, damage[0]?.reason]).toEqual([2, 'data_checksum']);
    expect(most).toBeLessThanOrEqual(65_536);
  });

  test('are verified in pieces, too, if a search finds them', () => {
    const bytes = eventFile(loss(1), loss(3), large(6 * MIB), loss(2));
    const second = eventFile(loss(1)).length;
    const broken = bytes.slice();
    broken[second] = (broken[second] ?? 0) ^ 0xff;
    expect(decode(broken, {})).toMatchObject({ points: 3, damage: [{ reason: 'length_checksum', start: second }] });
    const { points, most, damage } = decode(broken, { record: 5 * MIB });
    expect([points, damage.map(({ reason }) => reason)]).toEqual([2, ['length_checksum', 'too_large']]);
    expect(most).toBeLessThanOrEqual(65_536);
  });

  test('have a false length if they claim more than any event has, even if the file is long enough', () => {
    const header = new Uint8Array(HEADER_BYTES);
    const view = new DataView(header.buffer);
    view.setUint32(0, 0xc000_0000, true);
    view.setUint32(8, maskedCrc32c(view, 0, 8), true);
    const bytes = concat(eventFile(loss(1)), header, eventFile(loss(2)).subarray(eventFile().length));
    const { points, damage, most } = decode(bytes, {}, bytes.length);
    expect([points, damage.map(({ reason }) => reason)]).toEqual([2, ['false_length']]);
    expect(most).toBeLessThanOrEqual(65_536);
  });

  test('are not decoded if their values would take too much', () => {
    const values = Array.from({ length: 2000 }, () => simpleValue('', 0));
    const bytes = eventFile(loss(1), event({ wallTime: 2, step: 2, summary: values }), loss(2));
    const { points, damage } = decode(bytes, { values: 100_000, needsForValues: (n) => n });
    expect([points, damage]).toEqual([2, [expect.objectContaining({ reason: 'too_large', needs: expect.any(Number) })]]);
  });

  test('of text count with the memory that a text needs', () => {
    const bytes = eventFile(loss(1), event({ wallTime: 2, step: 2, summary: [text('note', '\u0001'.repeat(10_000))] }), loss(2));
    expect(decode(bytes, { values: 100_000 })).toMatchObject({ points: 2, damage: [{ reason: 'too_large' }] });
    expect(decode(bytes, { values: 1_000_000 })).toMatchObject({ points: 3, damage: [] });
  });

  test('with too many tags do not stop their run, and are one range of damage if they are consecutive', () => {
    const tags = Array.from({ length: 100 }, (_, i) => event({ wallTime: i, step: i, summary: [simpleValue(`tag${i}`, i)] }));
    const bytes = eventFile(loss(1), ...tags, loss(2));
    const { points, damage, series } = decode(bytes, { tags: 10_000 });
    expect(series).toBeLessThan(40);
    expect(points).toBe(series + 1);
    expect(damage).toMatchObject([{ reason: 'too_large', detail: expect.stringContaining(`its run has ${series} tags`) }]);
  });
});

describe('batches of a run with many tags', () => {
  const TAGS = 3000;
  const steps = Array.from({ length: 40 }, (_, step) =>
    event({ wallTime: step, step, summary: Array.from({ length: TAGS }, (_, tag) => simpleValue(`tag ${tag}`, step)) }),
  );

  test('hold more points, so that they hold several of each tag', () => {
    expect(decode(eventFile(...steps), {}).sizes).toEqual([32 * TAGS, 8 * TAGS]);
  });

  test('are as small as others if there is little memory', () => {
    expect(decode(eventFile(...steps), { batch: MIB }).sizes).toEqual([22 * TAGS, 18 * TAGS]);
  });
});
