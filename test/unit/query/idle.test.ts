import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { backfill } from '../../../src/index.ts';
import { StoreQueries } from '../../../src/query/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

describe('a thread that reads a store', () => {
  it('ends when nobody has asked for long, and another one answers the next question', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'logs'));
    const path = join(folder, 'runs.db');
    const store = { path, mediaPath: join(folder, 'media') };
    await backfill({
      roots: [{ path: join(folder, 'logs') }],
      store,
      statePath: join(folder, 'state'),
      signal: new AbortController().signal,
    });
    const clock = new FakeClock();
    const queries = new StoreQueries(path, { idleMs: 1000, clock });
    // A version belongs to one thread.
    const version = async (): Promise<string> => (await queries.ask({ kind: 'changes' })).version;
    const first = await version();
    await clock.pass(900);
    expect(await version()).toBe(first);
    await clock.pass(900);
    expect(await version()).toBe(first);
    await clock.pass(1000);
    const second = await version();
    expect(second).not.toBe(first);
    const forEver = new StoreQueries(path, { clock });
    const [before] = [await forEver.ask({ kind: 'changes' })];
    await clock.pass(1e9);
    expect((await forEver.ask({ kind: 'changes' })).version).toBe(before.version);
    await Promise.all([queries.close(), forEver.close()]);
  });
});
