/**
 * Decides which runs of which roots are read next. Each root has a queue, so that a root that hangs delays no other
 * root.
 */
import { MOST_READERS } from '../memory/index.ts';
import type { PatientReader } from '../reading/index.ts';
import { isWithin, type RootDirectory } from '../untrusted/index.ts';
import type { SyncedStoreRun } from './stored-run.ts';

/** The queue for the runs of one root or of several. */
export interface RootQueue {
  /** Keys of runs with something to read, in the order in which mirrorboard noticed them. */
  readonly keys: Set<string>;
  /** The reader of the queue, which begins with `run`. */
  reader: PatientReader | undefined;
  wake: (() => void) | undefined;
  /** True while runs wait for the moment when they are read together. */
  isGathering: boolean;
  reading: Promise<void> | undefined;
}

/** The queues of all roots. If there are more roots than readers are allowed, they share queues. */
export class RootQueues {
  readonly #places: ReadonlyMap<string, RootDirectory>;
  readonly #byRoot = new Map<string, RootQueue>();

  constructor(places: ReadonlyMap<string, RootDirectory>) {
    this.#places = places;
    const queues: RootQueue[] = [];
    for (const root of places.keys()) {
      const queue = queues[this.#byRoot.size % MOST_READERS] ?? newQueue();
      if (!queues.includes(queue)) queues.push(queue);
      this.#byRoot.set(root, queue);
    }
  }

  /** Returns each queue, with one of the roots that it serves. */
  all(): ReadonlyMap<RootQueue, string> {
    return new Map([...this.#byRoot].map(([root, queue]) => [queue, root]));
  }

  /** Returns the queue that reads a run. */
  of({ ref }: Pick<SyncedStoreRun, 'ref'>): RootQueue | undefined {
    return this.#byRoot.get(ref.root);
  }

  /** Returns the root that contains a path, among those that share a queue; undefined for the target of a link. */
  rootOf(queue: RootQueue, path: string): string | undefined {
    for (const [name, place] of this.#places) if (this.#byRoot.get(name) === queue && isWithin(path, place.path)) return name;
    return undefined;
  }

  /** Adds a run that has something to read. */
  add(run: SyncedStoreRun): void {
    const queue = this.of(run);
    queue?.keys.add(run.key);
    queue?.wake?.();
  }

  /** Makes every queue check for work. */
  wakeAll(): void {
    for (const { wake } of this.#byRoot.values()) wake?.();
  }

  /** Waits for the reads under way. */
  async idle(): Promise<void> {
    await Promise.all([...this.#byRoot.values()].map(({ reading }) => reading));
  }
}

function newQueue(): RootQueue {
  return { keys: new Set(), reader: undefined, wake: undefined, isGathering: false, reading: undefined };
}
