import { describe, expect, it } from '@jest/globals';
import { doubleText, isSameParam, paramText } from '../../../../src/backends/mlflow/params-and-files.ts';

describe('a param in MLflow', () => {
  // What Python's str() makes of the same values: MLflow's own client writes that, and searches compare texts.
  it.each([
    [null, 'None'],
    [true, 'True'],
    [64n, '64'],
    [64, '64.0'],
    [-0, '-0.0'],
    [0.1, '0.1'],
    [0.0001, '0.0001'],
    [0.00005, '5e-05'],
    [1.25e-7, '1.25e-07'],
    [-2.5e-300, '-2.5e-300'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [1.5e22, '1.5e+22'],
    ['0.00005', '0.00005'],
  ])('is written as Python writes it: %p is %s', (value, text) => {
    expect(paramText(value)).toBe(text);
  });

  it('of an event file is a double that may have been an integer', () => {
    expect([32, 5e-5, 1e16].map(doubleText)).toEqual(['32', '5e-05', '1e+16']);
  });

  it('is the same if one value is 1 and the other True', () => {
    expect([isSameParam('1', 'True'), isSameParam('0.0', 'False'), isSameParam('True', 'False'), isSameParam('2', 'true')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([isSameParam('None', '0'), isSameParam('', 'false')]).toEqual([false, false]);
  });

  it('is the same in any spelling of its number', () => {
    expect([isSameParam('0.00005', '5e-05'), isSameParam('64', '64.0'), isSameParam('true', 'True'), isSameParam('a', 'b')]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});
