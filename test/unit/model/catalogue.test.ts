import { describe, expect, test } from '@jest/globals';
import { Catalogue, type Series } from '../../../src/model/index.ts';

function facts(tag: string): Omit<Series, 'id'> {
  return {
    tag,
    plugin: 'scalars',
    dataClass: 'scalar',
    metadata: new Uint8Array(0),
    displayName: '',
    description: '',
    form: 'simple_value',
    firstFile: 'f',
    firstOffset: 0,
  };
}

describe('Catalogue', () => {
  test('numbers series in order of appearance', () => {
    const catalogue = new Catalogue();
    expect(['b', 'a', '__proto__', ''].map((tag) => catalogue.define(facts(tag)).id)).toEqual([0, 1, 2, 3]);
    expect(catalogue.find('__proto__')?.id).toBe(2);
    expect(catalogue.find('')?.id).toBe(3);
    expect(catalogue.find('constructor')).toBeUndefined();
    expect(catalogue.size).toBe(4);
  });

  test('continues a stored catalogue, and does not change it', () => {
    const known: readonly Series[] = [{ id: 0, ...facts('a') }];
    const catalogue = new Catalogue(known);
    expect(catalogue.define(facts('b')).id).toBe(1);
    expect(known).toHaveLength(1);
    expect(catalogue.series.map(({ tag }) => tag)).toEqual(['a', 'b']);
  });

  test('undoes the last definition', () => {
    const catalogue = new Catalogue();
    for (const tag of ['a', 'b', 'c']) catalogue.define(facts(tag));
    catalogue.truncate(1);
    expect(catalogue.size).toBe(1);
    expect(catalogue.find('b')).toBeUndefined();
    expect(catalogue.find('a')?.id).toBe(0);
    expect(catalogue.define(facts('c')).id).toBe(1);
  });
});
