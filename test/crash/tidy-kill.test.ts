// Kills the commands that change state and store, one after the other, at their commits; then the next start has to
// finish or undo it. Four commits of each are chosen at random (MIRRORBOARD_TEST_SEED); with
// MIRRORBOARD_EVERY_COMMIT=1 it is each of them, on either side.
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repository } from '../e2e/command.ts';
import { MirroredLogs, ONE, range, scalars } from '../support/mirrored-logs.ts';
import { testSeed } from '../support/test-seed.ts';
import { seededRandom } from './backfill-kill.ts';

const seed = testSeed();
const isThorough = process.env['MIRRORBOARD_EVERY_COMMIT'] === '1';
const MOST_KILLS = 4;
const HOOK = `${repository}test/support/kill-at-commit.mjs`;

let logs: MirroredLogs;

beforeAll(async () => {
  logs = await MirroredLogs.make();
  logs.put(`one/a/${ONE}`, ...scalars(0, 10));
  logs.put(`one/b/events.out.tfevents.2`, ...scalars(0, 5));
  logs.put(`two/c/events.out.tfevents.3`, ...scalars(20, 25));
  await logs.mustRun(['backfill', 'one', 'two']);
  // A watch makes the state know the store, too.
  const watching = logs.start('watch', 'one', 'two');
  await watching.said(/two.*scanned|scanned.*two/);
  watching.child.kill('SIGTERM');
  await watching.ended;
  cpSync(logs.folder, `${logs.folder}.kept`, { recursive: true, preserveTimestamps: true });
});

afterAll(async () => {
  rmSync(`${logs.folder}.kept`, { recursive: true, force: true });
  await logs.close();
});

/** All as it was before; what is below the log directories is moved back, and so keeps its inodes. */
function restore(moveBack: () => void): void {
  moveBack();
  for (const name of readdirSync(logs.folder)) if (name.startsWith('mirrorboard')) rmSync(logs.path(name), { recursive: true });
  for (const name of readdirSync(`${logs.folder}.kept`)) {
    if (name.startsWith('mirrorboard')) cpSync(`${logs.folder}.kept/${name}`, logs.path(name), { recursive: true });
  }
  for (const run of logs.stub.store.runs.values()) run.stage = 'active';
}

interface Killed {
  readonly command: readonly string[];
  /** Before the command. */
  readonly before?: () => void;
  readonly moveBack?: () => void;
  /** What is typed next. */
  readonly next: readonly string[];
  /** The runs that the store and the state may know in the end, and nothing between. */
  readonly ends: readonly (readonly string[])[];
}

function runsOf(file: string, sql: string): string[] {
  const db = new DatabaseSync(logs.path(file), { readOnly: true });
  try {
    return db
      .prepare(sql)
      .all()
      .map((row) => String(Object.values(row)[0]));
  } finally {
    db.close();
  }
}

const WITH_FILES = `SELECT root.name || '/' || run.path FROM run JOIN root ON root.id = run.root
  WHERE EXISTS (SELECT 1 FROM file WHERE file.run = run.id) ORDER BY 1`;

interface Kill {
  readonly at: number;
  readonly when: 'before' | 'after';
}

/** Which commits it is killed at. */
function killsOf(commits: number): Kill[] {
  const all = Array.from({ length: commits }, (_, i) => i + 1).flatMap((at): Kill[] => [
    { at, when: 'before' },
    { at, when: 'after' },
  ]);
  if (isThorough) return all;
  const random = seededRandom(seed);
  return all
    .map((kill) => [random(), kill] as const)
    .toSorted(([a], [b]) => a - b)
    .slice(0, MOST_KILLS)
    .map(([, kill]) => kill);
}

/** Kills it, and looks at what the next start makes of it. Returns how many commits there are. */
async function killAtCommits({ command, before, moveBack = () => undefined, next, ends }: Killed): Promise<number> {
  const run = async ({ at, when }: Kill): Promise<number | null> => {
    const env = { ...logs.env, MB_KILL_AT: String(at), MB_KILL_WHEN: when, MB_KILL_COUNT: logs.path('count') };
    const { ended } = logs.startWith({ env, node: ['--import', HOOK] }, ...command);
    return (await ended).code;
  };
  restore(moveBack);
  before?.();
  expect(await run({ at: 0, when: 'before' })).toBe(0);
  const commits = Number(readFileSync(logs.path('count'), 'utf8'));
  for (const kill of killsOf(commits)) {
    restore(moveBack);
    before?.();
    expect(await run(kill)).toBeNull();
    await logs.mustRun(next);
    const stored = runsOf('mirrorboard.db', WITH_FILES);
    const context = { command, seed, ...kill, stored, state: runsOf('mirrorboard.state', WITH_FILES) };
    expect({ ...context, is: ends.some((end) => end.join() === stored.join()) && stored.join() === context.state.join() }).toEqual({
      ...context,
      is: true,
    });
    expect({ ...context, tasks: runsOf('mirrorboard.state', `SELECT key FROM meta WHERE key LIKE '["task"%'`) }).toEqual({
      ...context,
      tasks: [],
    });
    expect({ ...context, points: logs.stored('SELECT count(*), count(DISTINCT step) FROM scalars GROUP BY root, run, tag') }).toEqual({
      ...context,
      points: stored.map((name) => (name.endsWith('a') ? [10, 10] : [5, 5])),
    });
    expect(runsOf('mirrorboard.db', 'SELECT count(*) FROM pragma_foreign_key_check')).toEqual(['0']);
    expect(runsOf('mirrorboard.state', 'SELECT count(*) FROM pragma_foreign_key_check')).toEqual(['0']);
  }
  return commits;
}

const ALL = ['one/a', 'one/b', 'two/c'];
const both = ['backfill', 'one', 'two'];
const CASES: Readonly<Record<string, Killed>> = {
  'root rename': { command: ['root', 'rename', 'one', 'new'], next: both, ends: [ALL, ['new/a', 'new/b', 'two/c']] },
  'root move': {
    command: ['root', 'move', 'one', 'moved'],
    before: () => logs.move('one', 'moved'),
    moveBack: () => logs.moveIf('moved', 'one'),
    next: ['backfill', 'one=moved', 'two'],
    ends: [ALL],
  },
  'run forget': { command: ['run', 'forget', 'one/a', '--yes'], next: [...both, '--exclude', 'a'], ends: [ALL, ['one/b', 'two/c']] },
  'run forget with its tracker run': {
    command: ['run', 'forget', 'one/a', '--yes', '--remove-from', 'mlflow'],
    next: [...both, '--exclude', 'a'],
    ends: [ALL, ['one/b', 'two/c']],
  },
  'root forget': { command: ['root', 'forget', 'one', '--yes'], next: ['backfill', 'two'], ends: [ALL, ['two/c']] },
  'a run that is followed': {
    command: ['backfill', 'one'],
    before: () => logs.move('one/a', 'one/deep/a'),
    moveBack: () => logs.moveIf('one/deep/a', 'one/a'),
    next: both,
    ends: [['one/b', 'one/deep/a', 'two/c']],
  },
  'a run that is followed to another root': {
    command: both,
    before: () => logs.move('one/a', 'two/a'),
    moveBack: () => logs.moveIf('two/a', 'one/a'),
    next: both,
    ends: [['one/b', 'two/a', 'two/c']],
  },
};

describe('a command that is killed at its commits', () => {
  it.each(Object.keys(CASES))('%s: the next start finishes or undoes it', async (name) => {
    const { [name]: killed } = CASES;
    if (killed === undefined) throw new Error(name);
    try {
      expect(await killAtCommits(killed)).toBeGreaterThan(1);
      // Nothing of it is there twice in the tracker, and what no command removes is there.
      const active = logs.stub.runs().map((run) => run.name);
      expect([...new Set(active)].sort()).toEqual(active.toSorted());
      expect(active).toEqual(expect.arrayContaining(['b', 'c']));
      expect(logs.tracked()).toMatchObject({ b: range(5) });
      await logs.mustRun(['state', 'check']);
    } finally {
      killed.moveBack?.();
    }
  });
});
