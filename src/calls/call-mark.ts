import { machineMs } from '../clock.ts';

/** A call that has begun and not returned. */
export interface OpenCall {
  /** A new number each time, even for the same path. */
  readonly id: number;
  readonly path: string;
  /** By `machineMs`. */
  readonly sinceMs: number;
}

const PATH_BYTES = 4096;
const HEAD_BYTES = 16;

/** The note of a thread's current call. It is in shared memory, because a hanging thread sends no messages. */
export class CallMark {
  readonly buffer: SharedArrayBuffer;
  /** The number of starts and ends of calls, which is odd while a call is open; and the length of the path. */
  readonly #ints: Int32Array;
  readonly #since: Float64Array;
  readonly #path: Buffer;

  constructor(buffer = new SharedArrayBuffer(HEAD_BYTES + PATH_BYTES)) {
    this.buffer = buffer;
    this.#ints = new Int32Array(buffer, 0, 2);
    this.#since = new Float64Array(buffer, 8, 1);
    this.#path = Buffer.from(buffer, HEAD_BYTES, PATH_BYTES);
  }

  begin(path: string): void {
    this.#since[0] = machineMs();
    this.#ints[1] = this.#path.write(path);
    Atomics.add(this.#ints, 0, 1);
  }

  end(): void {
    Atomics.add(this.#ints, 0, 1);
  }
}

/** The view of a `CallMark` from another thread. */
export class CallView {
  readonly #ints: Int32Array;
  readonly #since: Float64Array;
  readonly #path: Buffer;

  constructor(buffer: SharedArrayBuffer) {
    this.#ints = new Int32Array(buffer, 0, 2);
    this.#since = new Float64Array(buffer, 8, 1);
    this.#path = Buffer.from(buffer, HEAD_BYTES, PATH_BYTES);
  }

  /** Returns the current call of the thread; undefined if there is none, or it has just begun another one. */
  open(): OpenCall | undefined {
    const id = Atomics.load(this.#ints, 0);
    if (id % 2 === 0) return undefined;
    const sinceMs = this.#since[0] ?? 0;
    const path = this.#path.toString('utf8', 0, this.#ints[1]);
    return Atomics.load(this.#ints, 0) === id ? { id, path, sinceMs } : undefined;
  }

  /** The number of starts and ends of calls: it changes while the thread works. */
  get count(): number {
    return Atomics.load(this.#ints, 0);
  }
}
