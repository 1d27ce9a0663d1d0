// What happens in `all-at-once`, at random: each kind at its own pace and from its own numbers, so that one seed gives
// the same faults however long each of them takes.
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../crash/backfill-kill.ts';
import type { FaultyWorld } from '../model/faulty-world.ts';
import type { SmallDisk } from './small-disk.ts';
import type { SoakedTracker } from './soaked-trackers.ts';
import type { SoakedWatch } from './soaked-watch.ts';

export interface FaultsPlan {
  readonly seed: number;
  readonly forMs: number;
  readonly watch: SoakedWatch;
  readonly world: FaultyWorld;
  readonly disk: SmallDisk;
  readonly trackers: readonly SoakedTracker[];
  /** Ends all of it. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** In this part of the time the watch is killed now and then. The life after that is long enough to see its memory. */
const KILLING_PART = 0.5;
const MOST_PAUSE_MS = 60_000;

export class Faults {
  readonly #plan: FaultsPlan;
  /** Milliseconds between two faults of a kind, on average; also the longest fault. */
  readonly #paceMs: number;
  readonly #counts = new Map<string, number>();

  constructor(plan: FaultsPlan) {
    this.#plan = plan;
    this.#paceMs = Math.min(plan.forMs / 12, MOST_PAUSE_MS);
  }

  /** Something happened. */
  count(what: string, more = ''): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
    this.#plan.say(`${what}${more}`);
  }

  /** How often each happened. */
  inWords(): string {
    return [...this.#counts]
      .sort()
      .map(([what, times]) => `${what} ${times} ${times === 1 ? 'time' : 'times'}`)
      .join(', ');
  }

  /** Until the time is over; fails at once if a watch does. */
  async happen(): Promise<void> {
    const { watch, world, disk, trackers } = this.#plan;
    const kill = async (): Promise<void> => {
      await watch.kill();
      this.count('watch killed');
      watch.begin();
    };
    await Promise.all([
      this.#repeat(100, KILLING_PART, kill),
      this.#repeat(101, 1, async () => this.count('clock set', `: ${world.setClock()}`)),
      ...(disk.reason === undefined ? [this.#repeat(102, 1, (random) => this.#fill(disk, random))] : []),
      ...trackers.map((tracker, i) => this.#repeat(110 + i, 1, (random) => this.#hit(tracker, random))),
    ]);
  }

  async #repeat(at: number, part: number, act: (random: () => number) => Promise<void>): Promise<void> {
    const { seed, forMs } = this.#plan;
    const random = seededRandom(seed + at);
    const endMs = performance.now() + forMs * part;
    for (;;) {
      const pauseMs = this.#paceMs * (0.2 + random() * 1.6);
      const leftMs = endMs - performance.now();
      await this.#pause(Math.max(0, Math.min(pauseMs, leftMs)));
      if (pauseMs >= leftMs) return;
      await act(random);
    }
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#plan;
    await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
  }

  async #hit(tracker: SoakedTracker, random: () => number): Promise<void> {
    const { name, proxy } = tracker;
    const ms = Math.round(500 + random() ** 2 * this.#paceMs);
    const kinds = [
      async () => {
        this.count(`${name} killed`, ` for ${ms} ms`);
        await tracker.kill();
        await this.#pause(ms);
        await tracker.restart();
      },
      async () => {
        this.count(`${name} restarted`);
        await tracker.kill();
        await tracker.restart();
      },
      async () => {
        this.count(`${name} hung`, ` for ${ms} ms`);
        proxy.be('hung');
        await this.#pause(ms);
        // Half of them never answer what they were asked.
        if (random() < 0.5) proxy.be('down');
        proxy.be('well');
      },
      async () => {
        this.count(`${name} slow`, ` for ${ms} ms`);
        proxy.be('slow');
        await this.#pause(ms);
        proxy.be('well');
      },
      ...(tracker.hit === undefined ? [] : [async () => this.count(`${name} hit in its own way`, `: ${tracker.hit?.(random)}`)]),
    ];
    await kinds[Math.floor(random() * kinds.length)]?.();
  }

  async #fill(disk: SmallDisk, random: () => number): Promise<void> {
    const ms = Math.round(500 + (random() * this.#paceMs) / 2);
    this.count('disk full', ` for ${ms} ms`);
    disk.fill();
    try {
      await this.#pause(ms);
    } finally {
      disk.free();
    }
  }
}
