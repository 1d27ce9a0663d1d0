// What a tracker's feed asks of its files and its state, by count: over a real state, real files and a tracker in
// memory.
import { appendFileSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { steadyMs } from '../../../src/clock.ts';
import { MirrorError } from '../../../src/errors.ts';
import { type LaneRouting, type TrackerLaneOptions, wholeRouting } from '../../../src/lanes/index.ts';
import { BatchCache, JobReader, type ReadEvent, type RunJob } from '../../../src/reading/index.ts';
import { RunTree } from '../../../src/route/index.ts';
import { keepLaneWish, StateFile } from '../../../src/state/index.ts';
import { PassCounters } from '../../../src/status/index.ts';
import { PassStatus } from '../../../src/sync/pass-status.ts';
import { TrackerSync } from '../../../src/sync/tracker-sync.ts';
import { event, eventFile, frame, simpleValue, text } from '../../support/event-writer.ts';
import { MemoryBackend, MemoryTracker } from '../../support/memory-backend.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { walk } from '../../support/walk.ts';

const ROOT = 'logs';
const ignore = (): void => undefined;

let logs: string;
let state: StateFile;
let tracker: MemoryTracker;
beforeEach(() => {
  logs = temporaryFolder();
  state = StateFile.open(join(logs, 'mirrorboard.state'), { now: Date.now });
  state.root(ROOT, logs);
  tracker = new MemoryTracker();
});
afterEach(() => {
  jest.restoreAllMocks();
  state.close();
});

/** Notes the files of each run that are read. */
class NotingReader extends JobReader {
  readonly asked: string[][] = [];

  override read(job: RunJob): Promise<readonly ReadEvent[]> {
    this.asked.push(job.files.map(({ name }) => name));
    return super.read(job);
  }
}

class ParamBackend extends MemoryBackend {
  readonly params: string[] = [];

  async setParams(_: unknown, params: readonly { readonly name: string; readonly value: unknown }[]): Promise<{ kind: 'set' }[]> {
    return params.map(({ name, value }) => {
      this.params.push(`${name}=${String(value)}`);
      return { kind: 'set' };
    });
  }
}

interface Made {
  readonly feed: TrackerSync;
  readonly reader: NotingReader;
  readonly backend: ParamBackend;
}

const plainNames: TrackerLaneOptions['namesOf'] = ({ path }) => ({ name: path, group: '', tags: {} });

/** Gives `work` a feed that has heard of all files. */
async function withFeed(routing: Partial<LaneRouting>, work: (made: Made) => Promise<void>, namesOf = plainNames): Promise<void> {
  const backend = new ParamBackend(tracker);
  const lane: TrackerLaneOptions = { name: 'memory', type: 'memory', target: 'memory', backend, namesOf };
  const reader = new NotingReader();
  const tree = new RunTree();
  const end = new AbortController();
  const feed = new TrackerSync({
    ...lane,
    lane: lane.name,
    routing: { ...wholeRouting(lane.name), ...routing },
    tree,
    state,
    laneState: state.lane(lane.name, lane.target),
    status: new PassStatus(new PassCounters({ log: undefined }), [lane], lane.name, undefined, state),
    events: { fileTroubled: ignore, fileValid: ignore, readFailed: ignore, fileRead: ignore, fileGone: ignore },
    places: new Map([[ROOT, { path: logs, links: 'owner' }]]),
    reader,
    cache: new BatchCache(),
    allReported: async () => undefined,
    isSettled: true,
    signal: end.signal,
  });
  try {
    const { runs } = walk(logs);
    for (const { path } of runs) tree.add({ root: ROOT, path });
    for (const { path, files } of runs) {
      feed.filesChanged(
        { root: ROOT, path },
        files.map((file) => ({ ...file, before: 0 })),
      );
    }
    await work({ feed, reader, backend });
  } finally {
    end.abort();
    await reader.close();
  }
}

function write(path: string, ...summary: Parameters<typeof event>[0]['summary'] & object): string {
  const file = join(logs, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, eventFile(event({ wallTime: 1000, step: 1, summary })));
  return file;
}

describe('runs that the tracker refuses', () => {
  it('are retried a few at a time, and all resume once one of them is accepted', async () => {
    const COUNT = 30;
    for (let i = 0; i < COUNT; i++) write(`r${String(i).padStart(2, '0')}/events.out.tfevents.1`, simpleValue('loss', 1));
    await withFeed({}, async ({ feed, backend }) => {
      let isDeleted = true;
      let opened = 0;
      const open = backend.open.bind(backend);
      backend.open = async (...args) => {
        opened++;
        if (isDeleted) throw new MirrorError('MB4006', 'the experiment was deleted');
        return open(...args);
      };
      await feed.reachEnd(60_000);
      expect([feed.state, feed.progress.stoppedRuns.size, opened]).toEqual(['incomplete', COUNT, COUNT]);
      let nowMs = steadyMs();
      const tick = async (): Promise<void> => {
        nowMs += 20_000;
        feed.tick(nowMs);
        await feed.reachEnd(60_000);
      };
      await tick();
      expect(opened).toBe(COUNT + 4);
      isDeleted = false;
      await tick();
      expect([feed.state, feed.progress.stoppedRuns.size, feed.progress.points]).toEqual(['done', 0, COUNT]);
    });
  });
});

describe('texts that were sent before params in them were configured', () => {
  const PARAMS: LaneRouting['artifacts'] = { params: [{ location: '', files: [], tags: ['args'], prefix: '' }], artifacts: [] };

  it('are searched once in the files, even if the file that contained them is deleted', async () => {
    const gone = write('run/events.out.tfevents.1', text('args', ['{"lr": 0.1}']));
    write('run/events.out.tfevents.2', simpleValue('loss', 1));
    await withFeed({}, ({ feed }) => feed.reachEnd(60_000));
    rmSync(gone);
    await withFeed({ artifacts: PARAMS }, async ({ feed, reader, backend }) => {
      for (let look = 0; look < 3; look++) await feed.reachEnd(60_000);
      expect(reader.asked).toHaveLength(1);
      expect(backend.params).toEqual([]);
    });
  });

  it('are found, and then not searched again', async () => {
    write('run/events.out.tfevents.1', text('args', ['{"lr": 0.1}']));
    await withFeed({}, ({ feed }) => feed.reachEnd(60_000));
    await withFeed({ artifacts: PARAMS }, async ({ feed, reader, backend }) => {
      for (let look = 0; look < 3; look++) await feed.reachEnd(60_000);
      expect(reader.asked).toHaveLength(1);
      expect(backend.params).toEqual(['lr=0.1']);
    });
    await withFeed({ artifacts: PARAMS }, async ({ feed, reader }) => {
      await feed.reachEnd(60_000);
      expect(reader.asked).toEqual([]);
    });
  });
});

describe('a feed of many runs', () => {
  it('does not check all runs that wait for their parent run whenever it finds another one', async () => {
    write('p/events.out.tfevents.1', simpleValue('loss', 1));
    let made = 0;
    const asked = async (size: number): Promise<number> => {
      for (; made < size; made++) write(`p/c${made}/events.out.tfevents.1`, simpleValue('loss', 1));
      let calls = 0;
      const nested: TrackerLaneOptions['namesOf'] = ({ path }) => {
        calls++;
        return { ...plainNames({ root: ROOT, path }), ...(path === 'p' ? {} : { parent: { key: 'key', name: 'p' } }) };
      };
      // Asked for while the feed hears of the files: what comes later is not part of it.
      let heard = 0;
      await withFeed(
        { isNested: true },
        async () => {
          heard = calls;
        },
        nested,
      );
      return heard;
    };
    const small = await asked(20);
    expect((await asked(80)) / small).toBeLessThan(6);
  });

  it('asks once, for all sibling runs, which run stores a file of their parent directory', async () => {
    const artifacts: LaneRouting['artifacts'] = {
      params: [],
      artifacts: [{ location: '', files: ['../*.pt'], modelTags: {}, once: true }],
    };
    let made = 0;
    const asked = async (size: number): Promise<number> => {
      for (; made < size; made++) write(`group/r${made}/events.out.tfevents.1`, simpleValue('loss', 1));
      writeFileSync(join(logs, 'group/model.pt'), 'weights');
      const old = Date.now() / 1000 - 3600;
      utimesSync(join(logs, 'group/model.pt'), old, old);
      await withFeed({}, ({ feed }) => feed.reachEnd(60_000));
      const handle = jest.spyOn(state.lane('memory', 'memory'), 'handle');
      await withFeed({ artifacts }, ({ feed }) => feed.reachEnd(60_000));
      const { length } = handle.mock.calls;
      handle.mockRestore();
      return length;
    };
    const small = await asked(10);
    expect((await asked(40)) / small).toBeLessThan(6);
  });
});

describe('a tracker that accepts only points', () => {
  const later = new MirrorError('MB4005', 'it answers 500', { retry: 'later' });
  const never = new MirrorError('MB4002', 'it answers 401');
  const PARAMS: LaneRouting['artifacts'] = { params: [{ location: '', files: ['args.yaml'], tags: [], prefix: '' }], artifacts: [] };

  it.each([
    ['stuck', later],
    ['parked', never],
  ])('delays a pass by its patience at most, with params and with the ends of runs (%s)', async (stand, error) => {
    write('run/events.out.tfevents.1', simpleValue('loss', 1));
    const args = join(logs, 'run/args.yaml');
    writeFileSync(args, 'lr: 0.1\n');
    utimesSync(args, 1000, 1000);
    await withFeed({}, async ({ feed, backend }) => {
      backend.finish = () => Promise.reject(error);
      await feed.reachEnd(60_000);
      expect(feed.state).toBe('done');
      await feed.endOver([[{ root: ROOT, path: 'run' }, 1000]], 1);
      expect(feed.state).toBe(stand);
    });
    await withFeed({ artifacts: PARAMS }, async ({ feed, backend }) => {
      backend.setParams = () => Promise.reject(error);
      await feed.reachEnd(1);
      expect(feed.state).toBe(stand);
    });
  });
});

describe('a paused lane', () => {
  const PAUSED = [{ root: undefined, sinceMs: 1 }];

  it('sends nothing and delays no pass; it resumes with everything, once', async () => {
    for (const run of ['a', 'b']) write(`${run}/events.out.tfevents.1`, simpleValue('loss', 1));
    state.lane('memory', 'memory');
    state.flush();
    const asked = { name: 'memory', target: 'memory', roots: [], nowMs: 1 };
    keepLaneWish(join(logs, 'mirrorboard.state'), { kind: 'pause', ...asked });
    await withFeed({}, async ({ feed }) => {
      await feed.reachEnd(60_000);
      expect([feed.state, feed.progress.state, feed.progress.lagMs]).toEqual(['paused', 'paused', 0]);
      expect(feed.progress.lagBytes).toBeGreaterThan(0);
      await feed.endOver([[{ root: ROOT, path: 'a' }, 1000]], 60_000);
    });
    expect([tracker.pointCount, tracker.calls.open, tracker.calls.send]).toEqual([0, 0, 0]);
    keepLaneWish(join(logs, 'mirrorboard.state'), { kind: 'resume', ...asked });
    await withFeed({}, async ({ feed }) => {
      await feed.reachEnd(60_000);
      expect([feed.state, feed.progress.points]).toEqual(['done', 2]);
    });
  });

  it('resumes in the same process, and also gets data that arrived meanwhile', async () => {
    const name = 'a/events.out.tfevents.1';
    const file = write(name, simpleValue('loss', 1));
    await withFeed({}, async ({ feed }) => {
      await feed.reachEnd(60_000);
      feed.progress.pause(PAUSED);
      feed.pausesChanged();
      appendFileSync(file, frame(event({ wallTime: 1001, step: 2, summary: [simpleValue('loss', 2)] })));
      const size = statSync(file).size;
      feed.filesChanged({ root: ROOT, path: 'a' }, [{ name: 'events.out.tfevents.1', size, before: 0, stamp: 'other' }]);
      await nextTurn();
      expect(tracker.pointCount).toBe(1);
    });
    await withFeed({}, async ({ feed }) => {
      await feed.reachEnd(60_000);
      expect([tracker.pointCount, feed.state]).toEqual([2, 'done']);
    });
  });

  it('may be paused for one root: other roots are sent', async () => {
    write('a/events.out.tfevents.1', simpleValue('loss', 1));
    await withFeed({}, async ({ feed }) => {
      expect(feed.progress.pause([{ root: 'other', sinceMs: 1 }])).toBe(true);
      feed.pausesChanged();
      await feed.reachEnd(60_000);
      expect([feed.state, feed.progress.state, feed.progress.points]).toEqual(['done', 'active', 1]);
    });
  });
});
