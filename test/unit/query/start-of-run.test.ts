import { expect, it } from '@jest/globals';
import { startOf } from '../../../src/query/start-of-run.ts';

it.each([
  ['events.out.tfevents.1700000000.host', 1_700_000_009, 1_700_000_000.9],
  ['events.out.tfevents.1700000000.host', 1_700_000_000, 1_700_000_000],
  // A writer gives its points any wall time.
  ['events.out.tfevents.1700000000.host', 12, 1_700_000_000],
  ['events.out.tfevents.1700000000.host', null, 1_700_000_000],
  ['events.out.tfevents.1700000000.host', Number.NaN, 1_700_000_000],
  ['events.out.tfevents', 12, 12],
  ['train.tfevents.host', 12, 12],
  ['train.tfevents.host', null, null],
])('begins %s with the first point at %d at %d', (file, firstWallTime, start) => {
  expect(startOf(file, firstWallTime)).toBe(start);
});

it('keeps runs of one second in the order of their first points', () => {
  const name = 'events.out.tfevents.1700000000.host';
  const starts = [0, 0.2, 5, 5000].map((later) => startOf(name, 1_700_000_000 + later) as number);
  expect(starts.toSorted((a, b) => a - b)).toEqual(starts);
  expect(new Set(starts).size).toBe(4);
  expect(starts.every((start) => Math.floor(start) === 1_700_000_000)).toBe(true);
});
