import { describe, expect, test } from '@jest/globals';
import { numberCount, readTensor, type Tensor, tensorNumbers } from '../../../src/model/tensor.ts';
import { mirrorboard as messages } from '../../../src/proto/messages.js';
import { concat, type Dtype, type Element, type Encoding, field, tensor, varint } from '../../support/event-writer.ts';

function read(bytes: Uint8Array): Tensor {
  return readTensor(messages.TensorProto.decode(bytes));
}

/** Elements as they are written, and the numbers they come back as where these differ. */
const CASES: readonly (readonly [dtype: Dtype, values: readonly Element[], numbers?: readonly (number | bigint)[]])[] = [
  ['float', [0, -0, 1.5, Math.fround(0.1), Number.NaN, Infinity, -Infinity, 2 ** -149]],
  ['double', [0, -0, 0.1, 5e-324, 1.797e308, Number.NaN, -Infinity]],
  ['int32', [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]],
  ['uint8', [0, 1, 255]],
  ['int16', [0, -1, 32_767, -32_768]],
  ['int8', [0, -1, 127, -128]],
  ['uint16', [0, 65_535, 32_768]],
  ['uint32', [0, 2 ** 32 - 1, 2 ** 31]],
  ['int64', [0, -1, 2 ** 53 - 1, 2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n]],
  ['uint64', [0, 2 ** 53 - 1, 2n ** 53n, 2n ** 64n - 1n]],
  ['bool', [true, false, true], [1, 0, 1]],
  ['half', [0, -0, 1.5, 65_504, 2 ** -24, Number.NaN, -Infinity]],
  ['bfloat16', [0, -0, 1.5, 2 ** 127, Number.NaN, Infinity]],
  [
    'complex64',
    [
      [1.5, -2],
      [0, -0],
    ],
    [1.5, -2, 0, -0],
  ],
  [
    'complex128',
    [
      [0.1, -0.2],
      [Number.NaN, Infinity],
    ],
    [0.1, -0.2, Number.NaN, Infinity],
  ],
];

describe('readTensor', () => {
  const encodings: readonly Encoding[] = ['content', 'packed', 'list'];
  test.each(CASES.flatMap(([dtype, values, numbers]) => encodings.map((as) => [dtype, as, values, numbers] as const)))(
    'reads %s as %s',
    (dtype, as, values, numbers = values as readonly number[]) => {
      const found = read(tensor({ dtype, values, shape: [values.length], as }));
      expect(found).toMatchObject({ dtype, shape: [values.length] });
      expect(found.unreadable).toBeUndefined();
      expect(tensorNumbers(found)).toEqual(numbers);
      expect(numberCount(found)).toBe(numbers.length);
    },
  );

  test.each(CASES)('reads the same bytes of %s from each encoding', (dtype, values) => {
    const [content, packed, list] = encodings.map((as) => Buffer.from(read(tensor({ dtype, values, shape: [values.length], as })).bytes!));
    expect(packed).toEqual(content);
    expect(list).toEqual(content);
  });

  test.each(CASES)(
    'repeats the last element of a list of %s that is shorter than the shape',
    (dtype, values, numbers = values as readonly number[]) => {
      const perElement = numbers.length / values.length;
      const found = tensorNumbers(read(tensor({ dtype, values, shape: [values.length + 2] })));
      const last = numbers.slice(-perElement);
      expect(found).toEqual([...numbers, ...last, ...last]);
    },
  );

  test('treats an empty list as zeros', () => {
    expect(tensorNumbers(read(tensor({ dtype: 'int64', values: [], shape: [3] })))).toEqual([0, 0, 0]);
  });

  test('cannot read a list that is longer than the shape', () => {
    const found = read(tensor({ dtype: 'float', values: [1, 2, 3], shape: [2] }));
    expect(found.unreadable).toMatch(/3 elements/);
    expect(found.bytes).toBeUndefined();
    expect(read(tensor({ dtype: 'float', values: [1], shape: [0] })).unreadable).toBeDefined();
  });

  test('cannot read content that does not fill the shape', () => {
    for (const shape of [[1], [3], [2, 2]]) {
      expect(read(tensor({ dtype: 'float', values: [1, 2], shape, as: 'content' })).unreadable).toMatch(/8 bytes of content/);
    }
  });

  test.each([[[2 ** 40]], [[2 ** 20, 2 ** 20]], [[2 ** 53 - 1]], [[2 ** 30]]])(
    'creates no array for the shape %j from a single element',
    (shape) => {
      const before = process.memoryUsage().arrayBuffers;
      const found = read(tensor({ dtype: 'double', values: [1], shape }));
      expect(found.unreadable).toMatch(/1 elements are too few for/);
      expect(found.shape).toEqual(shape);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
    },
  );

  test.each([[[2n ** 62n]], [[2n ** 40n, 2n ** 40n]], [[-1]], [[-1, -1]], [[-2, 3, -4]]])('does not trust the shape %p', (shape) => {
    expect(read(tensor({ dtype: 'float', values: [1], shape })).unreadable).toMatch(/not possible/);
  });

  test('reads a tensor without elements', () => {
    expect(read(tensor({ dtype: 'float', values: [], shape: [0, 3] })).bytes).toHaveLength(0);
  });

  test('reads a tensor without a shape as a single number', () => {
    expect(tensorNumbers(read(tensor({ dtype: 'float', values: [2.5], shape: null })))).toEqual([2.5]);
  });

  test('reads a tensor of unknown rank as TensorFlow does: as one without dimensions', () => {
    const unknown = concat(field(1, 0, 1), field(2, 2, field(3, 0, true)), field(5, 5, 1));
    expect(tensorNumbers(read(unknown))).toEqual([1]);
  });

  test('cannot read a tensor of an unknown number type', () => {
    expect(read(field(1, 0, 21))).toMatchObject({ dtype: 'dtype21', unreadable: expect.stringMatching(/dtype21/) });
    expect(read(new Uint8Array(0))).toMatchObject({ dtype: 'invalid', unreadable: expect.any(String) });
  });

  test('keeps strings as bytes', () => {
    const found = read(tensor({ dtype: 'string', values: ['ü', Uint8Array.of(0xff, 0), ''], shape: [3] }));
    expect(found.strings?.map((bytes) => [...bytes])).toEqual([[0xc3, 0xbc], [0xff, 0], []]);
    expect(found.bytes).toBeUndefined();
  });

  test('joins a list that is packed and unpacked in turn', () => {
    const bytes = concat(
      field(1, 0, 3),
      field(2, 2, field(2, 2, field(1, 0, 4))),
      field(7, 0, 1),
      field(7, 2, concat(varint(2), varint(3))),
      field(7, 0, -4),
    );
    expect(tensorNumbers(read(bytes))).toEqual([1, 2, 3, -4]);
  });

  test('reads content anywhere in its buffer', () => {
    const bytes = concat(Uint8Array.of(1, 2, 3), tensor({ dtype: 'double', values: [0.1, 0.2], shape: [2], as: 'content' }));
    expect(tensorNumbers(read(bytes.subarray(3)))).toEqual([0.1, 0.2]);
  });

  test('treats any byte but 0 as true', () => {
    const content = concat(field(1, 0, 10), field(2, 2, field(2, 2, field(1, 0, 3))), field(4, 2, Uint8Array.of(0, 1, 110)));
    expect(tensorNumbers(read(content))).toEqual([0, 1, 1]);
  });

  test('returns no more numbers than requested', () => {
    expect(tensorNumbers(read(tensor({ dtype: 'float', values: [1, 2, 3], shape: [3] })), 2)).toEqual([1, 2]);
  });
});
