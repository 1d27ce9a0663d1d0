// One life of a process in the world: from its start until it is killed or ends. A thread is a life of its own within
// that of its process.
import type { AsyncResource } from 'node:async_hooks';
import type { ThreadCalls } from './hangs.ts';

/** What ends the code of a life wherever it is. The process it belongs to is gone: nobody hears of it. */
export class Died extends Error {
  override readonly name = 'Died';
}

/** Something that the life holds open: it is cut off at its end. */
interface Held {
  cut(): void;
}

/** A life of a process, or of one of its threads. */
export class Life {
  readonly name: string;
  readonly #process: Life | undefined;
  readonly #held = new Set<Held>();
  #isOver = false;
  /** Crossings of the border that it may still make; then it is killed there. */
  stepsLeft = Number.POSITIVE_INFINITY;
  /** The calls of a thread; undefined for a process, which makes none of its own. */
  calls: ThreadCalls | undefined;
  /** Where its code runs. */
  scope: AsyncResource | undefined;
  /** Called when it is killed. */
  onKilled: ((where: string) => void) | undefined;

  constructor(name: string, process?: Life) {
    this.name = name;
    this.#process = process;
  }

  get isOver(): boolean {
    return this.#isOver || this.#process?.isOver === true;
  }

  get root(): Life {
    return this.#process?.root ?? this;
  }

  hold(held: Held): void {
    this.root.#held.add(held);
  }

  release(held: Held): void {
    this.root.#held.delete(held);
  }

  /** Throws if the life is over: what it does later must not reach the world. */
  check(): void {
    if (this.isOver) throw new Died(`${this.name} is over`);
  }

  /** Marks a crossing of the border to the world: the process may be killed here. */
  step(where: string): void {
    this.check();
    const { root } = this;
    if (--root.stepsLeft > 0) return;
    root.kill(where);
    throw new Died(`${this.name} was killed: ${where}`);
  }

  /** Ends the life at once, as `kill -9` does: everything it holds is cut off. */
  kill(where: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onKilled?.(where);
    this.#cut();
  }

  /** Notes that the process has ended by itself. */
  end(): void {
    this.#isOver = true;
    this.#cut();
  }

  #cut(): void {
    for (const held of this.#held) held.cut();
    this.#held.clear();
  }
}
