/** Which runs of which roots are read next: a queue for each root, so that one that hangs holds up no other. */
import { MOST_READERS } from '../memory/index.ts';
import type { PatientReader } from '../reading/index.ts';
import { isWithin, type RootDirectory } from '../untrusted/index.ts';
import type { SyncedStoreRun } from './stored-run.ts';

/** How the runs of a root, or of some, are read. */
export interface RootQueue {
  /** Keys of runs with something to read, in the order in which it was heard of. */
  readonly keys: Set<string>;
  /** Begins with `run`. */
  reader: PatientReader | undefined;
  wake: (() => void) | undefined;
  reading: Promise<void> | undefined;
}

/** The queues of all roots. More roots than there may be readers share them. */
export class RootQueues {
  readonly #places: ReadonlyMap<string, RootDirectory>;
  readonly #byRoot = new Map<string, RootQueue>();

  constructor(places: ReadonlyMap<string, RootDirectory>) {
    this.#places = places;
    const queues: RootQueue[] = [];
    for (const root of places.keys()) {
      const queue = queues[this.#byRoot.size % MOST_READERS] ?? { keys: new Set(), reader: undefined, wake: undefined, reading: undefined };
      if (!queues.includes(queue)) queues.push(queue);
      this.#byRoot.set(root, queue);
    }
  }

  /** Each queue, with one of the roots that it serves. */
  all(): ReadonlyMap<RootQueue, string> {
    return new Map([...this.#byRoot].map(([root, queue]) => [queue, root]));
  }

  /** The queue that a run is read by. */
  of({ ref }: Pick<SyncedStoreRun, 'ref'>): RootQueue | undefined {
    return this.#byRoot.get(ref.root);
  }

  /** The root that a path lies in, of those that share a queue; undefined of what a link leads to. */
  rootOf(queue: RootQueue, path: string): string | undefined {
    for (const [name, place] of this.#places) if (this.#byRoot.get(name) === queue && isWithin(path, place.path)) return name;
    return undefined;
  }

  /** A run has something to read. */
  add(run: SyncedStoreRun): void {
    const queue = this.of(run);
    queue?.keys.add(run.key);
    queue?.wake?.();
  }

  /** Lets every queue look what there is to do. */
  wakeAll(): void {
    for (const { wake } of this.#byRoot.values()) wake?.();
  }

  /** Waits for what is being read. */
  async idle(): Promise<void> {
    await Promise.all([...this.#byRoot.values()].map(({ reading }) => reading));
  }
}
