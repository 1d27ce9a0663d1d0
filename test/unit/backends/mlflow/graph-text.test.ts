import { describe, expect, test } from '@jest/globals';
import { graphText } from '../../../../src/backends/mlflow/graph-text.ts';

/** A field of a message that is shorter than 128 bytes. */
const part = (number: number, content: Uint8Array | string): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
};
const int = (number: number, ...varint: readonly number[]): Buffer => Buffer.from([number * 8, ...varint]);
const MINUS_ONE = [255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
const attribute = (name: string, value: Uint8Array): Buffer => part(5, Buffer.concat([part(1, name), part(2, value)]));

describe('the text of a graph', () => {
  test('names nodes, their attributes and what is in them', () => {
    const float = Buffer.alloc(5);
    float[0] = 4 * 8 + 5;
    float.writeFloatLE(0.5, 1);
    const node = Buffer.concat([
      part(1, 'größe "x"\\'),
      part(2, 'Const'),
      attribute('T', int(6, 1)),
      attribute('ref', int(6, 103)),
      attribute('f', float),
      attribute('on', int(5, 1)),
      attribute('s', part(2, Uint8Array.of(0, 10, 200))),
      attribute('shape', part(7, part(2, int(1, ...MINUS_ONE)))),
      attribute('list', part(1, part(3, Uint8Array.of(1, 2)))),
    ]);
    const attr = (key: string, value: string): string => `  attr {\n    key: "${key}"\n    value {\n${value}    }\n  }\n`;
    expect(graphText('graphs', Buffer.concat([part(1, node), part(4, int(1, 134, 1))]))).toBe(
      [
        'node {\n  name: "größe \\"x\\"\\\\"\n  op: "Const"\n',
        attr('T', '      type: DT_FLOAT\n'),
        attr('ref', '      type: DT_INT32_REF\n'),
        attr('f', '      f: 0.5\n'),
        attr('on', '      b: true\n'),
        attr('s', '      s: "\\000\\n\\310"\n'),
        attr('shape', '      shape {\n        dim {\n          size: -1\n        }\n      }\n'),
        attr('list', '      list {\n        i: 1\n        i: 2\n      }\n'),
        '}\nversions {\n  producer: 134\n}\n',
      ].join(''),
    );
  });

  test('numbers what it has no name for', () => {
    expect(graphText('graphs', Buffer.concat([int(15, 7), part(14, int(1, 3)), part(13, '~~')]))).toBe(
      '15: 7\n14 {\n  1: 3\n}\n13: "~~"\n',
    );
  });

  test('is that of a step where it came with what the step took', () => {
    const stats = part(1, part(1, part(1, '/device:CPU:0')));
    expect(graphText('graph_tagged_run_metadata', stats)).toBe('step_stats {\n  dev_stats {\n    device: "/device:CPU:0"\n  }\n}\n');
  });

  test.each([
    ['bytes that end too early', 'graphs', part(1, 'abc').subarray(0, 4)],
    ['bytes that are no message', 'graphs', Buffer.from('{"nodes": []}')],
    ['nothing', 'graphs', Buffer.alloc(0)],
    ['something else', 'graph_keras_model', part(1, 'abc')],
    ['what nobody would read', 'graphs', Buffer.alloc(5_000_000)],
  ])('there is none of %s', (_, plugin, bytes) => expect(graphText(plugin, bytes)).toBeUndefined());
});
