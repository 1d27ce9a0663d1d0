import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { KNOWN_FAULTS, withFault } from './faults/index.ts';
import { FOUND } from './found.ts';
import { simulate } from './histories.ts';

const MINUTE_MS = 60_000;

describe('the simulator', () => {
  it(
    'tells the same history for the same seed, to the byte, and another one for another seed',
    async () => {
      const [first, again, other] = [await simulate('--seed', '11'), await simulate('--seed', '11'), await simulate('--seed', '12')];
      expect(again.text).toBe(first.text);
      expect(other.text).not.toBe(first.text);
    },
    MINUTE_MS,
  );

  it(
    'passes every history that once failed',
    async () => {
      expect(await simulate('--found')).toMatchObject({ code: 0 });
    },
    MINUTE_MS,
  );

  it.each(FOUND.flatMap(({ fault }) => fault ?? []))(
    'fails in the history that once showed it if a fault is put back (%s)',
    async (fault) => {
      expect(await simulate('--found', '--fault', fault)).toMatchObject({ code: 1 });
    },
    MINUTE_MS,
  );

  it.each(['retry-counts-as-stored', 'position-before-send', 'journal-forgotten'])(
    'finds a fault that is put back (%s)',
    async (name) => {
      const { code, text } = await simulate('--fault', name, '--seeds', '150', '--json');
      expect({ code, text }).toEqual({ code: 1, text: expect.stringContaining('"bug":') });
    },
    MINUTE_MS,
  );

  it('has a name of its own for each known fault', () => {
    expect(new Set(KNOWN_FAULTS.map(({ name }) => name)).size).toBe(KNOWN_FAULTS.length);
  });

  it.each(KNOWN_FAULTS.map((fault) => [fault.name, fault] as const))('can put %s back into the code as it is built', (_, fault) => {
    const source = readFileSync(new URL(`../../src/${fault.module}.js`, import.meta.url), 'utf8');
    expect(withFault(source, fault)).not.toBe(source);
  });
});
