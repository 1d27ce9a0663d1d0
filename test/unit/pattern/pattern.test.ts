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
  ])('%s over %s gives %j', (glob, text, captures) => {
    expect(new Pattern(glob).match(text)).toEqual(captures);
  });

  it('fills templates with what it named, and leaves other braces alone', () => {
    const captures = new Pattern('epoch_{n}.pth').match('epoch_3.pth') ?? {};
    expect(fillTemplate('checkpoints/{n}/{other}.pth', captures)).toBe('checkpoints/3/{other}.pth');
  });

  it('says which name a template has that nothing gives', () => {
    expect(patternProblem('{n}/{m}', ['n'])).toContain('{m}');
    expect(patternProblem('{n}', ['n'])).toBeUndefined();
  });
});

describe('a glob of runs', () => {
  it('holds for everything below a directory that it matches', () => {
    const isDebug = matcher(['debug', '*/tmp']);
    expect(['debug', 'debug/a/b', 'x/tmp/y', 'debugger', 'x/y/tmp'].map((run) => isDebug(run))).toEqual([true, true, true, false, false]);
  });
});
