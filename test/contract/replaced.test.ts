// A training that is started again over its own files: over every backend, each content of a file is in a tracker run
// of its own.
import { appendFileSync, closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Backend, Handle } from '../../src/contract/index.ts';
import { wholeRouting } from '../../src/lanes/index.ts';
import { Fold, type Replaced } from '../../src/route/index.ts';
import { until } from '../../src/testing/bench.ts';
import type { Harness } from '../../src/testing/harness.ts';
import { backendWith, type Mirror, type MirrorScene, mirrorScene } from '../../src/testing/mirror-scene.ts';
import type { Draft } from '../../src/testing/parcels.ts';
import { concat, event, frame, simpleValue, text, versionEvent } from '../support/event-writer.ts';
import { HARNESSES, memoryHarness } from './all-harnesses.ts';

const T = 1_700_000_000;
const FILE = 'events.out.tfevents';
const OTHER = 'events.out.tfevents.other';

/** Of one training: what it writes at some steps, at times of its own. */
function training(number: number, from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) => {
    const step = from + i;
    const values = [simpleValue('loss', step / 8 + number), ...(step % 4 === 0 ? [text('note', [`${number}: ${step}`])] : [])];
    return event({ wallTime: T + number * 1000 + step, step, summary: values });
  });
}

interface Scene extends Omit<MirrorScene, 'life'> {
  readonly life: (name: string, replaced?: Replaced, folded?: readonly string[]) => Mirror;
  /** What the lanes warned of, in all lives. */
  readonly warnings: readonly string[];
}

function scene(harness: Harness, work: (scene: Scene) => Promise<void>): Promise<void> {
  const warnings: string[] = [];
  return mirrorScene(harness, ({ life, ...rest }) => {
    const replacing: Scene['life'] = (name, replaced = 'new_run', folded = []) => {
      const fold = new Fold({ names: folded, flat: [], hparams: false });
      const warn = (message: string): void => void warnings.push(message);
      return life(name, { routing: { ...wholeRouting('lane'), fold, replacedOf: () => replaced, warn } });
    };
    return work({ ...rest, life: replacing, warnings });
  });
}

describe.each(HARNESSES)('a run whose file was replaced, in %s', (_, harness) => {
  it('gets one new tracker run, and keeps it after the state was lost', () =>
    scene(harness, async ({ run, life, runCount, expectHeld, warnings }) => {
      const before = run.append(training(1, 0, 9), FILE);
      const mirror = life('first');
      await mirror.backfill();
      const former = mirror.handle();
      const now = run.replace(training(2, 0, 6), FILE);
      await mirror.backfill();
      const present = mirror.handle();
      expect(present).not.toBe(former);
      expect(warnings.filter((warning) => warning.includes('was replaced'))).toHaveLength(1);
      now.push(...run.append(training(2, 6, 12), FILE));
      await mirror.backfill();
      const later = life('second');
      await later.backfill();
      expect([mirror.handle(), later.handle()]).toEqual([present, present]);
      expect(await runCount()).toBe(2);
      await expectHeld(former, before);
      await expectHeld(present, now);
    }));

  it('gets a new one with all its files if one of several was replaced, and keeps it after the state was lost', () =>
    scene(harness, async ({ run, life, runCount, expectHeld }) => {
      const before = run.append(training(1, 0, 5), FILE);
      const other = run.append(training(3, 0, 5), OTHER);
      const mirror = life('first');
      await mirror.backfill();
      const former = mirror.handle();
      const now = run.replace(training(2, 0, 8), FILE);
      await mirror.backfill();
      const present = mirror.handle();
      const later = life('second');
      await later.backfill();
      expect(later.handle()).toBe(present);
      expect(await runCount()).toBe(2);
      await expectHeld(former, [...before, ...other]);
      await expectHeld(present, [...now, ...other]);
    }));

  it('gets a new one if every file is gone and another one exists, and keeps it after the state was lost', () =>
    scene(harness, async ({ run, life, runCount, expectHeld, warnings }) => {
      const before = run.append(training(1, 0, 9), FILE);
      const mirror = life('first');
      await mirror.backfill();
      const former = mirror.handle();
      rmSync(join(run.directory, FILE));
      const now = run.append(training(2, 0, 6), OTHER);
      await mirror.backfill();
      const present = mirror.handle();
      expect(present).not.toBe(former);
      expect(warnings.filter((warning) => warning.includes('its original files are gone'))).toHaveLength(1);
      now.push(...run.append(training(2, 6, 12), OTHER));
      await mirror.backfill();
      const later = life('second');
      await later.backfill();
      expect([mirror.handle(), later.handle()]).toEqual([present, present]);
      expect(await runCount()).toBe(2);
      await expectHeld(former, before);
      await expectHeld(present, now);
    }));

  it('continues in the same tracker run if one of its files is deleted or new', () =>
    scene(harness, async ({ run, life, runCount, warnings }) => {
      const mirror = life('first');
      run.append(training(1, 0, 5), FILE);
      run.append(training(3, 5, 9), OTHER);
      await mirror.backfill();
      const former = mirror.handle();
      rmSync(join(run.directory, FILE));
      run.append(training(4, 9, 12), `${OTHER}.more`);
      await mirror.backfill();
      expect([mirror.handle(), await runCount(), warnings]).toEqual([former, 1, []]);
    }));

  it('gets a new one under watch, even if the other file arrives piece by piece', () =>
    scene(harness, async ({ run, life, runCount, expectHeld }) => {
      const before = run.append(training(1, 0, 9), FILE);
      const mirror = life('first');
      let former: Handle | undefined;
      const now: Draft[] = [];
      await mirror.watch(async () => {
        await until(() => mirror.watermark(FILE) >= before.at(-1)!.batch.end, 'the first training is mirrored');
        former = mirror.handle();
        // Open, so that the other file does not get its inode: one that has it and is nearly empty may still be the
        // same.
        const fd = openSync(join(run.directory, FILE), 'r');
        rmSync(join(run.directory, FILE));
        now.push(...run.append([], OTHER));
        closeSync(fd);
        await until(() => mirror.watermark(OTHER) > 0, 'the version record is read');
        now.push(...run.append(training(2, 0, 3), OTHER));
        await until(() => (mirror.handle() ?? former) !== former, 'there is another tracker run');
        now.push(...run.append(training(2, 3, 6), OTHER));
        await until(() => mirror.watermark(OTHER) >= now.at(-1)!.batch.end, 'the second training is mirrored');
      });
      expect(await runCount()).toBe(2);
      await expectHeld(former, before);
      await expectHeld(mirror.handle(), now);
    }));

  it('continues in the same tracker run if that is configured, with a warning about other files', () =>
    scene(harness, async ({ run, life, runCount, expectHeld, warnings }) => {
      const drafts = run.append(training(1, 0, 9), FILE);
      const mirror = life('first', 'same_run');
      await mirror.backfill();
      const former = mirror.handle();
      rmSync(join(run.directory, FILE));
      drafts.push(...run.append(training(2, 0, 6), OTHER));
      await mirror.backfill();
      drafts.push(...run.append(training(2, 6, 9), OTHER));
      await mirror.backfill();
      expect([mirror.handle(), await runCount()]).toEqual([former, 1]);
      expect(warnings).toEqual([expect.stringContaining('continues in the tracker run that also has its earlier content')]);
      await expectHeld(former, drafts);
    }));

  it('continues in the same tracker run if that is configured', () =>
    scene(harness, async ({ run, life, runCount, expectHeld }) => {
      const drafts = run.append(training(1, 0, 9), FILE);
      const mirror = life('first', 'same_run');
      await mirror.backfill();
      const former = mirror.handle();
      drafts.push(...run.replace(training(2, 0, 6), FILE));
      await mirror.backfill();
      expect([mirror.handle(), await runCount()]).toEqual([former, 1]);
      await expectHeld(former, drafts);
    }));

  it('continues in the same tracker run if the new content begins with the old one', () =>
    scene(harness, async ({ run, life, runCount, warnings }) => {
      const mirror = life('first');
      run.append(training(1, 0, 9), FILE);
      await mirror.backfill();
      const former = mirror.handle();
      // Cut, gone on with, and written once more as it is.
      const begun = training(1, 0, 6);
      for (const content of [begun, [...begun, ...training(2, 6, 12)], begun, [...begun, ...training(2, 6, 12)]]) {
        run.replace(content, FILE);
        await mirror.backfill();
        expect([mirror.handle(), await runCount(), warnings]).toEqual([former, 1, []]);
      }
    }));

  it('gets a new one under watch, even if it is emptied first, begins with the same version record, and arrives piece by piece', () =>
    scene(harness, async ({ run, life, runCount, expectHeld }) => {
      const before = run.append(training(1, 0, 9), FILE);
      const path = join(run.directory, FILE);
      const mirror = life('first');
      let former: Handle | undefined;
      const now: Draft[] = [];
      await mirror.watch(async () => {
        await until(() => mirror.watermark(FILE) >= before.at(-1)!.batch.end, 'the first training is mirrored');
        former = mirror.handle();
        writeFileSync(path, '');
        appendFileSync(path, frame(versionEvent()));
        now.push(...run.append(training(2, 0, 3), FILE));
        await until(() => (mirror.handle() ?? former) !== former, 'there is another tracker run');
        now.push(...run.append(training(2, 3, 6), FILE));
        await until(() => mirror.watermark(FILE) >= now.at(-1)!.batch.end, 'the second training is mirrored');
      });
      expect(await runCount()).toBe(2);
      await expectHeld(former, before);
      await expectHeld(mirror.handle(), now);
    }));

  it('gets no third one if the process ended right after it created the second one', () =>
    scene(harness, async ({ run, life, runCount, expectHeld }) => {
      const before = run.append(training(1, 0, 9), FILE);
      const mirror = life('first');
      await mirror.backfill();
      const former = mirror.handle();
      const now = run.replace(training(2, 0, 6), FILE);
      for (const moment of ['before', 'after'] as const) {
        const end = new AbortController();
        await mirror.backfill((backend) => endingAtOpen(backend, moment, end), end.signal).catch(() => undefined);
      }
      await mirror.backfill();
      expect(await runCount()).toBe(2);
      await expectHeld(former, before);
      await expectHeld(mirror.handle(), now);
    }));
});

describe('a run that contains folded runs', () => {
  it('gets one more tracker run when watch sees all its files replaced one after the other', () =>
    scene(memoryHarness, async ({ run, life, runCount }) => {
      const write = (name: string, number: number): void => {
        mkdirSync(join(run.directory, name), { recursive: true });
        writeFileSync(join(run.directory, name, FILE), concat(...[versionEvent(), ...training(number, 0, 5)].map(frame)));
      };
      const names = ['learn', 'test', 'other'];
      for (const name of names) write(name, 1);
      const mirror = life('first', 'new_run', names);
      await mirror.backfill();
      expect(await runCount()).toBe(1);
      const [former] = [mirror.handle()];
      await mirror.watch(async () => {
        write('test', 2);
        await until(() => mirror.handle() !== former, 'the first file is known to be replaced');
        write('learn', 2);
        write('other', 2);
        await until(() => mirror.handle() !== undefined && mirror.isAtEnd(), 'all is mirrored');
      });
      await mirror.backfill();
      expect(await runCount()).toBe(2);
    }));
});

/** Ends all work when a tracker run is to be found or made for the first time: before that is done, or once it is. */
function endingAtOpen(backend: Backend, moment: 'before' | 'after', end: AbortController): Backend {
  return backendWith(backend, {
    open: async (source, known, signal) => {
      if (known !== undefined) return await backend.open(source, known, signal);
      if (moment === 'after') await backend.open(source, known, signal);
      end.abort();
      throw new Error('the process ended');
    },
  });
}
