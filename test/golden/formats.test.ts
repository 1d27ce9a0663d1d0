// Stores and states that earlier versions wrote, opened by this one: it continues where they ended.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SCHEMA_VERSION } from '../../src/state/schema.ts';
import { corpus, endAll, freshDirectory, mirrorboard, mustRun, remove, repository } from '../e2e/command.ts';

const LOGS = ['flax_metrics', 'tf2_dtypes', 'tf2_mesh', 'tbx_steps', 'tf2_scalars', 'tbx_hparams'];
const POINTS = 458;
const archives = readdirSync(join(repository, 'test/formats')).filter((name) => name.endsWith('.tgz'));

let folder: string;

beforeEach(() => {
  folder = freshDirectory();
  for (const name of LOGS) cpSync(corpus(name), join(folder, 'logs', name), { recursive: true });
  writeFileSync(join(folder, 'mirrorboard.yaml'), 'lanes:\n  local: {}\n  wandb: { mode: offline, project: mirror }\n');
});

afterEach(async () => {
  await endAll();
  remove(folder);
});

const json = async (...args: string[]) => JSON.parse((await mustRun([...args, '--json'], { cwd: folder })).stdout);
const offlineFolders = (): string[] => (existsSync(join(folder, 'wandb')) ? readdirSync(join(folder, 'wandb')).sort() : []);

describe('a format of an earlier version', () => {
  it('has a sample for every release', () => {
    const released = [...readFileSync(join(repository, 'CHANGELOG.md'), 'utf8').matchAll(/^## \[(\d+\.\d+\.\d+)\]/gm)].map(
      ([, version]) => version,
    );
    expect(released.filter((version) => !archives.includes(`${version}.tgz`))).toEqual([]);
    expect(archives).toContain('0.1.0.tgz');
  });

  it.each(archives)('%s continues, and verify finds it complete', async (archive) => {
    execFileSync('tar', ['-xzf', join(repository, 'test/formats', archive), '-C', folder]);
    const before = offlineFolders();

    const summary = await json('backfill', 'logs');
    expect(summary.totals).toMatchObject({ new_points: 0, points_before: POINTS, bytes_read: before.length > 0 ? 0 : expect.any(Number) });
    const wandb = summary.lanes.find(({ name }: { name: string }) => name === 'wandb');
    // A lane of which the archive knows nothing gets everything.
    expect(wandb).toMatchObject({ new_points: before.length > 0 ? 0 : POINTS, refused: 0, reason: null });
    if (before.length > 0) expect(offlineFolders()).toEqual(before);

    const verified = await json('verify', '--strict');
    expect(verified).toMatchObject({ exit_code: 0, differences: 0 });
    expect(verified.lanes.map(({ lane, totals }: { lane: string; totals: { equal: number } }) => [lane, totals.equal])).toEqual([
      ['local', POINTS],
      ['wandb', POINTS],
    ]);
    const { stdout } = await mustRun(['state', 'export'], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ format: 'mirrorboard.state', version: SCHEMA_VERSION });
    expect(await json('state', 'check')).toMatchObject({ valid: true });
  });

  it('is refused if a newer version wrote it, and does not change', async () => {
    execFileSync('tar', ['-xzf', join(repository, 'test/formats/0.1.0.tgz'), '-C', folder]);
    for (const [name, code] of [
      ['mirrorboard.state', 'MB3103'],
      ['mirrorboard.db', 'MB3003'],
    ] as const) {
      const file = join(folder, name);
      const bytes = readFileSync(file);
      // SQLite keeps user_version at offset 60, the most significant byte first.
      const newer = Buffer.from(bytes);
      newer.writeUInt32BE(999, 60);
      writeFileSync(file, newer);
      const { code: exit, stderr } = await mirrorboard(['backfill', 'logs'], { cwd: folder });
      expect([exit, stderr]).toEqual([expect.any(Number), expect.stringContaining(code)]);
      expect(exit).not.toBe(0);
      expect(readFileSync(file).equals(newer)).toBe(true);
      writeFileSync(file, bytes);
    }
  });
});
