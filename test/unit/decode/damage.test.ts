import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { SEARCHED } from '../../../src/decode/file-decoder.ts';
import type { Damage } from '../../../src/model/index.ts';
import { concat, event, field, frame, maskedCrc, simpleValue, stringTensor, versionEvent } from '../../support/event-writer.ts';
import { contentsOf, type Decoded, decodeBytes, decodeSlowly, type Script } from '../../support/scripted-window.ts';

/** A record of one scalar whose step is `step`. */
function scalar(step: number, tag = 'loss'): Uint8Array {
  return frame(event({ wallTime: 100 + step, step, summary: [simpleValue(tag, step / 4)] }));
}

const VERSION = frame(versionEvent());

/** The header of a record that says to be `length` bytes long, with a valid checksum. */
function header(length: bigint): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, length, true);
  view.setUint32(8, maskedCrc(bytes, 0, 8), true);
  return bytes;
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 0x20;
  return copy;
}

function steps({ batches }: Decoded): number[] {
  return batches.flatMap(({ scalars }) => [...scalars.step.subarray(0, scalars.count)]);
}

function places(damage: readonly Damage[]): [number, number, string][] {
  return damage.map(({ start, end, reason }) => [start, end, reason]);
}

/** Decodes whole and in windows that end at every byte; both have to come to the same. */
function decode(bytes: Uint8Array, script: Script = {}): Decoded {
  const whole = decodeBytes(bytes, script);
  for (const width of [1, 5, 12, 17]) {
    const pieces = decodeBytes(bytes, { ...script, cuts: Array.from({ length: bytes.length / width }, (_, i) => i * width) });
    expect(contentsOf(pieces.batches, pieces.series)).toEqual(contentsOf(whole.batches, whole.series));
    expect(places(pieces.damage)).toEqual(places(whole.damage));
    expect(pieces.gaps).toEqual(whole.gaps);
    expect(pieces.decoder.watermark).toBe(whole.decoder.watermark);
  }
  return whole;
}

/** `bytes` between three valid records and three more; where they begin and end. */
function between(bytes: Uint8Array): { readonly file: Uint8Array; readonly start: number; readonly end: number } {
  const before = concat(VERSION, scalar(1), scalar(2), scalar(3));
  return { file: concat(before, bytes, scalar(5), scalar(6), scalar(7)), start: before.length, end: before.length + bytes.length };
}

describe('a record that cannot be read', () => {
  test('loses only itself if its data checksum is wrong', () => {
    const { file, start, end } = between(flipped(scalar(4), 30));
    const decoded = decode(file);
    expect(steps(decoded)).toEqual([1, 2, 3, 5, 6, 7]);
    expect(decoded.damage).toEqual([{ start, end, reason: 'data_checksum' }]);
    expect(decoded.gaps).toEqual([{ start, end, reason: 'damage' }]);
    expect(decoded.decoder.watermark).toBe(file.length);
    expect(decoded.decoder.records).toBe(7);
  });

  test('was never complete if a record that was written over its end ends the file a few bytes later', () => {
    const next = scalar(5);
    const torn = scalar(4, `a tag of ${'some '.repeat(6)}length`);
    for (let beyond = 1; beyond <= 11; beyond++) {
      const kept = torn.subarray(0, torn.length - next.length + beyond);
      const decoded = decode(concat(VERSION, scalar(1), kept, next));
      expect([beyond, ...steps(decoded)]).toEqual([beyond, 1, 5]);
      const start = VERSION.length + scalar(1).length;
      expect(places(decoded.damage)).toEqual([[start, start + kept.length, 'data_checksum']]);
    }
  });

  test('loses only itself if its stored checksum is corrupt, as the first and as the last record', () => {
    const last = scalar(9);
    const bytes = concat(flipped(VERSION, VERSION.length - 1), scalar(1), flipped(last, last.length - 4));
    const decoded = decode(bytes);
    expect(steps(decoded)).toEqual([1]);
    expect(places(decoded.damage)).toEqual([
      [0, VERSION.length, 'data_checksum'],
      [bytes.length - last.length, bytes.length, 'data_checksum'],
    ]);
    expect(decoded.decoder.watermark).toBe(bytes.length);
  });

  test('leaves neither points nor series if its message is incomplete', () => {
    const sound = event({ wallTime: 1, step: 4, summary: [simpleValue('loss', 1), simpleValue('never', 2), simpleValue('loss', 3)] });
    for (const broken of [
      sound.subarray(0, -3),
      concat(sound, Uint8Array.of(0x0a, 0x7f)),
      concat(sound, Uint8Array.of(0x1f)),
      concat(sound, field(3, 2, Uint8Array.of(0xff))),
    ]) {
      const { file, start, end } = between(frame(broken));
      const decoded = decode(file);
      expect(steps(decoded)).toEqual([1, 2, 3, 5, 6, 7]);
      expect(decoded.series.map(({ tag }) => tag)).toEqual(['loss']);
      expect(decoded.batches.flatMap(({ newSeries }) => newSeries)).toHaveLength(1);
      expect(places(decoded.damage)).toEqual([[start, end, 'bad_message']]);
      expect(decoded.damage[0]?.detail).toEqual(expect.any(String));
    }
  });

  test('is not damage if its message is of another kind that parses', () => {
    const { file } = between(frame(field(200, 2, 'tf.Example or so')));
    const decoded = decode(file);
    expect(decoded.damage).toEqual([]);
    expect(decoded.batches[0]?.marks.map(({ kind }) => kind)).toEqual(['empty']);
  });
});

/** `record` broken off after so many bytes: its writer died. */
function torn(record: Uint8Array, bytes: number): Uint8Array {
  return record.subarray(0, bytes);
}

/** An event with a text of so many bytes, or a tensor that holds these bytes. */
function large(content: number | Uint8Array, step = 1): Uint8Array {
  const bytes = typeof content === 'number' ? new Uint8Array(content).map((_, i) => (i * 31) & 255) : content;
  return event({ wallTime: 1, step, summary: [stringTensor('large', [bytes])] });
}

function many(from: number, to: number): Uint8Array {
  return concat(...Array.from({ length: to - from }, (_, i) => scalar(from + i)));
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('inside a corrupt record', () => {
  test('valid records of another process are found after an incomplete one of a dead writer', () => {
    for (const length of [1000, 20_000]) {
      for (const bytes of [12, 13, 301, 900]) {
        const { file, start } = between(concat(torn(frame(large(length)), bytes), many(100, 600)));
        const decoded = decodeBytes(file);
        expect(steps(decoded)).toEqual([1, 2, 3, ...range(100, 600), 5, 6, 7]);
        expect(places(decoded.damage)).toEqual([[start, start + bytes, 'data_checksum']]);
        expect(decoded.damage[0]?.claim).toBe(start + frame(large(length)).length);
        expect(contentsOf(decoded.batches, decoded.series)).toEqual(decodeSlowly(file));
      }
    }
    decode(between(concat(torn(frame(large(300)), 40), many(100, 120))).file);
  });

  test('valid records are found even if one of them ends at the claimed end of the corrupt one', () => {
    const size = scalar(100).length;
    const record = frame(large(20 * size));
    const rest = record.length - 50;
    const pad = frame(new Uint8Array(rest % size === 0 ? 0 : (rest % size) + size - 16));
    const file = concat(VERSION, torn(record, 50), pad, many(100, 160));
    expect(steps(decodeBytes(file))).toEqual(range(100, 160));
  });

  test('a record of another file does not count as one of this file, if the corrupt one was written completely', () => {
    const held = concat(VERSION, many(500, 560));
    const record = frame(large(held));
    for (const at of [15, record.length - 2, record.length - 20]) {
      // In the middle of the file, and as its last record.
      for (const after of [many(10, 20), new Uint8Array(0)]) {
        const file = concat(VERSION, many(1, 5), flipped(record, at), after);
        const decoded = decode(file);
        expect(steps(decoded)).toEqual([...range(1, 5), ...(after.length === 0 ? [] : range(10, 20))]);
        expect(decoded.damage.map(({ claim }) => claim)).toEqual([undefined]);
      }
    }
  });

  test('two writers that overwrote each other in blocks lose only the records at the borders', () => {
    const [a, b] = [many(0, 400), many(1000, 1400)];
    const blocks: Uint8Array[] = [];
    for (let at = 0; at < a.length; at += 512) blocks.push(a.subarray(at, at + 512), b.subarray(at, at + 512));
    const file = concat(...blocks);
    const view = new DataView(file.buffer);
    let sound = 0;
    for (let at = 0; at + 16 <= file.length; at++) {
      const length = view.getUint32(at, true);
      if (view.getUint32(at + 8, true) !== maskedCrc(file, at, at + 8) || at + 16 + length > file.length) continue;
      if (view.getUint32(at + 12 + length, true) === maskedCrc(file, at + 12, at + 12 + length)) sound++;
    }
    expect(steps(decodeBytes(file, { settled: true }))).toHaveLength(sound);
  });

  test('many records that claim the same bytes are checksummed once', () => {
    // So many that it would take minutes to checksum each claim again.
    const heads = Array.from({ length: 5000 }, (_, i) => concat(header(BigInt(2_000_000 + i)), scalar(i).subarray(0, 30)));
    const file = concat(VERSION, ...heads, many(0, 50), new Uint8Array(2_300_000).fill(1));
    const decoded = decodeBytes(file);
    expect(steps(decoded)).toEqual(range(0, 50));
  });
});

describe('an incomplete record', () => {
  const record = frame(large(20_000));
  const before = concat(VERSION, many(1, 4));
  const look = (bytes: Uint8Array, prior?: Damage, isSeenBefore = false): Decoded =>
    decodeBytes(bytes, {
      start: before.length,
      ...(prior?.look === undefined ? {} : { incomplete: { start: prior.start, look: prior.look, isSeenBefore } }),
    });

  test('reveals the records of another process after it in a second check, some time later', () => {
    const bytes = concat(before, torn(record, 301), many(10, 20));
    const first = look(bytes);
    expect(steps(first)).toEqual([]);
    expect(first.damage).toMatchObject([{ start: before.length, reason: 'torn', look: { isWhole: true, first: before.length + 301 } }]);
    expect(steps(look(bytes, first.damage[0]))).toEqual([]);
    const longer = concat(bytes, many(20, 25));
    const second = look(longer, first.damage[0], true);
    expect(steps(second)).toEqual(range(10, 25));
    expect(places(second.damage)).toEqual([[before.length, before.length + 301, 'false_length']]);
    expect(second.damage[0]?.claim).toBe(before.length + record.length);
  });

  test('waits while the file does not end with a record, and reads each byte once', () => {
    let prior: Damage | undefined;
    for (const cut of [5, 17, 40]) {
      const bytes = concat(before, torn(record, 301), many(10, 20 + cut));
      const decoded = look(bytes.subarray(0, -cut), prior, true);
      expect(steps(decoded)).toEqual([]);
      prior = decoded.damage[0];
      expect(prior?.look?.isWhole).toBe(false);
      expect(prior?.look?.at).toBeGreaterThan(bytes.length - cut - 100);
    }
  });

  test('is read exactly once when it is complete, with any content and in any pieces', () => {
    const held = concat(VERSION, many(500, 560));
    const bytes = concat(before, frame(large(concat(Uint8Array.of(1, 2, 3), held, Uint8Array.of(4, 5)))));
    let prior: Damage | undefined;
    for (let size = before.length + 1; size < bytes.length; size += 7) {
      const decoded = look(bytes.subarray(0, size), prior);
      expect(steps(decoded)).toEqual([]);
      expect(decoded.decoder.watermark).toBe(before.length);
      prior = decoded.damage[0];
    }
    expect(look(bytes, prior).batches.flatMap(({ objects }) => objects)).toHaveLength(1);
  });

  test('that holds an event file is not split, however long it stays unchanged', () => {
    const held = concat(VERSION, many(500, 560));
    const bytes = concat(before, frame(large(held))).subarray(0, -12);
    for (const settled of [true, false]) {
      const cut = bytes.subarray(0, before.length + 40 + held.length - scalar(500).length * 3);
      const start = before.length;
      const seen = { start, look: { at: start + 12, isWhole: true }, isSeenBefore: true };
      const decoded = decodeBytes(cut, { start, settled, incomplete: seen });
      expect(steps(decoded)).toEqual([]);
      expect(places(decoded.damage)).toEqual([[start, cut.length, 'torn']]);
    }
  });
});

describe('after a corrupt length', () => {
  test('the next valid frame is found', () => {
    for (const at of [0, 3, 7, 8, 11]) {
      const { file, start, end } = between(flipped(scalar(4), at));
      const decoded = decode(file);
      expect(steps(decoded)).toEqual([1, 2, 3, 5, 6, 7]);
      expect(decoded.damage).toEqual([{ start, end, reason: 'length_checksum' }]);
      expect(decoded.gaps).toEqual([{ start, end, reason: 'damage' }]);
    }
  });

  test('a frame whose data do not match is not valid', () => {
    const { file, start } = between(concat(flipped(scalar(4), 0), flipped(scalar(44), 20)));
    expect(places(decode(file).damage)).toEqual([[start, start + 2 * scalar(4).length, 'length_checksum']]);
  });

  test('several places of damage stay separate', () => {
    const parts = [
      VERSION,
      flipped(scalar(1), 0),
      scalar(2),
      flipped(scalar(3), 20),
      flipped(scalar(4), 9),
      scalar(5),
      Uint8Array.of(1, 2, 3),
      scalar(6),
    ];
    const decoded = decode(concat(...parts));
    expect(steps(decoded)).toEqual([2, 5, 6]);
    const at = parts.map((_, i) => parts.slice(0, i).reduce((sum, part) => sum + part.length, 0));
    expect(places(decoded.damage)).toEqual([
      [at[1], at[2], 'length_checksum'],
      [at[3], at[4], 'data_checksum'],
      [at[4], at[5], 'length_checksum'],
      [at[6], at[7], 'length_checksum'],
    ]);
  });

  test('a file that begins with other bytes is read from its first frame', () => {
    const decoded = decode(concat(Uint8Array.of(0xef, 0xbb, 0xbf), VERSION, scalar(1)));
    expect(steps(decoded)).toEqual([1]);
    expect(places(decoded.damage)).toEqual([[0, 3, 'length_checksum']]);
  });

  test.each([12, 13, 100, 4096, 5000])('%d zeros in the middle are a hole, and the records after it are read', (zeros) => {
    const { file, start, end } = between(new Uint8Array(zeros));
    const decoded = decode(file);
    expect(steps(decoded)).toEqual([1, 2, 3, 5, 6, 7]);
    expect(places(decoded.damage)).toEqual([[start, end, 'length_checksum']]);
  });

  test.each([0, 256, 512, 65_536])('a frame of %d bytes, whose header begins with zeros, is found after zeros', (length) => {
    // A field that no event has: data of any length.
    const head = [8, 7, 6, 5, 4]
      .map((n) => field(100, 2, new Uint8Array(Math.max(0, length - n)).fill(7)))
      .find((data) => data.length === length);
    const data = length === 0 ? new Uint8Array(0) : head!;
    expect(data).toHaveLength(length);
    for (let zeros = 1; zeros < 40; zeros++) {
      const { file, start, end } = between(new Uint8Array(zeros));
      const bytes = concat(file.subarray(0, end), frame(data), scalar(8));
      const decoded = decodeBytes(bytes);
      expect([zeros, ...places(decoded.damage)]).toEqual([zeros, [start, end, 'length_checksum']]);
      expect(decoded.batches[0]?.marks.map(({ offset }) => offset)).toEqual([end]);
      expect(steps(decoded)).toEqual([1, 2, 3, 8]);
      for (const cut of [end - 1, end, end + 1, end + 7, end + 8, end + 9]) {
        expect(places(decodeBytes(bytes, { cuts: [cut] }).damage)).toEqual([[start, end, 'length_checksum']]);
      }
    }
  });

  test('a search without a result is repeated later, and does not count as settled', () => {
    const bytes = concat(VERSION, scalar(1), flipped(scalar(2), 1), flipped(scalar(3), 3));
    const decoded = decode(bytes);
    const lost = VERSION.length + scalar(1).length;
    expect(places(decoded.damage)).toEqual([[lost, bytes.length, 'length_checksum']]);
    expect(decoded.gaps).toEqual([]);
    expect(decoded.decoder.watermark).toBe(lost);
  });

  test('an incomplete record at the end is pending separately', () => {
    const garbage = Uint8Array.from({ length: 50 }, (_, i) => i * 7 + 3);
    const before = concat(VERSION, scalar(1), garbage);
    for (const keep of [12, 13, 30, scalar(2).length - 1]) {
      const bytes = concat(before, scalar(2).subarray(0, keep));
      const decoded = decode(bytes);
      expect(places(decoded.damage)).toEqual([
        [before.length - garbage.length, before.length, 'length_checksum'],
        [before.length, bytes.length, 'torn'],
      ]);
      expect(decoded.decoder.watermark).toBe(before.length);
    }
  });
});

describe('the end of a file', () => {
  const before = concat(VERSION, scalar(1));

  test('waits at any place in the last record', () => {
    const record = scalar(300);
    for (let keep = 1; keep < record.length; keep++) {
      const bytes = concat(before, record.subarray(0, keep));
      const decoded = decode(bytes);
      expect(places(decoded.damage)).toEqual([[before.length, bytes.length, 'torn']]);
      expect(decoded.decoder.watermark).toBe(before.length);
      expect(decoded.gaps).toEqual([]);
      expect(steps(decoded)).toEqual([1]);
    }
  });

  test.each([false, true])('waits at any place in an empty record (settled: %s)', (settled) => {
    const record = frame(new Uint8Array(0));
    for (let keep = 1; keep < record.length; keep++) {
      const bytes = concat(before, record.subarray(0, keep));
      expect([keep, ...places(decode(bytes, { settled }).damage)]).toEqual([keep, [before.length, bytes.length, 'torn']]);
    }
  });

  test('may be incomplete in a settled file too', () => {
    const record = scalar(300);
    for (let keep = 1; keep < record.length; keep++) {
      const bytes = concat(before, record.subarray(0, keep));
      const decoded = decode(bytes, { settled: true });
      expect(places(decoded.damage)).toEqual([[before.length, bytes.length, 'torn']]);
      expect(decoded.decoder.watermark).toBe(before.length);
    }
  });

  test.each([12, 16, 17, 4000])('%d zeros are pending: they may become data', (zeros) => {
    const decoded = decode(concat(before, new Uint8Array(zeros)));
    expect(places(decoded.damage)).toEqual([[before.length, before.length + zeros, 'zeros']]);
    expect(decoded.decoder.watermark).toBe(before.length);
    expect(decoded.gaps).toEqual([]);
  });

  test('zeros alone are pending from the first byte on', () => {
    expect(places(decode(new Uint8Array(64)).damage)).toEqual([[0, 64, 'zeros']]);
  });

  test('zeros before other bytes do not count as zeros', () => {
    const bytes = concat(before, new Uint8Array(100), Uint8Array.of(1));
    expect(places(decode(bytes).damage)).toEqual([[before.length, bytes.length, 'length_checksum']]);
  });

  test('zeros are read only once', () => {
    let looks = 0;
    class CountingView extends DataView<ArrayBuffer> {
      override getUint32(at: number, littleEndian?: boolean): number {
        looks++;
        return super.getUint32(at, littleEndian);
      }
    }
    const bytes = concat(before, new Uint8Array(4 << 20));
    const decoded = decodeBytes(bytes, { viewOf: (buffer) => new CountingView(buffer), cuts: [1 << 20, 2 << 20, 3 << 20] });
    expect(places(decoded.damage)).toEqual([[before.length, bytes.length, 'zeros']]);
    expect(decoded.calls).toBeLessThan(8);
    expect(looks).toBeLessThan(1000);
  });

  test('known zeros are not read again, except for a megabyte and new bytes after them', () => {
    const MIB = 1 << 20;
    const holeEnd = before.length + 40 * MIB;
    const bytes = concat(before, new Uint8Array(40 * MIB), scalar(9));
    const cuts = Array.from({ length: 41 }, (_, i) => i * MIB);
    const seen = { start: before.length, end: holeEnd };
    // The front has moved on, and a record came behind the zeros.
    bytes.set(scalar(7), before.length);
    const decoded = decodeBytes(bytes, { cuts, zeros: seen });
    expect(steps(decoded).slice(-2)).toEqual([7, 9]);
    expect(decoded.calls).toBeLessThan(8);
    // Where nobody writes any more, all of it is read: a record may stand in the middle.
    bytes.set(scalar(8), before.length + 20 * MIB);
    expect(steps(decodeBytes(bytes, { cuts, zeros: seen, settled: true })).slice(-3)).toEqual([7, 8, 9]);
    // Zeros that begin before those that were seen are another hole.
    expect(decodeBytes(bytes, { cuts, zeros: { start: before.length + 30 * MIB, end: holeEnd } }).calls).toBeGreaterThan(20);
  });
});

describe('a wrong length with a valid checksum', () => {
  // Protobuf messages end at 2 GiB.
  const possible = [1_000_000n, 300_000_000n, 2n ** 31n - 16n];
  const impossible = [2n ** 31n + 1n, 2n ** 32n + 38n, 2n ** 40n, 2n ** 53n, 2n ** 62n, 2n ** 64n - 1n];
  const lengths = [...possible, ...impossible];
  const before = concat(VERSION, scalar(1));

  test.each(possible)('%d: stays pending while a writer may be active', (length) => {
    const bytes = concat(before, header(length), scalar(2), scalar(3));
    const decoded = decode(bytes);
    expect(steps(decoded)).toEqual([1]);
    expect(places(decoded.damage)).toEqual([[before.length, bytes.length, 'torn']]);
    expect(decoded.decoder.watermark).toBe(before.length);
  });

  test.each([...lengths.map((length) => [length, true] as const), ...impossible.map((length) => [length, false] as const)])(
    '%d: finds the valid frames after it (settled: %s), at once if no event can be so long',
    (length, settled) => {
      const bytes = concat(before, header(length), scalar(2), scalar(3));
      const decoded = decode(bytes, { settled });
      expect(steps(decoded)).toEqual([1, 2, 3]);
      expect(places(decoded.damage)).toEqual([[before.length, before.length + 12, 'false_length']]);
      expect(decoded.gaps).toEqual([{ start: before.length, end: before.length + 12, reason: 'damage' }]);
      expect(decoded.decoder.watermark).toBe(bytes.length);
    },
  );

  test('never makes the decoder request more than the file has', () => {
    for (const length of lengths) {
      const bytes = concat(before, header(length), new Uint8Array(20));
      for (const settled of [false, true]) {
        // decodeBytes itself would throw: a request for more bytes than there are is never met.
        const { damage, decoder } = decode(bytes, { settled });
        const reason = possible.includes(length) ? 'torn' : 'false_length';
        expect(places(damage)).toEqual([[before.length, bytes.length, reason]]);
        expect(decoder.watermark).toBe(before.length);
      }
    }
  });

  test('an incomplete end has a detail only if it was searched', () => {
    for (const end of [concat(header(300_000_000n), new Uint8Array(20)), scalar(2).subarray(0, 9)]) {
      const bytes = concat(before, end);
      const torn = { start: before.length, end: bytes.length, reason: 'torn' };
      expect(decode(bytes).damage).toEqual([torn]);
      expect(decode(bytes, { settled: true }).damage).toEqual([{ ...torn, detail: SEARCHED }]);
    }
  });
});

describe('a file that is not an event file', () => {
  const lines = new TextEncoder().encode('step,loss\n1,0.5\n2,0.25\n3,0.125\n');
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);

  test.each([
    ['gzip', gzipSync(concat(VERSION, scalar(1))), /gzip/],
    ['zip', concat(text('PK\x03\x04'), new Uint8Array(40).fill(9)), /zip/],
    ['a Git LFS pointer', text(`version https://git-lfs.github.com/spec/v1\noid sha256:${'ab'.repeat(32)}\nsize 12345\n`), /git lfs pull/],
    ['HTML', text('<!DOCTYPE html>\n<html><body>404 not found</body></html>'), /web page/],
    ['text', lines, /^text$/],
  ])('%s is reported as such', (_, bytes, detail) => {
    const { damage, decoder } = decodeBytes(new Uint8Array(bytes));
    expect(damage).toEqual([{ start: 0, end: bytes.length, reason: 'not_event_file', detail: expect.stringMatching(detail) }]);
    expect(decoder.watermark).toBe(0);
  });

  test('has no detail if its bytes are unknown', () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => (i * 73) ^ 0xa5);
    expect(decodeBytes(bytes).damage).toEqual([{ start: 0, end: 100, reason: 'not_event_file' }]);
  });
});
