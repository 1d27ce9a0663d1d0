import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { openForWriting, smallCache } from '../../../../src/backends/local/client.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

it('has a small cache while a store is read once, and then the one it had', () => {
  const db = openForWriting(join(temporaryFolder(), 'store.db'));
  const kilobytes = (): number => -Number(db.prepare('PRAGMA cache_size').get()?.['cache_size']);
  const before = kilobytes();
  const reading = (): number => {
    using _cache = smallCache(db);
    return kilobytes();
  };
  expect(reading()).toBeLessThan(before / 10);
  expect(kilobytes()).toBe(before);
  db.close();
});
