import { appendFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { watchLines } from '../../src/cli/terminal/index.ts';
import { RateMeter } from '../../src/rate-meter.ts';
import { WatchStatus } from '../../src/status/index.ts';
import * as w from '../support/event-writer.ts';
import { clockAt } from '../support/fake-clock.ts';
import { freshDirectory, mustRun, remove, repository } from './command.ts';

let folder: string;

beforeEach(() => {
  folder = freshDirectory();
});

afterEach(() => remove(folder));

/** Makes a log directory with one event file. */
function logsOf(name: string, ...bytes: readonly Uint8Array[]): string {
  mkdirSync(join(folder, name));
  const file = join(folder, name, 'events.out.tfevents.1');
  writeFileSync(file, w.concat(...bytes));
  return file;
}

const MANY =
  /(?<![\d.,])1 (new |more |damaged |media |byte )?(files|runs|tags|points|records|names|places|values|bytes|differences|listings|ranges|tries)\b/;

it('the output uses the singular for one', async () => {
  const one = w.event({ wallTime: 1, step: 1, summary: [w.simpleValue('loss', 1)] });
  appendFileSync(logsOf('logs', w.eventFile(one)), w.frame(one).subarray(0, 15));
  logsOf('bare', w.frame(one));
  logsOf('head', w.eventFile());
  logsOf('none', new Uint8Array());
  // What early tensorboardX writes first: a time, and no version. And a record of a data set.
  logsOf('opened', w.frame(w.event({ wallTime: 1 })));
  logsOf('dataset', w.frame(w.field(1, 2, 'features')));
  mkdirSync(join(folder, 'other'));
  writeFileSync(join(folder, 'other', 'x.tfrecord'), '');
  mkdirSync(join(folder, 'profile'));
  writeFileSync(join(folder, 'profile', 'events.out.tfevents.1.profile-empty'), '');
  const says = async (code: number, ...args: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await mustRun(args, { cwd: folder }, code);
    expect(stdout + stderr).not.toMatch(MANY);
    return stdout + stderr;
  };
  expect(await says(0, 'backfill', '--dry-run', 'logs')).toContain('of 1 file (1 new, 0 changed) of 1 run\n');
  expect(await says(0, 'backfill', 'logs')).toContain('1 new point: ');
  expect(await says(0, 'status')).toContain('\n1 file ends in an incomplete record');
  expect(await says(0, 'verify')).toContain('\n1 point compared');
  expect(await says(0, 'export', '--out', 'all.json')).toContain('1 point written');
  expect(await says(0, 'inspect', 'bare')).toContain('1 run, 1 file, ');
  expect(await says(0, 'inspect', 'head')).toContain('1 record, but no summary values');
  expect(await says(0, 'inspect', 'none')).toContain('the file is empty');
  expect(await says(0, 'inspect', 'opened')).toContain('1 record, but no summary values');
  expect(await says(0, 'inspect', 'dataset')).toContain('1 record, but no TensorBoard event');
  expect(await says(0, 'inspect', 'other')).toContain(
    '1 name below it, but none contains "tfevents" like the names of event files; 1 TFRecord file is other data',
  );
  expect(await says(0, 'inspect', 'profile')).toContain('1 .profile-empty file marks a profile');

  cpSync(join(repository, 'test/damaged/flip_in_data'), join(folder, 'flipped'), { recursive: true });
  expect(await says(1, 'backfill', '--store', 'flipped.db', 'flipped')).toContain('Damage: 1 place, ');
  expect(await says(1, 'status', '--store', 'flipped.db')).toContain('\n1 place cannot be read; the next backfill or watch retries it\n');
});

it('a watch uses the singular in its lines, too', () => {
  const status = new WatchStatus({ lanes: [{ name: 'local', type: 'local', where: 'x.db' }], clock: clockAt(() => 0) });
  const run = { root: 'logs', path: 'run' };
  status.lane('local').points = 1;
  status.rootScanned({ root: 'logs', directories: 1, files: 1, tookMs: 1, obstacles: [], isMissing: false });
  status.fileGone('local', run, 'a', 1);
  expect(status.incidents).toMatchObject([{ reason: '1 byte was not mirrored yet into local' }]);
  const text = watchLines(status, new RateMeter(1000), 0).join('\n');
  expect(text).toMatch(/^Watching 1 file in logs .*\nlocal: up to date {2}1 point$/);
});
