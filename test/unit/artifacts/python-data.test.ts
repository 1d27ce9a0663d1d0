import { describe, expect, it } from '@jest/globals';
import { parsePython } from '../../../src/artifacts/python-data.ts';

describe('Python that only assigns plain values', () => {
  it.each([
    ["a = 1\nb = 1.0; c = -3e-4 # why\nd = '#'", { a: 1n, b: 1, c: -3e-4, d: '#' }],
    ['a = True\nb = None\nc = float("inf")\nd = -0x10\ne = 1_000', { a: true, b: null, c: Infinity, d: -16n, e: 1000n }],
    [
      "a = dict(\n    type='SGD',  # one\n    lr=.01,\n)",
      {
        a: new Map<string, unknown>([
          ['type', 'SGD'],
          ['lr', 0.01],
        ]),
      },
    ],
    ['a = [1, (2,), (3), [], (), {1, 2}]', { a: [1n, [2n], 3n, [], [], [1n, 2n]] }],
    [
      "a = {'x': 1, 2: {}, (1, 2): 'y'}",
      {
        a: new Map<string, unknown>([
          ['x', 1n],
          ['2', new Map()],
          ['(1, 2)', 'y'],
        ]),
      },
    ],
    [
      "a = ('one '\n     \"two\")\nb = r'\\d'\nc = 'it\\'s \\u00e9\\n'\nd = '''x\ny'''",
      { a: 'one two', b: '\\d', c: "it's é\n", d: 'x\ny' },
    ],
    ['a = list([1])\nb = tuple((1, 2))\nc = set()\n', { a: [1n], b: [1n, 2n], c: [] }],
    ['a = 1 + \\\n', undefined],
  ])('is read: %s', (text, values) => {
    if (values === undefined) expect(() => parsePython(text)).toThrow('line 1');
    else expect(Object.fromEntries(parsePython(text))).toEqual(values);
  });

  it.each([
    ['import os', 1],
    ['a = 1\nb = os.environ["HOME"]', 2],
    ['a = open("x")', 1],
    ['a == 1', 1],
    ["a = 'no end\n'", 1],
    ['a = [1, 2', 1],
    ['a = dict(1, 2)', 1],
    ['a = __import__("os")', 1],
    ['if True: a = 1', 1],
  ])('is an error with the line if it does more: %s', (text, line) => {
    expect(() => parsePython(text)).toThrow(`it is not Python that only assigns plain values: line ${line}`);
  });

  it('is an error if it is nested too deeply', () => {
    expect(() => parsePython(`a = ${'['.repeat(200)}`)).toThrow('nested too deeply');
  });
});
