import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalBackend } from '../../src/backends/local/index.ts';
import { MediaFolder } from '../../src/backends/local/media.ts';
import type { RunJob } from '../../src/reading/read-event.ts';
import { FileWindow } from '../../src/tail/index.ts';
import { freshDirectory, mustRun, remove, repository, start, stateOf } from '../e2e/command.ts';
import { bigLog } from '../support/big-log.ts';
import { directoryAt } from '../support/directory.ts';
import * as w from '../support/event-writer.ts';
import { readRun } from '../support/read-run.ts';
import { testSeed } from '../support/test-seed.ts';
import { killBackfills } from './backfill-kill.ts';
import { writeMediaLog } from './media-log.ts';
import { until } from './watch-kill.ts';

const seed = testSeed();
let folder: string;

beforeEach(() => {
  folder = freshDirectory();
});

afterEach(() => remove(folder));

async function killed(logs: string, kills: number): Promise<void> {
  const said: string[] = [];
  try {
    await killBackfills({ logs, folder, kills, seed, say: (line) => void said.push(line) });
  } catch (cause) {
    throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${cause instanceof Error ? cause.message : cause}\n${said.join('\n')}`, { cause });
  }
}

function namesBelow(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
}

describe('a backfill that is killed', () => {
  it('resumes where it stopped, and loses or doubles no point', async () => {
    const logs = join(folder, 'logs');
    bigLog({ dir: logs, runs: 20, tags: 5, steps: 1000, files: 2, form: 'mixed' });
    await killed(logs, 3);
  });

  it('lists no media file that is not completely on the disk', async () => {
    const logs = join(folder, 'logs');
    writeMediaLog(logs, 200);
    await killed(logs, 3);
  });

  it('does the same with logs of every kind', async () => {
    await killed(join(repository, 'test/logs'), 3);
  });

  it('leaves no incomplete media after a complete pass', async () => {
    const logs = join(folder, 'logs');
    writeMediaLog(logs, 300);
    const unfinished = (): string[] => namesBelow(join(folder, 'mirrorboard.media')).filter((name) => name.endsWith('.tmp'));
    for (let i = 0; i < 30 && unfinished().length === 0; i++) {
      for (const name of readdirSync(folder)) if (name.startsWith('mirrorboard.')) remove(join(folder, name));
      const { child, ended } = start(['backfill', logs], { cwd: folder });
      while (child.exitCode === null) {
        await nextTurn();
        if (unfinished().length === 0) continue;
        // Whether it stands still in the middle of one is seen only when it does.
        child.kill('SIGSTOP');
        await until(() => child.exitCode !== null || stateOf(child.pid) === 'T');
        if (unfinished().length > 0) break;
        child.kill('SIGCONT');
      }
      child.kill('SIGKILL');
      await ended;
    }
    expect(unfinished()).not.toEqual([]);
    await mustRun(['backfill', logs], { cwd: folder });
    expect(unfinished()).toEqual([]);
  });

  it('ignores its own leftovers when it gets the same process number, as in a container', async () => {
    const data = Uint8Array.of(1, 2, 3);
    const blob = { sha256: 'ab'.repeat(32), data, format: 'png', label: '' };
    mkdirSync(join(folder, 'ab'));
    writeFileSync(join(folder, 'ab', `${blob.sha256}.png.${process.pid}.0.tmp`), 'half');
    await new MediaFolder(folder).keep(new Map([[blob.sha256, blob]]));
    expect(new Uint8Array(readFileSync(join(folder, 'ab', `${blob.sha256}.png`)))).toEqual(data);
  });
});

describe('a backfill that is killed while it reads repaired bytes', () => {
  it('stores them once, even if they arrive in several batches', async () => {
    const logs = join(folder, 'logs');
    mkdirSync(logs);
    const path = join(logs, 'events.out.tfevents.1');
    const scalars = Array.from({ length: 70_000 }, (_, step) =>
      w.event({ wallTime: 1 + step, step, summary: [w.simpleValue('loss', step)] }),
    );
    const whole = new Uint8Array(Buffer.concat([w.eventFile(), ...scalars.map(w.frame)]));
    const damagedBytes = whole.slice();
    const head = w.eventFile().length;
    // All but the first and the last record are lost: nothing between has valid framing.
    damagedBytes.fill(0xff, head + 1, whole.length - w.frame(scalars[69_999]!).length);
    writeFileSync(path, damagedBytes);

    const run = { root: 'logs', path: '.' };
    const options = { path: join(folder, 'store.db'), mediaPath: join(folder, 'media') };
    const open = (): LocalBackend => new LocalBackend(options);
    /** One pass; stops, as if killed, after so many batches. */
    const pass = async (batches = Infinity): Promise<void> => {
      const backend = open();
      try {
        const known = backend.positions(run);
        const state = known.files[0];
        const file = { name: 'events.out.tfevents.1', ...(state === undefined ? {} : { state }) };
        const job: RunJob = { run, directory: directoryAt(logs), files: [file], series: backend.catalogue(run), settled: true };
        const handle = await backend.open({ run, rootPath: logs });
        let sent = 0;
        for (const event of readRun(job, new FileWindow())) {
          if (event.kind !== 'batch') continue;
          if (sent++ === batches) return;
          expect((await backend.send([{ handle, batch: event.batch, state: event.state }]))[0]?.kind).toBe('accepted');
        }
      } finally {
        await backend.close();
      }
    };
    await pass();
    writeFileSync(path, whole);
    await pass(1);
    await pass();
    const backend = open();
    try {
      const steps: (number | bigint)[] = [];
      for await (const { points } of backend.readBack(await backend.open({ run, rootPath: logs })))
        steps.push(...points.map(({ step }) => step));
      expect(steps.length).toBe(70_000);
      expect(steps.every((step, i) => step === i)).toBe(true);
    } finally {
      await backend.close();
    }
  });
});
