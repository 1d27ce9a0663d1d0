// Paths whose calls do not return: their file server is gone. What calls them is left there until it answers.
import type { CallMark } from '../../src/calls/index.ts';
import { noAnswer } from '../../src/calls/silence.ts';
import { Died, type Life } from './life.ts';
import { shown } from './roots.ts';
import type { World } from './world.ts';

/** What a thread notes of its calls, and which it does not make. */
export interface ThreadCalls {
  readonly mark: CallMark;
  /** Paths that hung other threads, and the reasons. */
  readonly passedOver: Map<string, string>;
  /** True once nobody waits for the thread any more. */
  isLeft: boolean;
}

/** A thread that is in a call. */
interface Stuck {
  readonly path: string;
  readonly sinceMs: number;
  readonly calls: ThreadCalls;
}

/** How often it is asked whether a thread was left behind. */
const LOOK_MS = 1000;
/** A path that has not answered for this long is reported, however late timers are. */
const KNOWN_MS = 10_000;

/** The calls of one history that do not return. */
export class Hangs {
  readonly #world: World;
  readonly #paths = new Set<string>();
  readonly #stuck = new Set<Stuck>();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Calls to a path do not return from now on. */
  begin(path: string): void {
    this.#paths.add(path);
  }

  /**
   * Calls to a path return. A thread that is in one does so as soon as it was left behind: what it would do next cannot
   * be told here, because its code was cut off in the call.
   */
  end(path: string): void {
    this.#paths.delete(path);
    for (const go of this.#waiting.get(path) ?? []) go();
    this.#waiting.delete(path);
    for (const stuck of this.#stuck) if (stuck.path === path) this.#release(stuck);
  }

  /** True if a call to a path does not return. */
  has(path: string): boolean {
    return this.#paths.size > 0 && this.#paths.has(path);
  }

  /** Waits, as a call in Node's own pool does, until a path answers, or the life is over. */
  async answered(path: string): Promise<void> {
    if (!this.has(path)) return;
    const { life } = this.#world;
    await new Promise<void>((resolve, reject) => {
      const waiting = this.#waiting.get(path) ?? new Set();
      this.#waiting.set(path, waiting.add(resolve));
      life?.hold({ cut: () => reject(new Died(`${life.name} is over`)) });
    });
  }

  /** Makes a call to a path. Ends the code of a thread that does not come back from it. */
  meet(path: string): void {
    const { life } = this.#world;
    const calls = life?.calls;
    const reason = calls?.passedOver.get(path);
    if (reason !== undefined) throw noAnswer(path, reason);
    if (life === undefined || !this.has(path)) return;
    if (calls === undefined) {
      // Until a thread hung there for a while, nobody knows; then the call takes its time, and the process with it.
      if (!this.#isKnown(path)) return;
      this.#world.bug(`${life.name} hangs in a call to ${shown(path)}, and nothing can go on`);
      return;
    }
    this.#world.note(`${life.name} hangs in a call to ${shown(path)}`);
    calls.mark.begin(path);
    this.#stuck.add({ path, sinceMs: this.#world.nowMs, calls });
    this.#leave(life);
  }

  /** True if the service must know that a path does not answer. */
  #isKnown(path: string): boolean {
    for (const stuck of this.#stuck) if (stuck.path === path && this.#world.nowMs - stuck.sinceMs > KNOWN_MS) return true;
    return false;
  }

  #leave(life: Life): never {
    life.end();
    throw new Died(`${life.name} does not come back from a call`);
  }

  #release(stuck: Stuck): void {
    if (!stuck.calls.isLeft) {
      this.#world.at(this.#world.ageMs + LOOK_MS, () => this.#release(stuck));
      return;
    }
    if (this.#stuck.delete(stuck)) stuck.calls.mark.end();
  }
}
