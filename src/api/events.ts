/** Tells clients what changes: a stream of server-sent events for each. One look at the store serves all of them. */
import type { ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../clock.ts';
import type { StoreQueries } from '../query/index.ts';

/** The sources of the events. */
export interface EventSources {
  readonly store: Pick<StoreQueries, 'ask'>;
  /** Returns the answer of /changes as text, and its version. */
  readonly changes: (since: string | undefined, signal: AbortSignal) => Promise<{ readonly version: string; readonly text: string }>;
  /** Returns the answer of /lanes as text. */
  readonly lanes: (signal: AbortSignal) => Promise<string>;
  readonly clock?: Clock | undefined;
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

interface Stream {
  readonly response: ServerResponse;
  /** The version of the store that the client has; undefined before it has any. */
  version: string | undefined;
  /** True if the client got the changes up to its version from this stream. */
  isTold: boolean;
  lanes: string;
  saidAtMs: number;
}

/** The most streams at a time. */
export const MOST_STREAMS = 16;
const LOOK_MS = 500;
/** Looks at the store for each look at the lanes. */
const LOOKS_PER_LANES = 4;
/** A stream says something this often, so that its client and proxies know that it is alive. */
const QUIET_MS = 15_000;
/** A client that does not read does not fill our memory. */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024;

/** Streams of events. It looks at nothing while there are none. */
export class Events {
  readonly #sources: EventSources;
  readonly #clock: Clock;
  readonly #streams = new Set<Stream>();
  /** Aborted to end the looks; undefined while nobody listens. */
  #looking: AbortController | undefined;
  /** True if the last look failed: one failure is reported, not two in a second. */
  #isFailing = false;

  constructor(sources: EventSources) {
    this.#sources = sources;
    this.#clock = sources.clock ?? systemClock;
  }

  /** True if no further stream is allowed. */
  get isFull(): boolean {
    return this.#streams.size >= MOST_STREAMS;
  }

  /** Adds a stream whose head was sent. `since`: the version of the store that the client has. */
  add(response: ServerResponse, since: string | undefined): void {
    const stream = { response, version: since, isTold: false, lanes: '', saidAtMs: this.#clock.steadyMs() };
    this.#streams.add(stream);
    response.once('close', () => this.#drop(stream));
    response.write('retry: 2000\n\n');
    // The first look of a new stream comes at once, also if others listen.
    this.#looking?.abort();
    this.#looking = new AbortController();
    void this.#look(this.#looking.signal);
  }

  /** Ends all streams. */
  close(): void {
    this.#looking?.abort();
    for (const { response } of this.#streams) response.end();
  }

  #drop(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) this.#looking?.abort();
  }

  async #look(signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      try {
        await this.#tellChanges(signal);
        if (turn % LOOKS_PER_LANES === 0) await this.#tellLanes(signal);
        this.#isFailing = false;
      } catch (error) {
        if (signal.aborted) return;
        if (!this.#isFailing) this.#sources.onFailure?.(error);
        this.#isFailing = true;
      }
      const nowMs = this.#clock.steadyMs();
      for (const stream of this.#streams) if (nowMs - stream.saidAtMs >= QUIET_MS) this.#say(stream, ': quiet\n\n');
      await this.#clock.sleep(LOOK_MS, signal);
    }
  }

  async #tellChanges(signal: AbortSignal): Promise<void> {
    const versions = new Set(Array.from(this.#streams, ({ version }) => version));
    for (const since of versions) {
      const { version, text } = await this.#sources.changes(since, signal);
      for (const stream of this.#streams) {
        if (stream.version !== since || (stream.isTold && version === since)) continue;
        this.#say(stream, `id: ${version}\nevent: changes\ndata: ${text}\n\n`);
        stream.version = version;
        stream.isTold = true;
      }
    }
  }

  async #tellLanes(signal: AbortSignal): Promise<void> {
    const text = await this.#sources.lanes(signal);
    if (signal.aborted) return;
    for (const stream of this.#streams) {
      if (stream.lanes === text) continue;
      stream.lanes = text;
      this.#say(stream, `event: lanes\ndata: ${text}\n\n`);
    }
  }

  #say(stream: Stream, text: string): void {
    const { response } = stream;
    if (response.writableLength > MOST_UNREAD_BYTES) {
      response.destroy();
      return;
    }
    stream.saidAtMs = this.#clock.steadyMs();
    response.write(text);
  }
}
