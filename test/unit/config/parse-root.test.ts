import { describe, expect, it } from '@jest/globals';
import { closestName } from '../../../src/closest-name.js';
import { parseRoot } from '../../../src/config/index.js';

describe('parseRoot', () => {
  const exists = (path: string): boolean => path === 'lr=0.1' || path === 'a/b=c';

  it.each([
    ['logs', { path: 'logs' }],
    ['a=logs', { name: 'a', path: 'logs' }],
    ['a=x=y', { name: 'a', path: 'x=y' }],
    ['a=/mnt/x', { name: 'a', path: '/mnt/x' }],
    ['lr=0.1', { path: 'lr=0.1' }],
    ['best=lr=0.1', { name: 'best', path: 'lr=0.1' }],
    ['a/b=c', { path: 'a/b=c' }],
    ['/mnt/gone=x/y', { path: '/mnt/gone=x/y' }],
  ])('reads %s', (text, root) => {
    expect(parseRoot(text, exists)).toEqual(root);
  });

  it.each(['', '=a', 'a=', '.=a', '..=a', 'a\nb=c'])('refuses %j', (text) => {
    expect(() => parseRoot(text, exists)).toThrow(expect.objectContaining({ code: 'MB1001' }));
  });
});

describe('closestName', () => {
  it('suggests the only name that contains it as a word', () => {
    const flags = ['--scan-interval', '--max-lag', '--log-level', '--log-format'];
    expect(closestName('--interval', flags)).toBe('--scan-interval');
    expect(closestName('--lag', flags)).toBe('--max-lag');
    for (const typed of ['--log', '--inter', '--']) expect(closestName(typed, flags)).toBeUndefined();
  });

  const names = ['project', 'roots', 'lanes', 'log', 'media_path'];

  it.each([
    ['porject', 'project'],
    ['root', 'roots'],
    ['lane', 'lanes'],
    ['logs', 'log'],
    ['MEDIA-PATH', 'media_path'],
    ['mediapth', 'media_path'],
    ['x', undefined],
    ['something', undefined],
    ['a'.repeat(1e6), undefined],
  ])('suggests %.20s', (typed, name) => {
    expect(closestName(typed, names)).toBe(name);
  });
});
