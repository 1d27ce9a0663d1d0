// A watch over a directory that grows, into trackers in memory: by the library, in this process.
import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { WatchStatus } from '../../src/status/index.ts';
import { watch } from '../../src/sync/index.ts';
import { event, eventFile, versionEvent } from './event-writer.ts';
import { MemoryBackend, MemoryTracker } from './memory-backend.ts';

type Options = Parameters<typeof watch>[0];
type Values = NonNullable<Parameters<typeof event>[0]['summary']>;

/** A directory of logs, and what watches it. */
export class WatchScene {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'mirrorboard-watch-')));
  readonly logs = join(this.folder, 'logs');
  readonly statePath = join(this.folder, 'mirrorboard.state');
  readonly store = { path: join(this.folder, 'mirrorboard.db'), mediaPath: join(this.folder, 'mirrorboard.media') };
  readonly tracker = new MemoryTracker();

  constructor() {
    mkdirSync(this.logs);
  }

  /** Adds an event to a file of a run; begins the file if it is not there. */
  write(run: string, step: number, ...summary: Values): void {
    this.writeTo(join(this.logs, run, 'events.out.tfevents.1.host'), step, summary);
  }

  writeTo(file: string, step: number, summary: Values): void {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '', { flag: 'a' });
    const more = event({ wallTime: 1_700_000_000 + step, step, summary });
    appendFileSync(file, this.#begun.has(file) ? eventFile(more) : eventFile(versionEvent(), more));
    this.#begun.add(file);
  }
  readonly #begun = new Set<string>();

  /** What a watch into the tracker alone is given. */
  options(signal: AbortSignal): Options {
    return {
      roots: [{ path: this.logs }],
      store: undefined,
      trackers: [this.lane()],
      statePath: this.statePath,
      scanIntervalMs: 200,
      signal,
    };
  }

  lane(name = 'memory', tracker = this.tracker): NonNullable<Options['trackers']>[number] {
    return {
      name,
      type: 'memory',
      target: name,
      backend: new MemoryBackend(tracker),
      namesOf: ({ path }) => ({ name: path, group: '', tags: {} }),
    };
  }

  /** Watches while `work` continues. */
  async watch(more: Partial<Options>, work: (status: WatchStatus) => Promise<void>): Promise<WatchStatus> {
    const end = new AbortController();
    const started = Promise.withResolvers<WatchStatus>();
    const options = { ...this.options(end.signal), ...more };
    const watching = watch({ ...options, onStart: async (status) => started.resolve(status) });
    try {
      await work(await Promise.race([started.promise, watching]));
    } finally {
      end.abort();
      await watching.catch(() => undefined);
    }
    return await watching;
  }

  /** The tracker runs that were said to have ended, by name. */
  ended(): string[] {
    return [...this.tracker.runs.values()].flatMap(({ source, end }) => (end === undefined ? [] : [`${source.name} ${end.status}`])).sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
