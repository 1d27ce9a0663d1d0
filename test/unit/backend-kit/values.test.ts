import { describe, expect, it } from '@jest/globals';
import { fieldOf, hparamsOf } from '../../../src/backend-kit/index.ts';

describe('hyperparameters of a value', () => {
  it('are the values of a session that starts', () => {
    const hparams = { lr: 0.1, optimizer: 'adam', ['__proto__']: 1 };
    expect(hparamsOf({ kind: 'hparams', data: { session_start_info: { hparams } } })).toEqual(Object.entries(hparams));
  });

  it('are empty for a value of another kind or form', () => {
    expect(hparamsOf({ kind: 'hparams', data: { session_start_info: { hparams: ['lr'] } } })).toEqual([]);
    expect(hparamsOf({ kind: 'hparams', data: {} })).toEqual([]);
    expect(hparamsOf({ kind: 'scalar', value: 1 } as never)).toEqual([]);
  });
});

it('a field of a JSON value is its own, and never comes from its prototype', () => {
  expect(fieldOf({ a: 1 }, 'a')).toBe(1);
  expect(fieldOf({ a: 1 }, 'toString')).toBeUndefined();
  expect(fieldOf(['a'], 'length')).toBeUndefined();
  expect(fieldOf(null, 'a')).toBeUndefined();
});
