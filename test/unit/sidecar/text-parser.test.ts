import { describe, expect, test } from '@jest/globals';
import { parseApart } from '../../../src/sidecar/text-parser.ts';

const MIB = 2 ** 20;
const params = (text: string) => ({ kind: 'params', text, prefix: '', isJson: false }) as const;

/** Every line after the first stands for all of the first. */
const aliases = (first: string, count: number): string =>
  `a: &a ${first}\n${Array.from({ length: count }, (_, i) => `b${i}: *a\n`).join('')}`;

describe('texts that others wrote', () => {
  test.each([
    ['a text of 100 kB that 900 aliases stand for', aliases(`["${'x'.repeat(100_000)}"]`, 900), /letters|of memory/],
    ['a list of 20,000 that 900 aliases stand for', aliases(`[${'1,'.repeat(20_000)}1]`, 900), /letters|of memory/],
    ['JSON of 100,000 levels', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, /nested|of memory/],
    ['a mapping of 2,000 levels', `{"a":${'{"a":'.repeat(2000)}1${'}'.repeat(2001)}`, /nested/],
    ['more values than a run has params', Array.from({ length: 10_001 }, (_, i) => `k${i}: 1\n`).join(''), /more than 10000 values/],
    ['a name of 5,000 letters', `? ${'n'.repeat(5000)}\n: 1\n`, /a name has 5000 letters/],
    ['more text than is looked at', 'x'.repeat(4 * MIB + 1), /more than 4194304 bytes/],
  ])('are refused by name: %s', async (_, text, reason) => {
    const said = await parseApart(params(text));
    expect(said).toEqual({ kind: 'invalid', reason: expect.stringMatching(reason) });
  });

  test('cost no more than their share of memory, and the next one is read', async () => {
    const bomb = aliases(`[${'1,'.repeat(500_000)}1]`, 900);
    const said = await parseApart(params(bomb), { mostBytes: 32 * MIB });
    expect(said).toEqual({ kind: 'invalid', reason: 'parsing it takes more than 32MiB of memory' });
    expect(await parseApart(params('lr: 0.1'))).toEqual({ kind: 'params', params: [{ name: 'lr', value: 0.1 }] });
  });

  test('end when their time is over, and the next one is read', async () => {
    // What stands for itself has no end.
    const said = await parseApart(params('a: &a\n  b: *a\n'), { mostMs: 300 });
    expect(said).toEqual({ kind: 'invalid', reason: expect.stringMatching(/0\.3 s|nested/) });
    expect(await parseApart({ kind: 'id', text: '{"run": {"id": 7}}', key: 'run.id' })).toEqual({ kind: 'id', id: '7' });
  });
});
