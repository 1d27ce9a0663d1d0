import { describe, expect, it } from '@jest/globals';
import { fillTemplate, matcher, Pattern, patternProblem } from '../../../src/pattern/index.ts';

describe('a pattern', () => {
  it.each([
    ['checkpoint_epoch_{n}.pth', 'checkpoint_epoch_12.pth', { n: '12' }],
    ['checkpoint_epoch_{n}.pth', 'checkpoint_epoch_12.pth.tmp', undefined],
    ['{a}/{b}', 'x/y', { a: 'x', b: 'y' }],
    ['{a}', 'x/y', undefined],
    ['**/{name}.ckpt', 'deep/down/epoch=3.ckpt', { name: 'epoch=3' }],
    ['{jpg,png}/{n}', 'png/7', { n: '7' }],
    ['gradients/**', 'gradients/layer/1', {}],
    ['gradients/**', 'weights/layer', undefined],
    ['.hydra/config.yaml', '.hydra/config.yaml', {}],
    ['*', '.hidden', {}],
    ['a.b', 'axb', undefined],
    ['model-*.pt', 'model-12.pt', {}],
    ['epoch={n}-step={m}.ckpt', 'epoch=3-step=20.ckpt', { n: '3', m: '20' }],
    ["it's 50% [ü]#@&,;:<>~!`*", "it's 50% ü#@&,;:<>~!`x", {}],
    ['{n} 😀', 'verlust 😀', { n: 'verlust' }],
    ['metrics/mAP50(B)', 'metrics/mAP50(B)', {}],
    ['metrics/{what}(B)', 'metrics/mAP50', undefined],
    ['old/{rest**}', 'old/layer/1/weight', { rest: 'layer/1/weight' }],
    ['old/{rest**}', 'old', undefined],
    ['{rest**}/{last}', 'a/b/c', { rest: 'a/b', last: 'c' }],
    ['{n}/{n}.pt', 'a/a.pt', { n: 'a' }],
    ['{n}/{n}.pt', 'a/b.pt', undefined],
  ])('%s over %s gives %j', (glob, text, captures) => {
    expect(new Pattern(glob).match(text)).toEqual(captures);
  });

  it('fills templates with its named parts, and keeps other braces', () => {
    const captures = new Pattern('epoch_{n}.pth').match('epoch_3.pth') ?? {};
    expect(fillTemplate('checkpoints/{n}/{other}.pth', captures)).toBe('checkpoints/3/{other}.pth');
  });

  it('reports an undefined name in a template', () => {
    expect(patternProblem('{n}/{m}', ['n'])).toContain('{m}');
    expect(patternProblem('{n}', ['n'])).toBeUndefined();
    expect(patternProblem('{rest}', new Pattern('a/{rest**}').names)).toBeUndefined();
  });
});

describe('a glob of runs', () => {
  it('matches everything below a directory that it matches', () => {
    const isDebug = matcher(['debug', '*/tmp']);
    expect(['debug', 'debug/a/b', 'x/tmp/y', 'debugger', 'x/y/tmp'].map((run) => isDebug(run))).toEqual([true, true, true, false, false]);
  });

  it('selects the run in the root if it selects all', () => {
    expect([['**'], ['*'], ['.'], ['a/**'], ['*.log']].map((globs) => matcher(globs)('.'))).toEqual([true, true, true, false, false]);
  });
});
