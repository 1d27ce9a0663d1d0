import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs';
import * as w from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const reference = createRequire(import.meta.url)('crc-32/crc32c.js') as { buf(data: Uint8Array): number };

// Written by hand from the format's field numbers, so that neither the product's protos nor the writer vouch for
// themselves.
const SCHEMA = protobuf.parse(`syntax = "proto3";
  message Event { double wall_time = 1; int64 step = 2; oneof what { string file_version = 3; bytes graph_def = 4; Summary summary = 5;
    Log log_message = 6; Session session_log = 7; Tagged tagged_run_metadata = 8; bytes meta_graph_def = 9; } Source source_metadata = 10; }
  message Source { string writer = 1; }
  message Log { int32 level = 1; string message = 2; }
  message Session { int32 status = 1; string checkpoint_path = 2; string msg = 3; }
  message Tagged { string tag = 1; bytes run_metadata = 2; }
  message Summary { repeated Value value = 1; }
  message Value { string tag = 1; oneof value { float simple_value = 2; Image image = 4; Histo histo = 5; Audio audio = 6; Tensor tensor = 8; } Meta metadata = 9; }
  message Image { int32 height = 1; int32 width = 2; int32 colorspace = 3; bytes encoded = 4; }
  message Histo { double min = 1; double max = 2; double num = 3; double sum = 4; double sum_squares = 5; repeated double bucket_limit = 6; repeated double bucket = 7; }
  message Audio { float sample_rate = 1; int64 channels = 2; int64 frames = 3; bytes encoded = 4; string content_type = 5; }
  message Meta { Plugin plugin_data = 1; string display_name = 2; string summary_description = 3; int32 data_class = 4; }
  message Plugin { string plugin_name = 1; bytes content = 2; }
  message Tensor { int32 dtype = 1; Shape shape = 2; bytes tensor_content = 4; repeated float float_val = 5; repeated double double_val = 6; repeated int32 int_val = 7;
    repeated bytes string_val = 8; repeated float scomplex_val = 9; repeated int64 int64_val = 10; repeated bool bool_val = 11; repeated double dcomplex_val = 12;
    repeated int32 half_val = 13; repeated uint32 uint32_val = 16; repeated uint64 uint64_val = 17; }
  message Shape { repeated Dim dim = 2; }
  message Dim { int64 size = 1; }`, { keepCase: true }).root; // biome-ignore format: a schema

function decode(type: string, data: Uint8Array): unknown {
  return SCHEMA.lookupType(type).toObject(SCHEMA.lookupType(type).decode(data), { longs: String, arrays: true });
}

/** What stands at a path inside a decoded message. */
function at(message: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce((inner, key) => (inner as Record<string | number, unknown>)[key], message);
}

function bytesAt(message: unknown, ...path: readonly (string | number)[]): Uint8Array {
  const found = at(message, ...path);
  if (!(found instanceof Uint8Array)) throw new TypeError(`no bytes at ${path.join('.')}`);
  return found;
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex');
}

function records(file: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    const masked = (from: number, to: number) => {
      const crc = reference.buf(file.subarray(from, to)) >>> 0;
      return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
    };
    if (view.getUint32(at + 8, true) !== masked(at, at + 8)) throw new Error(`length checksum at ${at}`);
    if (view.getUint32(at + 12 + length, true) !== masked(at + 12, at + 12 + length)) throw new Error(`data checksum at ${at}`);
    found.push(file.subarray(at + 12, at + 12 + length));
    at += 16 + length;
  }
  return found;
}

describe('the writer of test logs', () => {
  it('computes the CRC-32C of the check string and of 32 zero bytes, as RFC 3720 lists it', () => {
    expect(w.crc32c(w.utf8('123456789'))).toBe(0xe3069283);
    expect(w.crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  });

  it('agrees with crc-32 at every length and at every start', () => {
    const data = Uint8Array.from({ length: 300 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);
    for (let end = 0; end <= data.length; end++) {
      const start = end % 7 > end ? 0 : end % 7;
      expect(w.crc32c(data, start, end)).toBe(reference.buf(data.subarray(start, end)) >>> 0);
    }
  });

  it('writes exactly the record that Keras wrote with TensorFlow 2.21', () => {
    const data = w.event({
      wallTime: new DataView(Uint8Array.of(0x2a, 0xab, 0x3a, 0xc8, 0xa9, 0xc0, 0xda, 0x41).buffer).getFloat64(0, true),
      summary: [w.tensorScalar('epoch_loss', 1, 'float', { as: 'content', meta: w.metadata({ plugin: 'scalars' }) })],
    });
    expect(hex(w.frame(data))).toBe(
      '3200000000000000241956ec' +
        '092aab3ac8a9c0da412a270a250a0a65706f63685f6c6f7373420a0801120022040000803f4a0b0a090a077363616c617273' +
        '3cafac6e',
    );
  });

  it('opens a file with the version event', () => {
    const [first, second] = records(w.eventFile(w.event({ wallTime: 3, step: 4 })));
    expect(decode('Event', first!)).toMatchObject({ wall_time: 1_700_000_000, file_version: 'brain.Event:2' });
    expect(decode('Event', second!)).toEqual({ wall_time: 3, step: '4' });
  });
});

describe('the wire format', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [300, 'ac02'],
    [-1, 'ffffffffffffffffff01'],
    [2n ** 63n - 1n, 'ffffffffffffffff7f'],
    [-(2n ** 63n), '80808080808080808001'],
  ])('writes %s as the varint %s', (value, bytes) => {
    expect(hex(w.varint(value))).toBe(bytes);
  });

  it('refuses a number that is not a safe integer', () => {
    expect(() => w.varint(2 ** 53)).toThrow(RangeError);
    expect(() => w.varint(0.5)).toThrow(RangeError);
  });

  it('writes every wire type, and keeps the given bytes of a NaN', () => {
    expect(hex(w.field(2, 0, -2n))).toBe('10feffffffffffffffff01');
    expect(hex(w.field(1, 1, 1))).toBe('09000000000000f03f');
    expect(hex(w.field(16, 2, 'é'))).toBe('820102c3a9');
    expect(hex(w.field(1, 2, w.utf8('a'), w.utf8('b')))).toBe('0a026162');
    expect(hex(w.simpleValue('', Uint8Array.of(1, 0, 0xa0, 0x7f)))).toBe('0a00150100a07f');
  });
});

describe('events', () => {
  it('omit proto3 defaults, and keep -0', () => {
    expect(hex(w.event({ wallTime: 0, step: 0 }))).toBe('');
    expect(hex(w.event({ wallTime: -0 }))).toBe('090000000000000080');
  });

  it.each([
    [{ step: -7 }, { step: '-7' }],
    [{ step: 2n ** 62n }, { step: String(2n ** 62n) }],
    [{ sessionLog: { status: 'start', checkpointPath: 'c', msg: 'm' } }, { session_log: { status: 1, checkpoint_path: 'c', msg: 'm' } }],
    [{ logMessage: { level: 20, message: 'hello' } }, { log_message: { level: 20, message: 'hello' } }],
    [{ graphDef: Uint8Array.of(1) }, { graph_def: Buffer.of(1) }],
    [{ metaGraphDef: Uint8Array.of(2) }, { meta_graph_def: Buffer.of(2) }],
    [{ taggedRunMetadata: { tag: 't', runMetadata: Uint8Array.of(3) } }, { tagged_run_metadata: { tag: 't', run_metadata: Buffer.of(3) } }],
    [{ sourceWriter: 'me' }, { source_metadata: { writer: 'me' } }],
  ] as const)('can contain %j', (fields, decoded) => {
    expect(decode('Event', w.event(fields))).toEqual(decoded);
  });
});

describe('values', () => {
  it('have the old forms', () => {
    const summary = decode(
      'Summary',
      w.concat(
        ...[
          w.simpleValue('s', 0.5),
          w.histo('h', { min: -1, max: 2, num: 3, sum: 4, sumSquares: 5, limits: [0, 1.797e308], counts: [1, 2], packed: false }),
          w.image('i', { width: 7, height: 6, encoded: Uint8Array.of(9) }),
          w.audio('a', { sampleRate: 44_100, frames: 10, encoded: Uint8Array.of(8) }),
        ].map((value) => w.field(1, 2, value)),
      ),
    );
    expect(at(summary, 'value', 0)).toEqual({ tag: 's', simple_value: 0.5 });
    expect(at(summary, 'value', 1, 'histo')).toEqual({
      min: -1,
      max: 2,
      num: 3,
      sum: 4,
      sum_squares: 5,
      bucket_limit: [0, 1.797e308],
      bucket: [1, 2],
    });
    expect(at(summary, 'value', 2, 'image')).toEqual({ height: 6, width: 7, colorspace: 3, encoded: Buffer.of(9) });
    expect(at(summary, 'value', 3, 'audio')).toMatchObject({ sample_rate: 44_100, channels: '1', frames: '10', content_type: 'audio/wav' });
  });

  it.each(['packed', 'list', 'content'] as const)('write a scalar of every dtype as %s', (as) => {
    const cases = [
      ['float', 0.1, 'float_val', [Math.fround(0.1)], 'cdcccc3d'],
      ['double', 0.1, 'double_val', [0.1], '9a9999999999b93f'],
      ['int32', -2, 'int_val', [-2], 'feffffff'],
      ['uint8', 200, 'int_val', [200], 'c8'],
      ['int16', -2, 'int_val', [-2], 'feff'],
      ['int8', -2, 'int_val', [-2], 'fe'],
      ['uint16', 65_535, 'int_val', [65_535], 'ffff'],
      ['int64', -(2n ** 63n), 'int64_val', [String(-(2n ** 63n))], '0000000000000080'],
      ['uint64', 2n ** 64n - 1n, 'uint64_val', [String(2n ** 64n - 1n)], 'ffffffffffffffff'],
      ['uint32', 2 ** 32 - 1, 'uint32_val', [2 ** 32 - 1], 'ffffffff'],
      ['bool', true, 'bool_val', [true], '01'],
      ['half', 1 / 3, 'half_val', [0x3555], '5535'],
      ['bfloat16', 1 / 3, 'half_val', [0x3eab], 'ab3e'],
      ['complex64', [1, -2], 'scomplex_val', [1, -2], '0000803f000000c0'],
      ['complex128', [1, -2], 'dcomplex_val', [1, -2], '000000000000f03f00000000000000c0'],
    ] as const;
    for (const [dtype, x, list, values, bytes] of cases) {
      const tensor = at(decode('Value', w.tensorScalar('t', x, dtype, { as })), 'tensor');
      expect(at(tensor, 'dtype')).toBe(w.DTYPES[dtype]);
      expect(at(tensor, list)).toEqual(as === 'content' ? [] : values);
      if (as === 'content') expect(hex(bytesAt(tensor, 'tensor_content'))).toBe(bytes);
    }
  });

  it('write an unpacked list as one field per element', () => {
    expect(hex(w.tensor({ dtype: 'float', shape: null, values: [1, 2], as: 'list' }))).toBe('0801' + '2d0000803f' + '2d00000040');
    expect(hex(w.tensor({ dtype: 'float', shape: [2], values: [1, 2], as: 'packed' }))).toBe(
      '0801' + '120412020802' + '2a080000803f00000040',
    );
  });

  it('round to half as the engine does, also ties and subnormals', () => {
    const view = new DataView(new ArrayBuffer(2)) as DataView & { setFloat16(at: number, x: number): void };
    const samples = [
      0,
      -0,
      1,
      -1,
      65_504,
      65_519.99,
      65_520,
      2 ** -14,
      2 ** -24,
      2 ** -25,
      3 * 2 ** -25,
      2 ** -14 - 2 ** -26,
      Infinity,
      -Infinity,
    ];
    for (let i = 1; i < 2000; i++) samples.push(i / 7, -i * 1.37e-5, 1 + i * 2 ** -12, 2 ** (i % 30) * (1 - 2 ** -(i % 50)));
    for (const x of samples) {
      view.setFloat16(0, x);
      expect([x, w.halfBits(x)]).toEqual([x, view.getUint16(0)]);
    }
  });

  it('write the tensor forms with the metadata of their plugins', () => {
    const row = [1, 2, 3] as const;
    const values: [w.WrittenValue, object, number[]][] = [
      [w.histogramTensor('h', [[0, 1, 5]]), { plugin_data: { plugin_name: 'histograms' }, data_class: 2 }, [1, 3]],
      [
        w.imageTensor('i', { width: 2, height: 3, images: [Uint8Array.of(1)] }),
        { plugin_data: { plugin_name: 'images' }, data_class: 3 },
        [3],
      ],
      [
        w.audioTensor('a', [{ encoded: Uint8Array.of(1), label: 'x' }]),
        { plugin_data: { plugin_name: 'audio', content: Buffer.of(0x10, 11) }, data_class: 3 },
        [1, 2],
      ],
      [w.text('t', 'one'), { plugin_data: { plugin_name: 'text' }, data_class: 2 }, []],
      [w.text('t', ['a', 'b']), { plugin_data: { plugin_name: 'text' }, data_class: 2 }, [2]],
      [
        w.prCurve(
          'p',
          Array.from({ length: 6 }, () => row),
        ),
        { plugin_data: { plugin_name: 'pr_curves', content: Buffer.of(0x10, 3) }, data_class: 2 },
        [6, 3],
      ],
      [
        w.layout([{ title: 'c', charts: [{ title: 'd', tags: ['e'] }] }]),
        { plugin_data: { plugin_name: 'custom_scalars' }, data_class: 2 },
        [],
      ],
    ];
    for (const [value, meta, shape] of values) {
      const decoded = decode('Value', value);
      expect(at(decoded, 'metadata')).toEqual(meta);
      expect(at(decoded, 'tensor', 'shape', 'dim')).toEqual(shape.map((size) => ({ size: String(size) })));
    }
  });

  it('write a mesh as one value per part', () => {
    const parts = w.mesh('m', { vertices: [[[1, 2, 3]]], colors: [[[255, 0, 1]]] }).map((value) => decode('Value', value));
    expect(parts.map((part) => at(part, 'tag'))).toEqual(['m_VERTEX', 'm_COLOR']);
    expect(hex(bytesAt(parts[1], 'tensor', 'tensor_content'))).toBe('ff0001');
    // components: bit 1 for the vertices, bit 3 for the colours.
    expect(hex(bytesAt(parts[1], 'metadata', 'plugin_data', 'content'))).toBe('12016d' + '1803' + '2a027b7d' + '3203010103' + '380a');
  });

  it('write hparams as content, with an empty tensor if requested', () => {
    const [start, end] = [
      w.hparamsSessionStart({ lr: 0.5, on: true, name: 'x' }),
      w.hparamsSessionEnd('success', 3, { withTensor: true }),
    ].map((value) => decode('Value', value));
    expect(start).toMatchObject({ tag: '_hparams_/session_start_info', metadata: { plugin_data: { plugin_name: 'hparams' } } });
    expect(start).not.toHaveProperty('tensor');
    expect(hex(bytesAt(end, 'metadata', 'plugin_data', 'content'))).toBe('220b' + '0801' + '110000000000000840');
    // protobufjs leaves the size 0 out of what it shows.
    expect(at(end, 'tensor')).toMatchObject({ dtype: 1, shape: { dim: [{}] } });
  });
});

describe('benchmark logs', () => {
  it.each(['simple', 'tensor', 'unpacked', 'content', 'double', 'int64', 'half', 'mixed'] as const)(
    'contain every point of the form %s in valid records, the same each time',
    (form) => {
      const dir = temporaryFolder();
      const log = w.bigLog({ dir, runs: 2, tags: 3, steps: 200, form, files: 2, perEvent: 2 });
      expect(log).toMatchObject({ points: 1200, records: 4 + 2 * 200 * 2 });
      const files = log.files.map((path) => readFileSync(path));
      expect(files.reduce((sum, file) => sum + file.length, 0)).toBe(log.bytes);
      const second = records(files[1]!).map((data) => decode('Event', data));
      expect(second).toHaveLength(1 + 100 * 2);
      expect(second[1]).toMatchObject({ wall_time: w.bigLogWallTime(0, 100), step: '100' });
      const value = at(second[1], 'summary', 'value', 1);
      expect(at(value, 'tag')).toBe(w.bigLogTag(1));
      const [exact, rounded] = [w.bigLogValue(0, 1, 100, 200), Math.fround(w.bigLogValue(0, 1, 100, 200))];
      if (form === 'simple' || form === 'mixed') expect(at(value, 'simple_value')).toBe(rounded);
      if (form === 'tensor' || form === 'unpacked') expect(at(value, 'tensor', 'float_val')).toEqual([rounded]);
      if (form === 'double') expect(at(value, 'tensor', 'double_val')).toEqual([exact]);
      if (form === 'int64') expect(at(value, 'tensor', 'int64_val')).toEqual([String(2 ** 28 + Math.floor(exact * 2 ** 20))]);
      if (form === 'half') expect(at(value, 'tensor', 'half_val')).toEqual([0x2000 + Math.floor(exact * 1023)]);
      const again = w.bigLog({ dir, runs: 2, tags: 3, steps: 200, form, files: 2, perEvent: 2 });
      expect(again.files.map((path) => readFileSync(path).equals(files[again.files.indexOf(path)]!))).toEqual([true, true, true, true]);
    },
  );
});
