import { describe, expect, it } from '@jest/globals';
import { readOptions } from '../../bench/options.ts';

describe('the options', () => {
  it('of a quick run are one pair and small sizes, unless others are given', () => {
    expect(readOptions(['--quick', 'decode'])).toMatchObject({ isQuick: true, pairs: 1, scale: 0.01, names: ['decode'] });
    expect(readOptions(['--quick', '--pairs', '2'])).toMatchObject({ pairs: 2, scale: 0.01 });
    expect(readOptions([])).toMatchObject({ pairs: 5, scale: 1, isReport: false, pages: undefined, against: undefined });
  });

  it.each([
    [['--pairs', '0'], '--pairs: expected'],
    [['--scale', '2'], '--scale: expected'],
    [['--report', '--against', 'x'], '--report and --against'],
    [['--page', 'x'], '--page: expected'],
    [['--nothing'], '--nothing'],
  ])('%j are refused', (args, problem) => {
    expect(readOptions(args)).toContain(problem);
  });
});
