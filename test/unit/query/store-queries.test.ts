import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { backfill } from '../../../src/index.ts';
import { StoreQueries } from '../../../src/query/index.ts';
import { event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder = '';
let queries: StoreQueries;

beforeEach(async () => {
  folder = temporaryFolder();
  mkdirSync(join(folder, 'logs/run'), { recursive: true });
  const events = Array.from({ length: 50 }, (_, step) => event({ wallTime: 1000 + step, step, summary: [simpleValue('loss', step / 8)] }));
  writeFileSync(join(folder, 'logs/run/events.out.tfevents.1'), eventFile(...events));
  const store = { path: join(folder, 'runs.db'), mediaPath: join(folder, 'media') };
  const roots = [{ path: join(folder, 'logs') }];
  await backfill({ roots, store, statePath: join(folder, 'runs.state'), signal: AbortSignal.any([]) });
  queries = new StoreQueries(join(folder, 'runs.db'));
});
afterEach(async () => {
  await queries.close();
});

const run = { root: 'logs', path: 'run' };

it('answers several questions in turn in a thread of its own', async () => {
  const [{ total }, curves, tags] = await Promise.all([
    queries.ask({ kind: 'runs' }),
    queries.ask({ kind: 'curves', runs: [run], tags: ['loss'] }),
    queries.ask({ kind: 'tags' }),
  ]);
  expect(total).toBe(1);
  expect(curves[0]?.count).toBe(50);
  expect(tags).toEqual([{ tag: 'loss', plugin: 'scalars', runs: 1, points: 50 }]);
});

it('fails if the store fails, and answers the next question', async () => {
  await expect(queries.ask({ kind: 'runs', select: { filter: 'lr>' } })).rejects.toMatchObject({
    code: 'MB3024',
    hint: expect.stringContaining('lr>1e-4'),
  });
  await expect(queries.ask({ kind: 'series', run: { root: 'logs', path: 'gone' } })).rejects.toMatchObject({ code: 'MB3021' });
  expect((await queries.ask({ kind: 'roots' })).length).toBe(1);
});

it('reports a missing store', async () => {
  const none = new StoreQueries(join(folder, 'none.db'));
  await expect(none.ask({ kind: 'roots' })).rejects.toMatchObject({ code: 'MB3007' });
  await none.close();
});

it('answers from the store that replaced the former one', async () => {
  await queries.ask({ kind: 'roots' });
  for (const name of readdirSync(folder)) if (name.startsWith('runs.db')) rmSync(join(folder, name));
  await expect(queries.ask({ kind: 'roots' })).rejects.toMatchObject({ code: 'MB3007' });
  const store = { path: join(folder, 'runs.db'), mediaPath: join(folder, 'media') };
  await backfill({ roots: [{ path: join(folder, 'logs'), name: 'again' }], store, signal: AbortSignal.any([]) });
  expect(await queries.ask({ kind: 'roots' })).toMatchObject([{ name: 'again' }]);
});

it('cancels a question that is no longer needed', async () => {
  const controller = new AbortController();
  const asked = queries.ask({ kind: 'curves', runs: new Array(500).fill(run), tags: ['loss'] }, controller.signal);
  controller.abort(new Error('the page was left'));
  await expect(asked).rejects.toThrow('the page was left');
  await expect(queries.ask({ kind: 'roots' }, controller.signal)).rejects.toThrow('the page was left');
  expect((await queries.ask({ kind: 'roots' })).length).toBe(1);
});

it('fails pending questions when it is closed', async () => {
  const asked = queries.ask({ kind: 'runs' });
  await Promise.all([expect(asked).rejects.toMatchObject({ code: 'MB9001' }), queries.close()]);
  await expect(queries.ask({ kind: 'runs' })).rejects.toMatchObject({ code: 'MB9001' });
});
