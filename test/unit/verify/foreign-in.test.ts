import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ForeignLook, OwnRun } from '../../../src/contract/index.ts';
import { MirrorError } from '../../../src/errors.ts';
import type { TrackerLaneOptions } from '../../../src/lanes/index.ts';
import type { Progress } from '../../../src/status/index.ts';
import { backfill } from '../../../src/sync/backfill.ts';
import { type ForeignFindings, foreignIn } from '../../../src/verify/index.ts';
import { event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { MemoryBackend, MemoryTracker } from '../../support/memory-backend.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

type Look = (own: readonly OwnRun[], signal: AbortSignal) => AsyncIterable<ForeignLook>;

/** A tracker that tells what others put into it. */
class TellingBackend extends MemoryBackend {
  readonly #look: Look;

  constructor(tracker: MemoryTracker, look: Look) {
    super(tracker);
    this.#look = look;
  }

  async foreign(own: readonly OwnRun[], signal: AbortSignal): Promise<AsyncIterable<ForeignLook>> {
    return this.#look(own, signal);
  }
}

let folder: string;
const tracker = new MemoryTracker('one');
let progress: Progress | undefined;
beforeEach(async () => {
  folder = temporaryFolder();
  mkdirSync(join(folder, 'logs/a'), { recursive: true });
  writeFileSync(
    join(folder, 'logs/a/events.out.tfevents.1'),
    eventFile(event({ wallTime: 1, step: 1, summary: [simpleValue('loss', 1)] })),
  );
  await backfill({
    roots: [{ path: join(folder, 'logs') }],
    store: undefined,
    trackers: [lane(async function* () {})],
    statePath: join(folder, 'a.state'),
    signal: new AbortController().signal,
  });
});
function lane(look: Look): TrackerLaneOptions {
  const backend = new TellingBackend(tracker, look);
  return {
    name: 'one',
    type: 'memory',
    target: 'memory:one',
    backend,
    namesOf: ({ path }) => ({ name: path, group: '', tags: { team: 'vision' } }),
  };
}

function found(look: Look, signal = new AbortController().signal): Promise<ForeignFindings | undefined> {
  const onStart = (shown: Progress): void => {
    progress = shown;
  };
  return foreignIn(lane(look), { statePath: join(folder, 'a.state'), signal, onStart });
}

describe('a search for data that never was in event files', () => {
  test('counts its findings, and shows its progress', async () => {
    const seen: unknown[] = [];
    const findings = await found(async function* (own) {
      seen.push(own, { ...progress?.runs });
      for (let i = 0; i < 7; i++) yield { kind: 'tag', name: `t${i}`, in: 'a' };
      yield { kind: 'looked' };
      seen.push({ ...progress?.runs }, progress?.found);
    });
    expect(findings).toMatchObject({ counts: { tag: 7, run: 0 }, obstacles: [], interrupted: false });
    expect(findings?.examples).toHaveLength(5);
    expect(seen).toMatchObject([[{ files: [], params: [], tags: { team: 'vision' } }], { total: 1, done: 0 }, { total: 1, done: 1 }, 7]);
  });

  test('continues after a run that could not be searched, and names it', async () => {
    const findings = await found(async function* () {
      yield { kind: 'unseen', in: 'a', reason: 'it gives folders without end' };
      yield { kind: 'file', name: 'model.bin', in: 'b' };
    });
    expect(findings).toMatchObject({ counts: { file: 1 }, obstacles: [{ what: 'one, a', reason: 'it gives folders without end' }] });
  });

  test('ends in an obstacle if the tracker is down, and keeps its findings', async () => {
    const findings = await found(async function* () {
      yield { kind: 'run', name: 'trained' };
      throw new MirrorError('MB4001', 'nobody answers', { hint: 'Start it.' });
    });
    expect(findings).toMatchObject({ counts: { run: 1 }, obstacles: [{ what: 'one', reason: 'nobody answers (Start it.)' }] });
  });

  test('reports that it was interrupted, in any state of the tracker', async () => {
    const asked = new AbortController();
    const findings = await found(async function* (_, signal) {
      yield { kind: 'run', name: 'trained' };
      asked.abort();
      signal.throwIfAborted();
    }, asked.signal);
    expect(findings).toMatchObject({ interrupted: true, obstacles: [] });
  });

  test('throws a bug as a bug', async () => {
    const broken: Look = async function* () {
      yield { kind: 'looked' };
      throw new TypeError('undefined is not a function');
    };
    await expect(found(broken)).rejects.toThrow(TypeError);
  });
});
