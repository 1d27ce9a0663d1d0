/** Instructions to the server, packed into frames of bounded length, with a few frames under way at a time. */
import { withSignal } from '../../concurrency/index.ts';
import type { AimClient, Resource } from './client.ts';
import { FRAME_BYTES } from './limits.ts';
import { type Key, type Tree, TreeWriter } from './tree.ts';

/** Steps and cells of a column, in arrays: the only kind of instruction that is frequent. */
export interface Cells {
  readonly keys: readonly bigint[];
  /** Floats or integers; null if all cells are null. */
  readonly values: readonly (number | bigint)[] | null;
}

/** Collects instructions into frames and sends them in order. `flush` waits until all are applied. */
export class Frames {
  readonly #client: AimClient;
  readonly #signal: AbortSignal;
  readonly #what: string;
  readonly #writer = new TreeWriter();
  /** Instructions in the current frame. */
  #count = 0;
  readonly #underWay = new Set<Promise<void>>();
  #failure: unknown;

  constructor(client: AimClient, what: string, signal: AbortSignal) {
    this.#client = client;
    this.#what = what;
    this.#signal = signal;
    this.#begin();
  }

  /** Adds a call, and sends the frame when it is full. */
  async add(resource: Resource, method: string, args: readonly Tree[]): Promise<void> {
    const writer = this.#head(resource, method);
    writer.enter(2);
    writer.write(args);
    writer.leave(10);
    await this.#end();
  }

  /** Sets many children of one path. */
  async update(resource: Resource, path: readonly Key[], pairs: readonly (readonly [Key, Tree])[]): Promise<void> {
    if (pairs.length === 0) return;
    if (await this.#client.takesMany(resource, this.#signal))
      await this.add(resource, 'update', [path, pairs.map(([key, value]) => [key, value])]);
    else for (const [key, value] of pairs) await this.add(resource, '__setitem__', [[...path, key], value]);
  }

  /** Sets cells `from` to `to` of a column. */
  async cells(resource: Resource, path: readonly Key[], { keys, values }: Cells, from: number, to: number): Promise<void> {
    if (!(await this.#client.takesMany(resource, this.#signal))) {
      for (let i = from; i < to; i++) {
        const value = values === null ? null : (values[i] as number | bigint);
        await this.add(resource, '__setitem__', [[...path, keys[i] as bigint], value]);
      }
      return;
    }
    const writer = this.#head(resource, 'update');
    writer.enter(2);
    writer.array();
    writer.at(0, path);
    writer.enter(1);
    writer.array();
    for (let i = from; i < to; i++) {
      writer.enter(i - from);
      writer.array();
      writer.enter(0);
      writer.int(keys[i] as bigint);
      writer.leave(10);
      writer.at(1, values === null ? null : (values[i] as number | bigint));
      writer.leave(10);
    }
    writer.leave(20);
    await this.#end();
  }

  /**
   * Sends the current frame, and waits until the server has applied all frames. Throws the error of the first frame
   * that failed.
   */
  async flush(): Promise<void> {
    if (this.#count > 0) await this.#send();
    while (this.#underWay.size > 0) await Promise.race([...this.#underWay]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #begin(): void {
    this.#count = 0;
    this.#writer.array();
  }

  #head(resource: Resource, method: string): TreeWriter {
    const writer = this.#writer;
    writer.enter(this.#count);
    writer.array();
    writer.at(0, resource);
    writer.at(1, method);
    return writer;
  }

  async #end(): Promise<void> {
    this.#writer.leave(10);
    this.#count++;
    if (this.#writer.length >= FRAME_BYTES) await this.#send();
  }

  async #send(): Promise<void> {
    const frame = this.#writer.take();
    this.#begin();
    if (this.#failure !== undefined) throw this.#failure;
    await this.#client.place(this.#signal);
    const sent = this.#client.send(frame, this.#what).catch((failure: unknown) => {
      this.#failure ??= failure;
    });
    // A missing answer must not block a caller that was aborted.
    const done = withSignal(sent, this.#signal).finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
    done.catch(() => undefined);
  }
}
