// The world of one history: its time, its timers, the lives of the process in it, and what happened.
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import type { Clock, StopTimer } from '../../src/clock.ts';
import type { Life } from './life.ts';
import { Seeded } from './seeded.ts';

interface Timer {
  dueMs: number;
  readonly number: number;
  readonly everyMs: number | undefined;
  readonly work: () => void;
  /** The life that waits; undefined: the world itself. */
  readonly life: Life | undefined;
  /** Runs code as what began to wait. */
  readonly waiting: AsyncResource;
  isStopped: boolean;
}

/** When every history begins, by both clocks. */
const START_MS = 1_700_000_000_000;

/** Everything that a history has in common. Time moves only when nothing else can happen. */
export class World {
  readonly seed: string;
  readonly random: Seeded;
  /** What happened, in plain words. */
  readonly lines: string[] = [];
  /** What must not happen, and did. */
  readonly bugs: string[] = [];
  /** How far the wall clock is ahead of the steady one: somebody may set it. */
  wallAheadMs = 0;
  /** Timers fire at multiples of this: a busy machine is late, too. */
  slackMs = 1;
  /** Called once, when a tracker next takes something that is written to it. */
  atNextWrite: (() => void) | undefined;
  readonly #lives = new AsyncLocalStorage<Life>();
  /** Where the world's own code runs. */
  readonly #outside = new AsyncResource('World');
  readonly #timers: Timer[] = [];
  readonly #nextTurn: (work: () => void) => void;
  #nowMs = START_MS;
  #made = 0;

  constructor(seed: string, nextTurn: (work: () => void) => void) {
    this.seed = seed;
    this.random = new Seeded(`${seed}/world`);
    this.#nextTurn = nextTurn;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Milliseconds since the history began. */
  get ageMs(): number {
    return this.#nowMs - START_MS;
  }

  get wallMs(): number {
    return this.#nowMs + this.wallAheadMs;
  }

  /** The life that the running code belongs to; undefined for the world's own. */
  get life(): Life | undefined {
    return this.#lives.getStore();
  }

  /** Runs the code of a life. Nothing else goes along that goes along with calls. */
  inLife<Value>(life: Life | undefined, work: () => Value): Value {
    return (life === undefined ? this.#outside : this.#scopeOf(life)).runInAsyncScope(work);
  }

  /** A scope is made once for each life: that costs as much as a hundred calls in it. */
  #scopeOf(life: Life): AsyncResource {
    life.scope ??= this.#outside.runInAsyncScope(() => this.#lives.run(life, () => new AsyncResource('Life')));
    return life.scope;
  }

  note(text: string): void {
    this.lines.push(`${(this.ageMs / 1000).toFixed(3).padStart(9)} s  ${text}`);
  }

  bug(text: string): void {
    this.note(`BUG: ${text}`);
    this.bugs.push(text);
  }

  /** The same for the same history, to the byte. */
  digest(): string {
    return createHash('sha256').update(this.lines.join('\n')).digest('hex').slice(0, 16);
  }

  /** The clock that the service gets. */
  readonly clock: Clock = {
    wallMs: () => this.wallMs,
    steadyMs: () => this.#nowMs,
    sleep: (ms, signal) => this.sleep(ms, signal),
    after: (ms, work) => this.after(ms, work),
    every: (ms, work) => this.every(ms, work),
  };

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        stop();
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const stop = this.after(ms, wake);
      if (signal?.aborted === true) wake();
      else signal?.addEventListener('abort', wake);
    });
  }

  after(ms: number, work: () => void): StopTimer {
    return this.#add(this.#late(ms), undefined, work);
  }

  every(ms: number, work: () => void): StopTimer {
    return this.#add(this.#late(ms), ms, work);
  }

  /** Calls `work` at this age of the history, whatever becomes of the lives. */
  at(ageMs: number, work: () => void): void {
    this.inLife(undefined, () => this.#add(START_MS + ageMs, undefined, work));
  }

  /** Lets time pass until a condition holds, or until an age of the history. True if it holds. */
  async passUntil(untilAgeMs: number, isDone: () => boolean): Promise<boolean> {
    const endMs = START_MS + untilAgeMs;
    for (;;) {
      await this.settle();
      if (isDone()) return true;
      if (this.bugs.length > 0) return false;
      const next = this.#next(endMs);
      if (next === undefined) {
        this.#nowMs = Math.max(this.#nowMs, endMs);
        return false;
      }
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.waiting.runInAsyncScope(() => this.#fire(next));
    }
  }

  /** Lets everything happen that waits for no clock. All else in the world is synchronous, so one turn is enough. */
  settle(): Promise<void> {
    return new Promise((resolve) => this.#nextTurn(resolve));
  }

  #fire(timer: Timer): void {
    try {
      timer.work();
    } catch (error) {
      // A life that ends within a timer: nobody else hears of it.
      if (timer.life?.isOver !== true) throw error;
    }
  }

  /** A timer is never early, and late by the slack at most. */
  #late(ms: number): number {
    const dueMs = this.#nowMs + Math.max(0, Math.ceil(ms));
    if (ms < 50 || this.slackMs <= 1) return dueMs;
    return Math.ceil(dueMs / this.slackMs) * this.slackMs;
  }

  #add(dueMs: number, everyMs: number | undefined, work: () => void): StopTimer {
    const timer: Timer = {
      dueMs,
      number: this.#made++,
      everyMs,
      work,
      life: this.life,
      waiting: new AsyncResource('Timer'),
      isStopped: false,
    };
    this.#push(timer);
    return () => {
      timer.isStopped = true;
    };
  }

  /** Takes the next timer that fires until then. */
  #next(endMs: number): Timer | undefined {
    for (;;) {
      const first = this.#timers[0];
      if (first === undefined || first.dueMs > endMs) return undefined;
      this.#pop();
      if (first.isStopped || first.life?.isOver === true) continue;
      if (first.everyMs === undefined) return first;
      const again = { ...first };
      first.dueMs = this.#lateFrom(Math.max(first.dueMs, this.#nowMs), first.everyMs);
      this.#push(first);
      return again;
    }
  }

  #lateFrom(fromMs: number, ms: number): number {
    return Math.ceil((fromMs + ms) / this.slackMs) * this.slackMs;
  }

  // A binary heap by due time, and by age among equals.
  #push(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.length;
    heap.push(timer);
    for (let up = (at - 1) >> 1; at > 0 && isBefore(timer, heap[up]!); up = (at - 1) >> 1) {
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#timers;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down++;
      if (!isBefore(heap[down]!, last)) break;
      heap[at] = heap[down]!;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.number < b.number);
}
