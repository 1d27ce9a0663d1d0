// Files that have other names since they were mirrored, whichever lanes there are.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { backfill } from '../../src/pipeline.ts';
import { event, eventFile, simpleValue } from '../support/event-writer.ts';
import { MemoryBackend, MemoryTracker } from '../support/memory-backend.ts';

let folder: string;
let run: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mirrorboard-moves-'));
  run = join(folder, 'logs', 'run');
  mkdirSync(run, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, ...steps: readonly number[]): void {
  writeFileSync(join(run, name), eventFile(...steps.map((step) => event({ wallTime: step, step, summary: [simpleValue('loss', step)] }))));
}

/** How many points each lane got. */
async function pass(...trackers: readonly MemoryTracker[]): Promise<number[]> {
  const { lanes } = await backfill({
    roots: [{ path: join(folder, 'logs') }],
    store: undefined,
    trackers: trackers.map((tracker) => ({
      name: tracker.name,
      type: 'memory',
      target: tracker.name,
      backend: new MemoryBackend(tracker),
      namesOf: ({ path }) => ({ name: path, group: '', tags: {} }),
    })),
    statePath: join(folder, 'state'),
    signal: new AbortController().signal,
  });
  return lanes.map(({ points }) => points);
}

describe('files that were rotated', () => {
  it.each(['first', 'last'])('are known by what any lane read, where one that read nothing joins as the %s', async (place) => {
    const name = 'events.out.tfevents.1';
    write(name, 1, 2, 3);
    write(`${name}.1`, 4, 5);
    const [old, joining] = [new MemoryTracker('old'), new MemoryTracker('joining')];
    expect(await pass(old)).toEqual([5]);
    renameSync(join(run, `${name}.1`), join(run, `${name}.2`));
    renameSync(join(run, name), join(run, `${name}.1`));
    write(name, 6);
    expect(await pass(...(place === 'first' ? [joining, old] : [old, joining]))).toEqual(place === 'first' ? [6, 1] : [1, 6]);
  });
});
