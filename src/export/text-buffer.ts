/** A call that takes a piece of the output; the next piece is made after its promise. */
export type TextSink = (chunk: string) => void | Promise<void>;

/** The characters that are collected before a write: enough to make a write cheap, few enough to keep in memory. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * A buffer that collects text for a sink. `add` is synchronous, because a promise for each point would cost more than
 * the point; the writer asks `isFull` after each one and only then waits.
 */
export class TextBuffer {
  readonly #sink: TextSink;
  #text = '';

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  add(text: string): void {
    this.#text += text;
  }

  get isFull(): boolean {
    return this.#text.length >= CHUNK_CHARACTERS;
  }

  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '') await this.#sink(text);
  }
}
