import { existsSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { corpus, freshDirectory, mirrorboard, mustRun, remove, start } from './command.ts';

let folder: string;

beforeEach(() => {
  folder = freshDirectory();
});

afterEach(() => remove(folder));

/** Every file and folder below a folder that others than its owner have a right to. */
function open(below: string, others: number): string[] {
  const names = readdirSync(below, { recursive: true, encoding: 'utf8' }).map((name) => join(below, name));
  return names.filter((name) => (lstatSync(name).mode & others) !== 0);
}

const offline = (umask = ''): string =>
  `${umask}lanes: { local: {}, wandb: { mode: offline, project: p, dir: ./wandb }, clearml: { mode: offline, project: p, cache_dir: ./clearml } }\n`;

describe('files that mirrorboard writes', () => {
  it('are readable for their owner only: store, media, state, locks and offline folders', async () => {
    const own = join(folder, 'own');
    mkdirSync(own);
    writeFileSync(join(own, 'mirrorboard.yaml'), offline());
    await mustRun(['backfill', corpus('torch_everything')], { cwd: own });
    expect(open(own, 0o077)).toEqual([join(own, 'mirrorboard.yaml')]);
    expect(readdirSync(own).sort()).toEqual(
      expect.arrayContaining(['clearml', 'mirrorboard.db', 'mirrorboard.media', 'mirrorboard.state', 'wandb']),
    );
    expect(readdirSync(join(own, 'mirrorboard.media/.making'))).toEqual([]);
  });

  it('are readable for the group if umask allows it', async () => {
    writeFileSync(join(folder, 'mirrorboard.yaml'), offline('umask: "027"\n'));
    await mustRun(['backfill', corpus('torch_everything')], { cwd: folder });
    for (const name of ['mirrorboard.db', 'mirrorboard.state']) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o640);
    expect(statSync(join(folder, 'mirrorboard.media')).mode & 0o777).toBe(0o750);
    await mustRun(['backfill', corpus('tf2_scalars'), '--store', 'other.db'], { cwd: folder, env: { MIRRORBOARD_UMASK: '022' } });
    expect(statSync(join(folder, 'other.db')).mode & 0o777).toBe(0o644);
  });

  it('need a valid umask', async () => {
    const { stderr } = await mustRun(['status'], { cwd: folder, env: { MIRRORBOARD_UMASK: '9' } }, 2);
    expect(stderr).toContain('MIRRORBOARD_UMASK: found "9"');
  });

  it('never follow a link that has the name of one of them', async () => {
    const victim = join(folder, 'victim');
    const links = ['m.db.lock.owner', 'm.state.lock.owner'];
    writeFileSync(victim, 'precious');
    for (const name of links) symlinkSync(victim, join(folder, name));
    writeFileSync(join(folder, 'mirrorboard.yaml'), offline());
    const args = ['backfill', corpus('tf2_scalars'), '--store', 'm.db', '--state', 'm.state'];
    await mustRun(args, { cwd: folder });
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    for (const name of links) expect(lstatSync(join(folder, name)).isFile()).toBe(true);
    symlinkSync(victim, join(folder, 'out.csv'));
    await mustRun(['export', '--store', 'm.db', '--format', 'csv', '--out', 'out.csv'], { cwd: folder });
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });

  it('are refused if a lock is a link', async () => {
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'm.db.lock'));
    const { stderr } = await mustRun(['backfill', corpus('tf2_scalars'), '--store', 'm.db'], { cwd: folder }, 2);
    expect(stderr).toContain('MB3010');
    expect(existsSync(join(folder, 'elsewhere'))).toBe(false);
  });

  it('are refused if a store or a state has a second hard link, which would have a separate lock', async () => {
    writeFileSync(join(folder, 'mirrorboard.yaml'), offline());
    for (const name of ['a', 'b']) mkdirSync(join(folder, name));
    await mustRun(['backfill', corpus('tf2_scalars'), '--store', 'a/m.db', '--state', 'a/m.state'], { cwd: folder });
    linkSync(join(folder, 'a/m.db'), join(folder, 'b/m.db'));
    linkSync(join(folder, 'a/m.state'), join(folder, 'c.state'));
    for (const [store, state] of [
      ['b/m.db', 'd.state'],
      ['a/m.db', 'd.state'],
      ['d.db', 'c.state'],
    ] as const) {
      const { stderr } = await mustRun(['backfill', corpus('tf2_scalars'), '--store', store, '--state', state], { cwd: folder }, 2);
      expect(stderr).toMatch(/MB3010.*has 2 hard links/);
    }
    // Reading is safe.
    await mustRun(['export', '--store', 'b/m.db'], { cwd: folder });
  });

  const asRoot = process.geteuid?.() === 0 ? it : it.skip;
  asRoot('are refused if the store is under a link that another user made', async () => {
    const link = join(folder, 'm.db');
    symlinkSync(join(folder, 'real.db'), link);
    await mustRun(['backfill', corpus('tf2_scalars'), '--store', 'm.db'], { cwd: folder });
    const { lchownSync } = await import('node:fs');
    lchownSync(link, 65534, 65534);
    const { stderr } = await mustRun(['backfill', corpus('tf2_scalars'), '--store', 'm.db'], { cwd: folder }, 2);
    expect(stderr).toMatch(/MB3010.*is a link that another user created/);
  });
});

describe('a damaged store', () => {
  async function damaged(change: string): Promise<void> {
    await mustRun(['backfill', corpus('torch_docs_training_loop'), '--store', 'm.db'], { cwd: folder });
    const db = new DatabaseSync(join(folder, 'm.db'));
    db.exec(`PRAGMA foreign_keys = OFF; ${change}`);
    db.close();
  }

  it.each([
    ['points', 'DELETE FROM point WHERE id = (SELECT first_point FROM segment LIMIT 1)'],
    ['a segment', 'DELETE FROM segment WHERE series = (SELECT min(series) FROM segment)'],
    [
      'series',
      'DELETE FROM segment WHERE series = (SELECT min(id) FROM series); DELETE FROM series WHERE id = (SELECT min(id) FROM series)',
    ],
  ])('fails an export that has lost %s, in every format', async (_, change) => {
    await damaged(change);
    for (const format of ['csv', 'json', 'parquet']) {
      const { stderr } = await mustRun(['export', '--store', 'm.db', '--format', format, '--out', 'out'], { cwd: folder }, 1);
      expect(stderr).toMatch(/MB3006.*is damaged: run .* has \d+ points?, and the store lists/);
      expect(existsSync(join(folder, 'out'))).toBe(false);
    }
    const { stdout } = await mustRun(['export', '--store', 'm.db', '--format', 'csv'], { cwd: folder }, 1);
    expect(stdout.split('\n').length).toBeGreaterThan(1);
    await mustRun(['verify', '--store', 'm.db'], { cwd: folder }, 1);
  });

  it('is named when a backfill or a watch begins', async () => {
    await damaged(
      'DELETE FROM segment WHERE series = (SELECT min(id) FROM series); DELETE FROM series WHERE id = (SELECT min(id) FROM series)',
    );
    const { stderr } = await mustRun(['backfill', corpus('torch_docs_training_loop'), '--store', 'm.db'], { cwd: folder }, 1);
    expect(stderr).toMatch(/m\.db: the store is damaged \(the points of 1 run and of their series do not add up/);
    const watch = start(['watch', corpus('torch_docs_training_loop'), '--store', 'm.db', '--log-format', 'json'], { cwd: folder });
    await watch.said(/do not add up/);
    watch.child.kill('SIGTERM');
    await watch.ended;
  });

  it('is complete again after verify --repair and a backfill', async () => {
    await damaged('DELETE FROM segment WHERE series = (SELECT min(series) FROM segment)');
    await mustRun(['export', '--store', 'm.db'], { cwd: folder }, 1);
    await mustRun(['verify', '--store', 'm.db', '--repair'], { cwd: folder }, 1);
    await mirrorboard(['backfill', corpus('torch_docs_training_loop'), '--store', 'm.db'], { cwd: folder });
    await mustRun(['verify', '--store', 'm.db'], { cwd: folder });
    await mustRun(['export', '--store', 'm.db'], { cwd: folder });
  });
});
