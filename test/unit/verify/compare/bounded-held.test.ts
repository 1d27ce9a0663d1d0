import { describe, expect, it } from '@jest/globals';
import type { Capabilities, HeldPoint } from '../../../../src/contract/index.ts';
import { boundedHeld } from '../../../../src/verify/compare/index.ts';
import { MEMORY_CAPABILITIES } from '../../../support/memory-backend.ts';

const POINT: HeldPoint = { step: 3, wallTime: 1000.123456, value: 0.5 };

function keeping(keeps: Partial<Capabilities['keeps']>, holds: Capabilities['holds'] = {}): Capabilities {
  const { keeps: all, holds: every } = MEMORY_CAPABILITIES;
  return { ...MEMORY_CAPABILITIES, keeps: { ...all, ...keeps }, holds: { ...every, ...holds } };
}

/** What is believed of a held point: `admitted`, or that it has to be there as it is. */
function judged(capabilities: Capabilities, held: Partial<HeldPoint> | undefined, of: Partial<HeldPoint> = {}, plugin = 'scalars'): string {
  const point = { ...POINT, ...of };
  const there = held === undefined ? undefined : { ...point, ...held };
  return boundedHeld(capabilities, plugin, point, there) === there ? 'admitted' : 'as it is';
}

describe('the declared losses of a backend for a stored point', () => {
  it.each<[string, Partial<HeldPoint> | undefined, Partial<HeldPoint>]>([
    ['another value', { value: 0 }, {}],
    ['a rounded value', { value: Math.fround(0.1) }, { value: 0.1 }],
    ['another step', { step: 0 }, {}],
    ['a rounded time', { wallTime: 1000.123 }, {}],
    ['nothing', undefined, {}],
    ['no NaN', undefined, { value: NaN }],
    ['0 for -0', { value: 0 }, { value: -0 }],
    ['the largest number for infinity', { value: Number.MAX_VALUE }, { value: Infinity }],
    ['a double for a wide integer', { value: 2 ** 60 }, { value: 2n ** 60n + 1n }],
    ['another text', { value: 'object' }, { value: '{"strings":["a"]}' }],
  ])('are ignored if it keeps everything: %s', (_, held, of) => {
    expect(judged(keeping({}), held, of, typeof of.value === 'string' ? 'text' : 'scalars')).toBe('as it is');
  });

  it.each<[string, Capabilities, Partial<HeldPoint> | undefined, Partial<HeldPoint>]>([
    ['steps', keeping({ step: false }), { step: 0 }, {}],
    ['times', keeping({ wallTime: false }), { wallTime: 1000.123 }, {}],
    ['times no clock has', keeping({ wallTime: false }), { wallTime: 0 }, { wallTime: NaN }],
    ['NaN', keeping({ nan: false }), undefined, { value: NaN }],
    ['infinities', keeping({ infinities: false }), { value: Number.MAX_VALUE }, { value: Infinity }],
    ['-0', keeping({ negativeZero: false }), { value: 0 }, { value: -0 }],
    ['wide integers', keeping({ wideIntegers: false }), { value: 2 ** 60 }, { value: 2n ** 60n + 1n }],
    ['a kind it does not hold', keeping({}, { scalars: 'none' }), undefined, {}],
  ])('are accepted for %s if it declares that it does not keep them', (_, capabilities, held, of) => {
    expect(judged(capabilities, held, of)).toBe('admitted');
  });

  it('are accepted for NaN alone if it keeps infinities, and for infinities alone if it keeps NaN', () => {
    const lacks = (keeps: Partial<Capabilities['keeps']>): string[] =>
      [NaN, Infinity, -Infinity].map((value) => judged(keeping(keeps), undefined, { value }));
    expect(lacks({ nan: false, infinities: true })).toEqual(['admitted', 'as it is', 'as it is']);
    expect(lacks({ nan: true, infinities: false })).toEqual(['as it is', 'admitted', 'admitted']);
    expect(lacks({ nan: false })).toEqual(['admitted', 'admitted', 'admitted']);
  });

  it('are accepted only for the declared properties', () => {
    const all = keeping({ step: false, wallTime: false, nan: false, negativeZero: false, wideIntegers: false });
    expect(judged(all, { value: 0 })).toBe('as it is');
    expect(judged(all, { value: 1 }, { value: -0 })).toBe('as it is');
    expect(judged(all, { value: -Number.MAX_VALUE }, { value: Infinity })).toBe('as it is');
    expect(judged(all, { wallTime: 1002 })).toBe('as it is');
    expect(judged(all, { wallTime: NaN })).toBe('as it is');
    expect(judged(all, undefined)).toBe('as it is');
    expect(judged(all, undefined, { value: 'x' }, 'images')).toBe('as it is');
  });

  it('concern the kind that a plugin without its own entry belongs to', () => {
    const few = keeping({}, { other: 'none', scalars: 'native' });
    expect(judged(few, undefined, { value: '{}' }, 'my_plugin')).toBe('admitted');
    expect(judged(few, undefined, { value: '{}' }, 'scalars')).toBe('admitted');
    expect(judged(few, undefined, { value: 1 }, 'scalars')).toBe('as it is');
  });
});
