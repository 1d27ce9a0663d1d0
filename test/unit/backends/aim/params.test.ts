import { describe, expect, it } from '@jest/globals';
import { mergeParams, paramDifferences } from '../../../../src/backends/aim/params.ts';

describe('params of files in Aim', () => {
  it.each([[['a.b', 'a']], [['a', 'a.b']], [['a.b.c', 'a.b', 'a', 'a.b.d']]])(
    'are complete in any order of a name and the names below it: %j',
    (names) => {
      const params = names.map((name, i) => ({ name, value: i + 0.5 }));
      const { merged } = mergeParams(undefined, params, false);
      expect(paramDifferences(merged, params, false)).toEqual([]);
      // The same again changes nothing.
      expect(mergeParams(merged, params, false).merged).toEqual(merged);
    },
  );
});
