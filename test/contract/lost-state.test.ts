// What a state file says of tracker runs may be lost. Over every backend: a run that was mirrored while it was being
// written is gone on with all the same.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Backend } from '../../src/contract/index.ts';
import { until } from '../../src/testing/bench.ts';
import { backendWith, type Mirror, type MirrorScene, mirrorScene, type SceneLane } from '../../src/testing/mirror-scene.ts';
import type { Draft } from '../../src/testing/parcels.ts';
import { concat, event, frame, simpleValue, text, versionEvent } from '../support/event-writer.ts';
import { HARNESSES } from './all-harnesses.ts';

const T = 1_700_000_000;
const FILE = 'events.out.tfevents.1700000000.host.1.0';

function points(from: number, to: number): Uint8Array[] {
  const made: Uint8Array[] = [];
  for (let step = from; step < to; step++) {
    const values = [simpleValue('loss', step / 8), ...(step % 4 === 0 ? [text('note', [`step ${step}`])] : [])];
    made.push(event({ wallTime: T + step, step, summary: values }));
  }
  return made;
}

async function backfill(mirror: Mirror): Promise<void> {
  const { lanes } = await mirror.backfill();
  expect(lanes.map(({ state: stand }) => stand)).toEqual(['done']);
}

/** That the one tracker run there is holds all of this, each point once. */
async function expectOnce({ runCount, expectHeld }: MirrorScene, mirror: Mirror, drafts: readonly Draft[]): Promise<void> {
  expect(await runCount()).toBe(1);
  await expectHeld(mirror.handle(), drafts);
}

/** As earlier versions did it: no file ever identifies a run that was opened in the middle of its file. */
function withoutMarks(backend: Backend): Backend {
  return backendWith(backend, {
    noteFiles: undefined,
    open: ({ files: _, ...source }, known, signal) => backend.open({ ...source, fingerprint: [] }, known, signal),
  });
}

describe.each(HARNESSES)('a run whose state was lost, in %s', (_, harness) => {
  it('continues if watch opened it before it had values, and holds each point once', () =>
    mirrorScene(harness, async (scene) => {
      const { run, life } = scene;
      const drafts = run.append([]);
      const first = life('first');
      await first.watch(async () => {
        await until(() => first.watermark(FILE) > 0, 'the lane has read the version record');
        drafts.push(...run.append(points(0, 10)));
        await until(() => first.watermark(FILE) >= drafts.at(-1)!.batch.end, 'the values are mirrored');
      });
      await expectOnce(scene, first, drafts);
      drafts.push(...run.append(points(10, 20)));
      for (const name of ['second', 'third']) {
        const later = life(name);
        await backfill(later);
        await expectOnce(scene, later, drafts);
        expect(later.handle()).toBe(first.handle());
      }
    }));

  it('continues by a file that appeared while it was open, if its first file is gone', () =>
    mirrorScene(harness, async (scene) => {
      const { run, life } = scene;
      const other = 'events.out.tfevents.1700000001.host.1.0';
      const drafts = run.append(points(0, 4));
      const first = life('first');
      await first.watch(async () => {
        await until(() => first.watermark(FILE) >= drafts[0]!.batch.end, 'the first file is mirrored');
        drafts.push(...run.append([], other));
        await until(() => first.watermark(other) > 0, 'the lane has read the version record of the other one');
        drafts.push(...run.append(points(4, 8), other));
        await until(() => first.watermark(other) >= drafts.at(-1)!.batch.end, 'both are mirrored');
      });
      rmSync(join(run.directory, FILE));
      const second = life('second');
      await backfill(second);
      await expectOnce(scene, second, drafts);
    }));

  it('continues if it names no file and all its points are in the files', () =>
    mirrorScene(harness, async (scene) => {
      const { run, life } = scene;
      const drafts = run.append([]);
      const first = life('first');
      await first.watch(async () => {
        await until(() => first.watermark(FILE) > 0, 'the lane has read the version record');
        drafts.push(...run.append(points(0, 10)));
        await until(() => first.watermark(FILE) >= drafts.at(-1)!.batch.end, 'the values are mirrored');
      }, withoutMarks);
      drafts.push(...run.append(points(10, 12)));
      const second = life('second');
      await backfill(second);
      await expectOnce(scene, second, drafts);
    }));
});

describe.each(HARNESSES.filter(([name]) => ['MLflow', 'ClearML'].includes(name)))('the run above a study, in %s', (_, harness) => {
  it('is the same for a trial that appears after the state was lost', () =>
    mirrorScene(harness, async ({ run, life, runCount }) => {
      const parent = { key: 'a-study', name: 'study' };
      const study: SceneLane = { namesOf: ({ path }) => ({ name: path, group: 'contract', tags: {}, parent }) };
      const trial = (name: string, from: number): void => {
        mkdirSync(join(run.root, name));
        const records = [versionEvent(), ...points(from, from + 2)].map(frame);
        writeFileSync(join(run.root, name, FILE), concat(...records));
      };
      trial('trial_5', 0);
      await backfill(life('first', study));
      expect(await runCount()).toBe(2);
      trial('trial_10', 10);
      await backfill(life('second', study));
      expect(await runCount()).toBe(3);
    }));
});
