import { appendFileSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ALL_RUNS } from '../../../src/discover/index.ts';
import { oldestMs } from '../../../src/overview/oldest-point.ts';
import { statusReport } from '../../../src/overview/status-report.ts';
import { StateFile } from '../../../src/state/index.ts';
import type { LanePosture, LaneSnapshot } from '../../../src/status/index.ts';
import { backfill } from '../../../src/sync/backfill.ts';
import { directoryAt } from '../../support/directory.ts';
import { event, eventFile, frame, simpleValue } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NAME = 'events.out.tfevents.1';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
const scalars = (count: number, from = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => event({ wallTime: from + i, step: from + i, summary: [simpleValue('loss', from + i)] }));

function put(name: string, events: readonly Uint8Array[]): string {
  const path = join(folder, 'logs', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, eventFile(...events));
  return path;
}

const store = (): { readonly path: string; readonly mediaPath: string } => ({
  path: join(folder, 'store.db'),
  mediaPath: join(folder, 'store.media'),
});
const statePath = (): string => join(folder, 'a.state');

async function mirror(): Promise<void> {
  await backfill({ roots: [{ path: join(folder, 'logs') }], store: store(), statePath: statePath(), signal: new AbortController().signal });
}

async function local(): Promise<LanePosture> {
  const { lanes } = await statusReport({ storePath: store().path, trackers: [], statePath: statePath(), nowMs: Date.now() });
  return lanes[0] as LanePosture;
}

function snapshot(overrides: Partial<LaneSnapshot>): LaneSnapshot {
  return { by: 'watch', pid: 1, written_ms: 0, ended: true, lane: {}, pace: null, points_per_byte: null, behind: [], ...overrides };
}

describe('a root that exists without any of its files', () => {
  test.each([undefined, '**/x'])('is empty, with and without globs that leave something out (%s)', async (glob) => {
    const files = [put(`a/${NAME}`, scalars(2)), put(`x/${NAME}`, scalars(3))];
    await mirror();
    for (const file of files) rmSync(file);
    const rules = { ...ALL_RUNS, exclude: glob === undefined ? [] : [glob] };
    const { roots } = await statusReport({ storePath: store().path, trackers: [], statePath: statePath(), rules, nowMs: Date.now() });
    expect(roots).toMatchObject([{ name: 'logs', isEmptied: true, isMissing: false }]);
  });

  test('is not empty if globs leave out all mirrored runs, or if the root is skipped now', async () => {
    put(`a/${NAME}`, scalars(2));
    await mirror();
    for (const rules of [
      { ...ALL_RUNS, exclude: ['a'] },
      { ...ALL_RUNS, ignore: ['a'] },
    ]) {
      const { roots } = await statusReport({ storePath: store().path, trackers: [], statePath: statePath(), rules, nowMs: Date.now() });
      expect(roots).toMatchObject([{ name: 'logs', isEmptied: false }]);
    }
  });
});

describe('the number of points that a lane is behind', () => {
  test('is estimated from the existing runs, without the data of other runs', async () => {
    const a = put(`a/${NAME}`, scalars(20));
    const gone = put(`gone/${NAME}`, scalars(200));
    await mirror();
    rmSync(gone);
    appendFileSync(a, Buffer.concat(scalars(20, 20).map(frame)));
    expect((await local()).lagPoints).toBeGreaterThan(15);
    expect((await local()).lagPoints).toBeLessThan(25);
  });

  test('does not depend on content that was replaced', async () => {
    const a = put(`a/${NAME}`, scalars(200));
    put(`b/${NAME}`, scalars(20));
    await mirror();
    rmSync(a);
    put(`a/${NAME}`, scalars(10, 1000));
    await mirror();
    put(`c/${NAME}`, scalars(20));
    expect((await local()).lagPoints).toBeGreaterThan(15);
    expect((await local()).lagPoints).toBeLessThan(25);
  });

  test('is the number that a process reported before its end', async () => {
    put(`a/${NAME}`, scalars(20));
    await mirror();
    put(`b/${NAME}`, scalars(20));
    const state = StateFile.open(statePath(), { now: Date.now });
    state.lane('local', resolve(store().path)).keepSnapshot(snapshot({ written_ms: Date.now() - 60_000, points_per_byte: 0.5 }));
    state.close();
    const { lagBytes, lagPoints } = await local();
    expect(lagPoints).toBe(Math.round(lagBytes / 2));
  });
});

describe('the age of missing data', () => {
  const run = { root: 'logs', path: 'a' };
  const never = { name: NAME, offset: 0, notBeforeMs: 0 };

  test('counts from the change of the file, if the last process saw it without missing data: the file was forgotten since', async () => {
    const path = put(`a/${NAME}`, scalars(20));
    const changedMs = statSync(path).mtimeMs;
    const behind = [{ run, place: directoryAt(dirname(path)), behind: [{ ...never, changedMs }] }];
    const fromFile = await oldestMs(behind, undefined);
    expect(await oldestMs(behind, snapshot({ written_ms: changedMs + 3_600_000 }))).toBe(fromFile);
  });

  test('counts from that check at most, if the file was created later', async () => {
    const path = put(`a/${NAME}`, scalars(20));
    const changedMs = statSync(path).mtimeMs;
    const lookedMs = changedMs - 3_600_000;
    const behind = [{ run, place: directoryAt(dirname(path)), behind: [{ ...never, changedMs }] }];
    expect(await oldestMs(behind, snapshot({ written_ms: lookedMs }))).toBeGreaterThanOrEqual(lookedMs);
  });
});
