import { expect, it } from '@jest/globals';
import type { PositionOwner } from '../../../src/contract/index.ts';
import type { RunRef } from '../../../src/model/index.ts';
import { StoreUpkeep } from '../../../src/sync/store-upkeep.ts';
import { SyncedStoreRun } from '../../../src/sync/stored-run.ts';

const runOf = (path: string): SyncedStoreRun => new SyncedStoreRun({ root: 'logs', path }, '/logs' as never);

it('merges what growing runs got last after every 16 parcels, and goes on where a call ended', () => {
  const calls: string[][] = [];
  let done = 1;
  const mergeRecent = (runs: readonly RunRef[]): number => {
    calls.push(runs.map(({ path }) => path));
    return done;
  };
  const upkeep = new StoreUpkeep({ mergeRecent } as unknown as PositionOwner);
  const [a, b] = [runOf('a'), runOf('b')];
  for (let parcel = 1; parcel < 16; parcel++) upkeep.grew(a);
  upkeep.compact();
  expect(calls).toEqual([]);
  upkeep.grew(a);
  for (let parcel = 1; parcel <= 20; parcel++) upkeep.grew(b);
  upkeep.compact();
  done = 0;
  upkeep.compact();
  done = 1;
  upkeep.compact();
  upkeep.compact();
  expect(calls).toEqual([['a', 'b'], ['b'], ['b']]);
  expect([a.recentParcels, b.recentParcels]).toEqual([0, 0]);
});
