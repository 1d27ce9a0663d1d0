import { describe, expect, test } from '@jest/globals';
import { parseApart } from '../../../src/artifacts/text-parser.ts';

const MIB = 2 ** 20;
const params = (text: string) => ({ kind: 'params', text, prefix: '', form: 'yaml' }) as const;

/** Every line after the first stands for all of the first. */
const aliases = (first: string, count: number): string =>
  `a: &a ${first}\n${Array.from({ length: count }, (_, i) => `b${i}: *a\n`).join('')}`;

describe('texts from other programs', () => {
  test.each([
    ['a text of 100 kB that 900 aliases stand for', aliases(`["${'x'.repeat(100_000)}"]`, 900), /letters|of memory/],
    ['a list of 20,000 that 900 aliases stand for', aliases(`[${'1,'.repeat(20_000)}1]`, 900), /letters|of memory/],
    ['JSON of 100,000 levels', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, /nested|of memory/],
    ['a mapping of 2,000 levels', `{"a":${'{"a":'.repeat(2000)}1${'}'.repeat(2001)}`, /nested/],
    ['more values than a run has params', Array.from({ length: 10_001 }, (_, i) => `k${i}: 1\n`).join(''), /more than 10000 values/],
    ['a name of 5,000 letters', `? ${'n'.repeat(5000)}\n: 1\n`, /a name has 5000 letters/],
    ['more text than mirrorboard reads', 'x'.repeat(4 * MIB + 1), /more than 4194304 bytes/],
  ])('are refused by name: %s', async (_, text, reason) => {
    const said = await parseApart(params(text));
    expect(said).toEqual({ kind: 'invalid', reason: expect.stringMatching(reason) });
  });

  test('stay within their share of memory, and the next one is read', async () => {
    const bomb = aliases(`[${'1,'.repeat(500_000)}1]`, 900);
    const said = await parseApart(params(bomb), { mostBytes: 32 * MIB });
    expect(said).toEqual({ kind: 'invalid', reason: 'parsing it takes more than 32MiB of memory' });
    expect(await parseApart(params('lr: 0.1'))).toEqual({ kind: 'params', params: [{ name: 'lr', value: 0.1 }] });
  });

  test('stop at their time limit, and the next one is read', async () => {
    // What stands for itself has no end.
    const said = await parseApart(params('a: &a\n  b: *a\n'), { mostMs: 300 });
    expect(said).toEqual({ kind: 'invalid', reason: expect.stringMatching(/0\.3 s|nested/) });
    expect(await parseApart({ kind: 'id', text: '{"run": {"id": 7}}', key: 'run.id' })).toEqual({ kind: 'id', id: '7' });
  });
});

describe('texts of tags that contain params', () => {
  const said = async (text: string): Promise<unknown> => {
    const read = await parseApart({ kind: 'params', text, prefix: 'p.', form: 'any' });
    return read.kind === 'params' ? Object.fromEntries(read.params.map(({ name, value }) => [name, value])) : read;
  };

  test.each([
    ['JSON', '{\n  "lr": 0.1,\n  "layers": [1, 2]\n}', { 'p.lr': 0.1, 'p.layers': '[1, 2]' }],
    ['JSON in a fence', '```json\n{"lr": 0.1}\n```', { 'p.lr': 0.1 }],
    ['YAML in a fence', '\n```\nlr: 0.1\nact: null\n```\n', { 'p.lr': 0.1, 'p.act': null }],
    ['indented YAML', '    lr: 0.1\n    net:\n        depth: 3\n', { 'p.lr': 0.1, 'p.net.depth': 3n }],
    ['Python', "# made\nmodel = dict(type='Net', depth=18)\nlr = 0.1\n", { 'p.model.type': 'Net', 'p.model.depth': 18n, 'p.lr': 0.1 }],
    [
      'a table',
      '|param|value|\n|-|-|\n|env|CartPole-v1|\n|seed|1|\n|lr|2.5e-4|\n|cuda|True|\n|kl|None|\n|pipe|a|b|\n',
      { 'p.env': 'CartPole-v1', 'p.seed': 1n, 'p.lr': 2.5e-4, 'p.cuda': true, 'p.kl': null, 'p.pipe': 'a|b' },
    ],
  ])('give %s', async (_, text, values) => {
    expect(await said(text)).toEqual(values);
  });

  test.each([
    ['prose', 'The quick brown fox', /no mapping/],
    ['a list', '[1, 2]', /no mapping/],
    ['code', 'x = 1\nprint(x)', /line 2/],
    ['a table of three columns', '|a|b|c|\n|-|-|-|\n|1|2|3|', /no/],
  ])('are invalid if they are %s', async (_, text, reason) => {
    expect(await said(text)).toEqual({ kind: 'invalid', reason: expect.stringMatching(reason) });
  });
});
