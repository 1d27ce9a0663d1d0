// What a query remembers of runs, compared with what a fresh one finds.
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from '@jest/globals';
import { LocalBackend } from '../../../src/backends/local/index.ts';
import { backfill } from '../../../src/index.ts';
import { type Question, StoreQuery } from '../../../src/query/index.ts';
import { event, eventFile, frame, hparamsSessionStart, simpleValue } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const point = (step: number, value: number, tag = 'loss'): Uint8Array =>
  event({ wallTime: 1000 + step, step, summary: [simpleValue(tag, value)] });
const params = (lr: number): Uint8Array => event({ wallTime: 1, step: 0, summary: [hparamsSessionStart({ lr })] });

const QUESTIONS: readonly Question[] = [
  { kind: 'runs', metrics: ['loss', 'acc'], params: ['lr'] },
  { kind: 'runs', order: { by: 'metric', tag: 'loss', descending: true } },
  { kind: 'runs', order: { by: 'param', name: 'lr' } },
  { kind: 'runs', order: { by: 'run', descending: true } },
  { kind: 'runs', select: { filter: 'loss>0.5 lr<1' } },
  { kind: 'runs', select: { filter: 'has:ac*' } },
  { kind: 'runs', select: { filter: 'has:loss -has:acc' } },
  { kind: 'tags' },
  { kind: 'plugins' },
  { kind: 'hparams' },
  { kind: 'starts' },
  { kind: 'damage' },
];

const USES = 'SELECT root, tag, plugin, runs, points FROM tag_use WHERE runs <> 0 OR points <> 0 ORDER BY root, tag, plugin';
const COUNTED = `SELECT run.root, series.tag, plugin, count(*) AS runs, sum(count) AS points FROM series JOIN run ON run.id = run
  JOIN definition ON definition.id = definition WHERE count > 0 GROUP BY run.root, series.tag, plugin ORDER BY 1, 2, 3`;

it('remembers nothing that has changed', async () => {
  const folder = temporaryFolder();
  const store = { path: join(folder, 'runs.db'), mediaPath: join(folder, 'media') };
  const file = (run: string): string => join(folder, 'logs', run, 'events.out.tfevents.1000');
  const put = (run: string, ...events: readonly Uint8Array[]): void => {
    mkdirSync(join(folder, 'logs', run), { recursive: true });
    writeFileSync(file(run), eventFile(...events));
  };
  const mirror = () => backfill({ roots: [{ path: join(folder, 'logs') }], store, signal: new AbortController().signal });
  put('a', params(0.1), point(1, 1));
  put('b', point(1, 2));
  await mirror();

  const query = new StoreQuery(store.path);
  let version: string | undefined;
  const changesAre = (runs: readonly string[] | 'all'): void => {
    const changes = query.ask({ kind: 'changes', ...(version === undefined ? {} : { since: version }) });
    version = changes.version;
    expect(changes.runs === 'all' ? 'all' : changes.runs.map(({ path }) => path)).toEqual(runs);
    const fresh = new StoreQuery(store.path);
    for (const question of QUESTIONS) expect(query.ask(question)).toEqual(fresh.ask(question));
    fresh.close();
    const db = new DatabaseSync(store.path, { readOnly: true });
    // As if counted now.
    expect(db.prepare(USES).all()).toEqual(db.prepare(COUNTED).all());
    db.close();
  };
  changesAre('all');
  changesAre([]);

  appendFileSync(file('a'), frame(point(2, 0.25)));
  await mirror();
  changesAre(['a']);
  expect(query.ask({ kind: 'runs', metrics: ['loss'] }).runs[0]?.metrics).toEqual({ loss: { count: 2, last: 0.25, min: 0.25, max: 1 } });

  put('c', params(0.5), point(1, 9, 'acc'));
  appendFileSync(file('b'), frame(params(2)));
  await mirror();
  changesAre(['b', 'c']);

  // Other bytes under the name: the metric and the params of before are gone.
  put('a', point(1, 7, 'acc'));
  await mirror();
  changesAre(['a']);
  expect(query.ask({ kind: 'hparams' }).map(({ run }) => run.path)).toEqual(['b', 'c']);

  renameSync(join(folder, 'logs', 'b'), join(folder, 'logs', 'moved'));
  await mirror();
  changesAre('all');
  expect(query.ask({ kind: 'runs' }).runs.map(({ run }) => run.path)).toEqual(['a', 'c', 'moved']);

  const backend = new LocalBackend(store);
  backend.tidy({ kind: 'forget', root: 'logs', isRoot: false, runs: ['c'], files: [], keepsPoints: false });
  await backend.close();
  rmSync(join(folder, 'logs', 'c'), { recursive: true });
  changesAre('all');

  const kept = new DatabaseSync(store.path, { readOnly: true });
  // Nothing of the forgotten run is left, not even its tags and what they said.
  expect(
    kept
      .prepare('SELECT name FROM tag ORDER BY name')
      .all()
      .map(({ name }) => name),
  ).toEqual(['_hparams_/session_start_info', 'acc', 'loss']);
  expect(kept.prepare('SELECT count(*) AS n FROM definition WHERE id NOT IN (SELECT definition FROM series)').get()).toEqual({ n: 0 });
  kept.close();

  // The name of a file decides which point is the last one.
  writeFileSync(join(folder, 'logs', 'a', 'events.out.tfevents.2000'), eventFile(point(5, 5, 'acc')));
  await mirror();
  changesAre(['a']);
  renameSync(file('a'), join(folder, 'logs', 'a', 'events.out.tfevents.3000'));
  await mirror();
  changesAre(['a']);
  expect(query.ask({ kind: 'runs', metrics: ['acc'] }).runs[0]?.metrics['acc']).toMatchObject({ count: 2, last: 7 });

  const db = new DatabaseSync(store.path);
  db.exec("UPDATE run SET visibility = 'hidden' WHERE path = 'moved'");
  db.close();
  changesAre(['moved']);
  query.close();
});
