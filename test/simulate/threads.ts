// Threads as code of the same process: the real work of each kind of thread, with messages that take a moment.
import { EventEmitter } from 'node:events';
import { CallMark } from '../../src/calls/index.ts';
import { Discovery } from '../../src/discover/discovery.ts';
import type { DiscoverRequest, DiscoverWork } from '../../src/discover/protocol.ts';
import type { ReaderRequest, ReaderWork } from '../../src/reading/reader-protocol.ts';
import { RequestReader } from '../../src/reading/request-reader.ts';
import { FileWindow } from '../../src/tail/index.ts';
import type { ThreadCalls } from './hangs.ts';
import { Life } from './life.ts';
import { surroundings } from './platform.ts';

/** What a thread does with a message, and what it answers. */
type Take = (message: unknown) => void;
type Post = (message: unknown, transfer?: ArrayBuffer[]) => void;

/** A message between threads takes so long at most. */
const MOST_DELAY_MS = 3;

/** The work of every kind of thread that the service starts here, by the end of its module's path. */
const KINDS: readonly (readonly [module: string, start: (work: unknown, post: Post) => Take])[] = [
  [
    '/discover/worker.js',
    (work, post) => {
      const discovery = new Discovery(work as DiscoverWork, post);
      return (message) => discovery.take(message as DiscoverRequest);
    },
  ],
  [
    '/reading/reader-worker.js',
    (work, post) => {
      // A request is read in one go, so that readers can share the memory of a file.
      window ??= new FileWindow();
      const reader = new RequestReader(work as ReaderWork, post, window);
      return (message) => reader.take(message as ReaderRequest);
    },
  ],
];

let window: FileWindow | undefined;

/** Takes the place of `Worker` of `node:worker_threads`. */
export class SimulatedWorker extends EventEmitter {
  readonly #thread: Life;
  readonly #owner: Life | undefined;
  readonly #take: Take;
  readonly #calls: ThreadCalls;
  #sentMs = 0;
  #answeredMs = 0;

  constructor(url: URL, { workerData }: { readonly workerData: unknown }) {
    super();
    const { world } = surroundings();
    const kind = KINDS.find(([module]) => url.pathname.endsWith(module));
    if (kind === undefined) throw new Error(`the simulator has no thread of this kind: ${url.pathname}`);
    this.#owner = world.life;
    this.#thread = new Life(kind[0], world.life);
    const { mark, passedOver } = workerData as DiscoverWork | ReaderWork;
    this.#calls = { mark: new CallMark(mark), passedOver: new Map(passedOver), isLeft: false };
    this.#thread.calls = this.#calls;
    const post: Post = (message, transfer = []) => this.#answer(structuredClone(message, { transfer }));
    this.#take = world.inLife(this.#thread, () => kind[1](workerData, post));
  }

  postMessage(message: unknown): void {
    const { world } = surroundings();
    const copy = structuredClone(message);
    this.#sentMs = this.#nextMs(this.#sentMs);
    world.inLife(this.#thread, () => world.after(this.#sentMs - world.nowMs, () => this.#receive(copy)));
  }

  #receive(message: unknown): void {
    const { kind, path } = message as { readonly kind: string; readonly path?: string };
    if (kind === 'answers' && path !== undefined) this.#calls.passedOver.delete(path);
    this.#take(message);
  }

  #answer(message: unknown): void {
    const { world } = surroundings();
    this.#answeredMs = this.#nextMs(this.#answeredMs);
    world.inLife(this.#owner, () =>
      world.after(this.#answeredMs - world.nowMs, () => {
        if (!this.#thread.isOver) this.emit('message', message);
      }),
    );
  }

  /** Messages arrive in their order, each after a moment. */
  #nextMs(lastMs: number): number {
    const { world } = surroundings();
    return Math.max(lastMs, world.nowMs + world.random.int(0, MOST_DELAY_MS));
  }

  async terminate(): Promise<number> {
    this.#thread.end();
    this.emit('exit', 0);
    return 0;
  }

  ref(): this {
    return this;
  }

  /** Nobody waits for it any more. */
  unref(): this {
    this.#calls.isLeft = true;
    return this;
  }
}
