import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeMediaLog } from '../crash/media-log.ts';
import { bigLog } from '../support/big-log.ts';
import { corpus, freshDirectory, mustRun, remove, repository } from './command.ts';
import { mountMemory, remount, unmount, whyNoMounts } from './mounts.ts';

const reason = whyNoMounts();
if (reason !== undefined) process.stderr.write(`disk.test: tests that need a file system of their own are skipped: ${reason}\n`);
const itMounts = reason === undefined ? it : it.skip;

let folder: string;
let small: string;

beforeEach(() => {
  folder = freshDirectory();
  small = join(folder, 'small');
});

afterEach(() => {
  unmount(small);
  remove(folder);
});

function expectIntact(store: string): void {
  const db = new DatabaseSync(store);
  try {
    expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  } finally {
    db.close();
  }
}

describe('a full disk', () => {
  itMounts('ends a backfill with a clear error and an intact store, which a later one completes', async () => {
    const logs = join(folder, 'logs');
    bigLog({ dir: logs, runs: 10, tags: 5, steps: 4000, files: 2 });
    mountMemory(small, 'size=3m');
    const store = join(small, 'mirrorboard.db');
    const { stderr, stdout } = await mustRun(['backfill', logs, '--store', store], { cwd: folder }, 1);
    expect(stderr).toMatch(/MB3005.*the disk is full/);
    expect(stdout).toBe('');
    await mustRun(['backfill', logs, '--store', store], { cwd: folder }, 1);
    remount(small, 'size=64m');
    expectIntact(store);
    await mustRun(['backfill', logs, '--store', store], { cwd: folder });
    const [exported, wanted] = [
      ['export', '--store', store],
      ['inspect', '--format', 'json', logs],
    ] as const;
    expect((await mustRun(exported, { cwd: folder })).stdout === (await mustRun(wanted, { cwd: folder })).stdout).toBe(true);
  });

  itMounts('ends it the same way when media fill it', async () => {
    const logs = join(folder, 'logs');
    writeMediaLog(logs, 700);
    mountMemory(small, 'size=3m');
    const store = join(small, 'mirrorboard.db');
    expect((await mustRun(['backfill', logs, '--store', store], { cwd: folder }, 1)).stderr).toMatch(/MB3005.*the disk is full/);
    remount(small, 'size=64m');
    expectIntact(store);
    await mustRun(['backfill', logs, '--store', store], { cwd: folder });
    const db = new DatabaseSync(store, { readOnly: true });
    try {
      const paths = db.prepare('SELECT path FROM media').all();
      expect(paths.length).toBe(770);
      expect(paths.filter(({ path }) => !existsSync(join(small, 'mirrorboard.media', String(path))))).toEqual([]);
    } finally {
      db.close();
    }
    expect(readdirSync(join(small, 'mirrorboard.media'), { recursive: true }).filter((name) => String(name).endsWith('.tmp'))).toEqual([]);
  });

  itMounts('ends an export with a clear error, and leaves no incomplete file', async () => {
    await mustRun(['backfill', join(repository, 'test/logs')], { cwd: folder });
    mountMemory(small, 'size=8k');
    for (const format of ['json', 'csv', 'parquet']) {
      const { stderr } = await mustRun(['export', '--format', format, '--out', join(small, 'all')], { cwd: folder }, 1);
      expect(stderr).toMatch(/MB3009.*(ENOSPC|no space)/);
      expect(readdirSync(small)).toEqual([]);
    }
  });
});

describe('a folder that does not allow writes', () => {
  it('is reported if a file has its name', async () => {
    writeFileSync(join(folder, 'file'), 'in the way');
    const { stderr } = await mustRun(['backfill', corpus('tf2_scalars'), '--store', 'file/mirrorboard.db'], { cwd: folder }, 1);
    expect(stderr).toMatch(/error\[MB3001\]/);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('is reported if the store is a folder', async () => {
    expect((await mustRun(['backfill', corpus('tf2_scalars'), '--store', '.'], { cwd: folder }, 1)).stderr).toMatch(/error\[MB3001\]/);
    expect((await mustRun(['export', '--store', '.'], { cwd: folder }, 1)).stderr).toMatch(/error\[MB3001\]/);
  });

  itMounts('is reported if the file system is read-only; an existing store can be read', async () => {
    mountMemory(small, 'size=16m');
    const store = join(small, 'mirrorboard.db');
    await mustRun(['backfill', corpus('tf2_scalars'), '--store', store], { cwd: folder });
    remount(small, 'ro');
    const { stderr } = await mustRun(['backfill', corpus('tf2_scalars'), '--store', store], { cwd: folder }, 1);
    expect(stderr).toMatch(/error\[MB300[15]\]/);
    expect((await mustRun(['backfill', corpus('tf2_scalars'), '--store', join(small, 'new.db')], { cwd: folder }, 1)).stderr).toMatch(
      /error\[MB3001\]/,
    );
    const { stdout } = await mustRun(['export', '--store', store], { cwd: folder });
    expect(stdout).toBe((await mustRun(['inspect', '--format', 'json', corpus('tf2_scalars')], { cwd: folder })).stdout);
  });
});
