import { describe, expect, test } from '@jest/globals';
import { type Blob, interpret, type Json, type PointForm, sha256Of, type Value, valueJson } from '../../../src/model/index.ts';
import { audio, concat, field, type Histo, histo, image, tensor, value, type WrittenTensor } from '../../support/event-writer.ts';

const ascii = (content: string): Uint8Array => new TextEncoder().encode(content);

function fromTensor(plugin: string, content: WrittenTensor): Value {
  return interpret(plugin, { form: 'tensor', payload: tensor(content) });
}

/** The payload of an old form: the content of its one field, without the tag. */
function old(plugin: string, form: PointForm, written: Uint8Array): Value {
  // The tag is empty: key and length, then the field's key and its length.
  let at = 3;
  while (written[at]! > 127) at++;
  return interpret(plugin, { form, payload: written.subarray(at + 1) });
}

describe('scalars', () => {
  test.each([[[]], [[1]], [[1, 1, 1]]])('are one number of the shape %j', (shape) => {
    expect(fromTensor('scalars', { dtype: 'int64', shape, values: [7] })).toEqual({ kind: 'scalar', value: 7 });
  });

  test('keep integers that no double holds', () => {
    expect(fromTensor('scalars', { dtype: 'uint64', values: [2n ** 64n - 1n] })).toEqual({ kind: 'scalar', value: 2n ** 64n - 1n });
  });

  test('are not scalars if they are several, strings, complex, unreadable, or empty', () => {
    expect(fromTensor('scalars', { dtype: 'float', shape: [2], values: [1, 2] }).kind).toBe('tensor');
    expect(fromTensor('scalars', { dtype: 'float', shape: [0], values: [] }).kind).toBe('tensor');
    expect(fromTensor('scalars', { dtype: 'string', values: ['1'] }).kind).toBe('tensor');
    expect(fromTensor('scalars', { dtype: 'complex64', values: [[1, 2]] }).kind).toBe('tensor');
    expect(fromTensor('scalars', { dtype: 'float', values: [1, 2] })).toMatchObject({
      kind: 'tensor',
      tensor: { unreadable: expect.any(String) },
    });
    expect(interpret('scalars', { form: 'none', payload: new Uint8Array(0) })).toMatchObject({
      kind: 'tensor',
      tensor: { dtype: 'invalid' },
    });
  });
});

describe('histograms', () => {
  const base: Histo = {
    min: -1.5,
    max: 2.5,
    num: 3,
    sum: 2,
    sumSquares: 5,
    limits: [-2, -1, 0, 1, 3, 1.797e308],
    counts: [0, 0, 1, 0, 2, 0],
  };

  test.each([true, false])('in the old form lose their empty outer buckets, and get min and max as edges (packed: %s)', (packed) => {
    expect(old('histograms', 'histo', histo('', { ...base, packed }))).toEqual({
      kind: 'histogram',
      left: [-1.5, 0, 1],
      right: [0, 1, 2.5],
      count: [1, 0, 2],
      proto: { min: -1.5, max: 2.5, num: 3, sum: 2, sumSquares: 5, bucketLimit: base.limits, bucket: base.counts },
    });
  });

  test('in the old form have one bucket from min to max, or none', () => {
    expect(old('histograms', 'histo', histo('', { ...base, counts: [0, 0, 0, 4, 0, 0] }))).toMatchObject({
      left: [-1.5],
      right: [2.5],
      count: [4],
    });
    expect(old('histograms', 'histo', histo('', { ...base, counts: [0, 0, 0, 0, 0, 0] }))).toMatchObject({
      left: [],
      right: [],
      count: [],
    });
    expect(old('histograms', 'histo', histo('', { ...base, limits: [], counts: [] }))).toMatchObject({ left: [], right: [], count: [] });
    expect(old('histograms', 'histo', histo('', { ...base, limits: [1], counts: [Number.NaN] }))).toMatchObject({ left: [] });
  });

  test('in the old form with unset fields have zeros', () => {
    expect(interpret('histograms', { form: 'histo', payload: new Uint8Array(0) })).toEqual({
      kind: 'histogram',
      left: [],
      right: [],
      count: [],
      proto: { min: 0, max: 0, num: 0, sum: 0, sumSquares: 0, bucketLimit: [], bucket: [] },
    });
  });

  test('in the old form with fewer limits than buckets never have edges without a count or the reverse', () => {
    const found = old('histograms', 'histo', histo('', { ...base, limits: [0], counts: [1, 2, 3] }));
    const isWhole = found.kind === 'histogram' && found.left.length === found.count.length && found.right.length === found.count.length;
    expect(isWhole || found.kind === 'malformed').toBe(true);
  });

  test('of tensors are rows of left, right and count', () => {
    expect(fromTensor('histograms', { dtype: 'double', shape: [2, 3], values: [0, 1, 5, 1, 2, 6], as: 'content' })).toEqual({
      kind: 'histogram',
      left: [0, 1],
      right: [1, 2],
      count: [5, 6],
    });
    expect(fromTensor('histograms', { dtype: 'float', shape: [0, 3], values: [] })).toEqual({
      kind: 'histogram',
      left: [],
      right: [],
      count: [],
    });
  });

  test('are malformed if their numbers are not rows of three', () => {
    expect(fromTensor('histograms', { dtype: 'float', shape: [4], values: [1, 2, 3, 4] })).toMatchObject({
      kind: 'malformed',
      why: expect.stringMatching(/4 numbers/),
      tensor: { dtype: 'float', shape: [4] },
    });
    expect(fromTensor('histograms', { dtype: 'string', values: ['x'] }).kind).toBe('tensor');
  });

  test('are kept as a tensor if they are unreadable', () => {
    expect(fromTensor('histograms', { dtype: 'float', shape: [1, 3], values: [1, 2], as: 'content' })).toMatchObject({
      kind: 'tensor',
      tensor: { unreadable: expect.any(String) },
    });
  });
});

describe('images', () => {
  test('in the old form have their size and colours', () => {
    const encoded = Uint8Array.of(0x89, 0x50);
    expect(old('images', 'image', image('', { width: 3, height: 2, colorspace: 4, encoded }))).toEqual({
      kind: 'images',
      width: 3,
      height: 2,
      colorspace: 4,
      images: [encoded],
    });
  });

  test('of tensors begin with width and height', () => {
    const images = [Uint8Array.of(1), Uint8Array.of(2)];
    expect(fromTensor('images', { dtype: 'string', shape: [4], values: ['10', '20', ...images] })).toEqual({
      kind: 'images',
      width: 10,
      height: 20,
      images,
    });
    expect(fromTensor('images', { dtype: 'string', shape: [2], values: ['10', '20'] })).toEqual({
      kind: 'images',
      width: 10,
      height: 20,
      images: [],
    });
  });

  test.each([[[]], [['10']], [['10', 'x', 'i']], [['10', '', 'i']], [['1.5', '2', 'i']], [['1e3', '2', 'i']], [['0x10', '2', 'i']]])(
    'are malformed when they begin with %j',
    (values) => {
      expect(fromTensor('images', { dtype: 'string', shape: [values.length], values })).toMatchObject({
        kind: 'malformed',
        why: expect.stringMatching(/width and height/),
      });
    },
  );

  test('are a tensor if they are not strings', () => {
    expect(fromTensor('images', { dtype: 'float', values: [1] }).kind).toBe('tensor');
  });
});

describe('audio', () => {
  const clip = Uint8Array.of(0x52, 0x49);
  const none = new Uint8Array(0);

  test('in the old form is one clip with its facts', () => {
    expect(old('audio', 'audio', audio('', { sampleRate: 44_100, channels: 2, frames: 2 ** 40, encoded: clip }))).toEqual({
      kind: 'audio',
      clips: [{ data: clip, label: none }],
      format: { sampleRate: 44_100, channels: 2, frames: 2 ** 40, contentType: 'audio/wav' },
    });
  });

  test('of tensors is clips, with labels if there are two columns', () => {
    expect(fromTensor('audio', { dtype: 'string', shape: [2, 2], values: [clip, 'one', clip, 'two'] })).toEqual({
      kind: 'audio',
      clips: [
        { data: clip, label: ascii('one') },
        { data: clip, label: ascii('two') },
      ],
    });
    expect(fromTensor('audio', { dtype: 'string', shape: [2], values: [clip, clip] })).toEqual({
      kind: 'audio',
      clips: [
        { data: clip, label: none },
        { data: clip, label: none },
      ],
    });
  });

  test('is malformed when a label is missing', () => {
    expect(fromTensor('audio', { dtype: 'string', shape: [2, 2], values: [clip, 'one', clip] })).toMatchObject({
      kind: 'malformed',
      why: expect.stringMatching(/3 strings/),
    });
  });

  test('is a tensor if it is not strings', () => {
    expect(fromTensor('audio', { dtype: 'float', values: [1] }).kind).toBe('tensor');
  });
});

describe('other plugins', () => {
  test('text keeps its shape and bytes', () => {
    expect(fromTensor('text', { dtype: 'string', shape: [1, 2], values: ['a', Uint8Array.of(0xff)] })).toEqual({
      kind: 'text',
      shape: [1, 2],
      strings: [ascii('a'), Uint8Array.of(0xff)],
    });
    expect(fromTensor('text', { dtype: 'float', values: [1] }).kind).toBe('tensor');
  });

  test('a PR curve has rows', () => {
    expect(fromTensor('pr_curves', { dtype: 'float', shape: [2, 3], values: [1, 2, 3, 4, 5, 6] })).toEqual({
      kind: 'pr_curve',
      shape: [2, 3],
      rows: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    });
    expect(fromTensor('pr_curves', { dtype: 'float', shape: [6, 0], values: [] })).toEqual({
      kind: 'pr_curve',
      shape: [6, 0],
      rows: [[], [], [], [], [], []],
    });
    expect(fromTensor('pr_curves', { dtype: 'float', shape: [6], values: [1, 2, 3, 4, 5, 6] })).toMatchObject({
      kind: 'malformed',
      why: expect.stringMatching(/\[6\]/),
    });
    expect(fromTensor('pr_curves', { dtype: 'string', values: ['x'] }).kind).toBe('tensor');
  });

  test('a PR curve without columns costs no memory, however many rows it claims to have', () => {
    const before = process.memoryUsage().heapUsed;
    const found = fromTensor('pr_curves', { dtype: 'float', shape: [4_000_000, 0], values: [] });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 << 20);
    expect(['malformed', 'tensor']).toContain(found.kind);
  });

  test('meshes, unknown plugins and series without a plugin stay tensors', () => {
    for (const plugin of ['mesh', '', 'my_plugin']) {
      const found = fromTensor(plugin, { dtype: 'uint8', shape: [1, 1, 3], values: [1, 2, 3], as: 'content' });
      expect(found).toEqual({ kind: 'tensor', tensor: { dtype: 'uint8', shape: [1, 1, 3], bytes: Uint8Array.of(1, 2, 3) } });
    }
  });

  test.each(['graphs', 'graph_run_metadata', 'graph_run_metadata_graph', 'graph_tagged_run_metadata', 'graph_keras_model'])(
    '%s holds a graph',
    (plugin) => {
      const graph = Uint8Array.of(1, 2, 3);
      expect(fromTensor(plugin, { dtype: 'string', shape: [1], values: [graph] })).toEqual({ kind: 'graph', data: graph });
      expect(interpret(plugin, { form: 'graph_def', payload: graph })).toEqual({ kind: 'graph', data: graph });
      expect(interpret(plugin, { form: 'tagged_run_metadata', payload: graph })).toEqual({ kind: 'graph', data: graph });
    },
  );

  test('a graph is found in the string of a tensor that claims to hold numbers', () => {
    const payload = concat(field(1, 0, 3), field(8, 2, 'graph'));
    expect(interpret('graphs', { form: 'tensor', payload })).toEqual({ kind: 'graph', data: ascii('graph') });
    expect(interpret('graphs', { form: 'none', payload: new Uint8Array(0) })).toEqual({ kind: 'graph', data: new Uint8Array(0) });
  });

  test('a layout comes in JSON form', () => {
    const margin = field(3, 2, field(1, 2, concat(field(1, 2, 'v'), field(2, 2, 'lo'), field(3, 2, 'hi'))));
    const charts = concat(
      field(2, 2, concat(field(1, 2, 'lines'), field(2, 2, concat(field(1, 2, 'loss.*'), field(1, 2, '__proto__'))))),
      field(2, 2, concat(field(1, 2, 'band'), margin)),
    );
    const layout = concat(field(1, 0, 2), field(2, 2, concat(field(1, 2, 'first'), charts, field(3, 0, true))));
    expect(fromTensor('custom_scalars', { dtype: 'string', values: [layout] })).toEqual({
      kind: 'layout',
      layout: {
        version: 2,
        category: [
          {
            title: 'first',
            chart: [
              { title: 'lines', multiline: { tag: ['loss.*', '__proto__'] } },
              { title: 'band', margin: { series: [{ value: 'v', lower: 'lo', upper: 'hi' }] } },
            ],
            closed: true,
          },
        ],
      },
    });
  });

  test('a layout that breaks off is malformed', () => {
    expect(fromTensor('custom_scalars', { dtype: 'string', values: [Uint8Array.of(0x12, 0x7f)] })).toMatchObject({
      kind: 'malformed',
      why: expect.any(String),
      tensor: { dtype: 'string' },
    });
    expect(fromTensor('custom_scalars', { dtype: 'float', values: [1] }).kind).toBe('tensor');
  });

  test('the message keeps its bytes in the file if the value does not contain all of it', () => {
    const json = (found: Value): { readonly json: Json; readonly blobs: readonly Blob[] } => {
      const blobs: Blob[] = [];
      return { json: valueJson(found, (blob) => blobs.push(blob)), blobs };
    };
    const rawOf = (payload: Uint8Array): object => ({ bytes: payload.length, sha256: sha256Of(payload), format: 'bytes' });

    const rows: WrittenTensor = { dtype: 'float', shape: [4], values: [1, 2, 3, 4] };
    const malformed = json(fromTensor('histograms', rows));
    const tensorJson = { dtype: 'float', shape: [4], values: [1, 2, 3, 4] };
    expect(malformed.json).toMatchObject({ malformed: expect.any(String), tensor: tensorJson, raw: rawOf(tensor(rows)) });
    expect(malformed.blobs.map(({ data, format }) => ({ data, format }))).toEqual([{ data: tensor(rows), format: 'bytes' }]);

    const few: WrittenTensor = { dtype: 'float', shape: [3], values: [1, 2], as: 'content' };
    const unreadable = json(fromTensor('my_plugin', few));
    expect(unreadable.json).toMatchObject({ unreadable: expect.any(String), raw: rawOf(tensor(few)) });
    expect(unreadable.blobs).toHaveLength(1);

    // The upgrade to a tensor rounds to float32.
    const written = histo('', { min: 0.1, max: 1, num: 1, sum: 1, sumSquares: 1, limits: [1], counts: [1] });
    const foreign = old('text', 'histo', written);
    expect(foreign).toMatchObject({ kind: 'tensor', tensor: { dtype: 'float', shape: [1, 3] } });
    const { raw } = foreign.kind === 'tensor' ? foreign.tensor : {};
    expect(json(foreign).json).toMatchObject({ raw: rawOf(raw ?? new Uint8Array(0)) });
    expect(interpret('histograms', { form: 'histo', payload: raw ?? new Uint8Array(0) })).toMatchObject({ proto: { min: 0.1 } });

    // No raw bytes if the value contains everything.
    expect(json(fromTensor('my_plugin', rows))).toEqual({ json: expect.not.objectContaining({ raw: expect.anything() }), blobs: [] });
  });

  test('every value of an unusual form is kept unchanged', () => {
    expect(interpret('text', { form: 'simple_value', payload: Uint8Array.of(0, 0, 0x80, 0x3f) })).toMatchObject({
      kind: 'tensor',
      tensor: { dtype: 'float', shape: [] },
    });
    expect(old('text', 'histo', histo('', { min: 0, max: 1, num: 1, sum: 1, sumSquares: 1, limits: [1], counts: [1] }))).toMatchObject({
      kind: 'tensor',
      tensor: { dtype: 'float', shape: [1, 3] },
    });
    expect(old('text', 'image', value('', [field(4, 2, concat(field(1, 0, 2), field(2, 0, 3), field(4, 2, 'png')))]))).toMatchObject({
      kind: 'text',
      strings: [ascii('3'), ascii('2'), ascii('png')],
    });
  });
});
