/**
 * The records of an offline run, as the official client's messages: only those that are needed, by their field
 * numbers in `wandb/proto/wandb_internal.proto`.
 */

import { lengthDelimited, varintIn } from '../../backend-kit/index.ts';
import type { RunUpdate } from './client.ts';
import { STEP_KEY } from './keys.ts';
import { membersOf } from './row-reader.ts';
import { EXACT_KEY, MARK_KEY } from './rows.ts';
import type { RunConfig } from './run-config.ts';
import type { RunPath } from './run-path.ts';

/** The field numbers of the messages that a record may hold. */
export const Kind = { history: 2, summary: 3, config: 5, files: 6, metric: 12, run: 17, exit: 18, header: 21 } as const;

/** A message that grows; its lengths are filled in when they are known. */
export class Message {
  #buffer = Buffer.allocUnsafe(16 * 1024);
  #length = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): this {
    this.#length = 0;
    return this;
  }

  varint(field: number, value: number): this {
    this.#raw(field * 8);
    this.#raw(value);
    return this;
  }

  text(field: number, value: string): this {
    if (value === '') return this;
    this.#raw(field * 8 + 2);
    // A character takes at most three bytes; the length is before them, in the usual number of bytes.
    const most = value.length * 3;
    this.#reserve(most + 5);
    if (most < 128) {
      // Nearly all texts are short and plain; copying them here is faster than a call.
      const buffer = this.#buffer;
      const start = this.#length + 1;
      let i = 0;
      for (; i < value.length; i++) {
        const code = value.charCodeAt(i);
        if (code > 127) break;
        buffer[start + i] = code;
      }
      if (i === value.length) {
        buffer[this.#length] = i;
        this.#length = start + i;
        return this;
      }
      const length = this.#buffer.write(value, this.#length + 1, 'utf8');
      this.#buffer[this.#length] = length;
      this.#length += 1 + length;
      return this;
    }
    this.#raw(Buffer.byteLength(value));
    this.#length += this.#buffer.write(value, this.#length, 'utf8');
    return this;
  }

  message(field: number, inner: Message): this {
    this.#raw(field * 8 + 2);
    this.#raw(inner.#length);
    this.#reserve(inner.#length);
    this.#buffer.set(inner.bytes, this.#length);
    this.#length += inner.#length;
    return this;
  }

  #raw(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest >= 128) {
      this.#buffer[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Creates records one after the other; the caller must use each before the next is created. */
export class RecordWriter {
  readonly #record = new Message();
  readonly #body = new Message();
  readonly #item = new Message();
  readonly #inner = new Message();

  header(): Buffer {
    return this.#as(Kind.header, this.#body.clear().message(1, this.#inner.clear().text(1, '0.31.0').text(2, '0.70.0')));
  }

  /** Creates a run record. `firstLine`: earlier lines are not in this file. */
  run({ entity, project, id }: RunPath, config: RunConfig, { change, startedAt }: RecordedFacts, firstLine: number): Buffer {
    const body = this.#body.clear().text(1, id).text(2, entity).text(3, project);
    body.message(4, this.#configBody(config, new Message()));
    body
      .text(6, change.group ?? '')
      .text(7, change.jobType ?? '')
      .text(8, change.displayName ?? '')
      .text(9, change.notes ?? '');
    for (const tag of change.tags ?? []) body.text(10, tag);
    if (firstLine > 0) body.varint(14, firstLine);
    const seconds = Math.floor(startedAt);
    const isTime = seconds >= 0 && seconds < 253_402_300_800;
    this.#inner.clear();
    if (isTime) this.#inner.varint(1, seconds).varint(2, Math.floor((startedAt - seconds) * 1e9));
    return this.#as(Kind.run, body.message(17, this.#inner));
  }

  config(config: RunConfig): Buffer {
    return this.#as(Kind.config, this.#configBody(config, this.#body.clear()));
  }

  /** Creates the records that draw keys by the steps of the files. */
  *metrics(): Generator<Buffer, void, void> {
    yield this.#as(Kind.metric, this.#body.clear().text(1, STEP_KEY).message(6, this.#inner.clear().varint(3, 1)));
    yield this.#as(Kind.metric, this.#body.clear().text(2, '*').text(4, STEP_KEY).message(6, this.#inner.clear().varint(1, 1)));
    for (const key of [EXACT_KEY, MARK_KEY]) {
      yield this.#as(Kind.metric, this.#body.clear().text(1, key).message(6, this.#inner.clear().varint(2, 1).varint(3, 1)));
    }
  }

  /** Creates a record of a row from its line. */
  history(line: string, number: number): Buffer {
    const body = this.#body.clear();
    for (const [key, value] of membersOf(line) ?? []) body.message(1, this.#item.clear().text(1, key).text(16, value));
    return this.#as(Kind.history, body.message(2, this.#inner.clear().varint(1, number)));
  }

  summary(members: Iterable<readonly [key: string, value: string]>): Buffer {
    const body = this.#body.clear();
    for (const [key, value] of members) body.message(1, this.#item.clear().text(1, key).text(16, value));
    return this.#as(Kind.summary, body);
  }

  files(files: readonly { readonly path: string; readonly isMedia: boolean }[]): Buffer {
    const body = this.#body.clear();
    for (const { path, isMedia } of files)
      body.message(
        1,
        this.#item
          .clear()
          .text(1, path)
          .varint(2, 0)
          .varint(3, isMedia ? 2 : 0),
      );
    return this.#as(Kind.files, body);
  }

  exit(code: number): Buffer {
    return this.#as(Kind.exit, this.#body.clear().varint(1, code));
  }

  #configBody(config: RunConfig, body: Message): Message {
    for (const [key, value] of config.values) {
      // The official client adds its own value during a sync.
      if (key !== '_wandb') body.message(1, this.#item.clear().text(1, key).text(16, value));
    }
    return body;
  }

  #as(kind: number, body: Message): Buffer {
    return this.#record.clear().message(kind, body).bytes;
  }
}

/** Returns the kind of a record without parsing it; undefined for records that mirrorboard does not read. */
export function kindOf(record: Uint8Array): number | undefined {
  // Nearly all are rows.
  if (record[0] === Kind.history * 8 + 2) return Kind.history;
  for (const kind of Object.values(Kind)) if (lengthDelimited(record, kind).length > 0) return kind;
  return undefined;
}

/** Returns the items of a history, summary or config record: keys, and values as JSON. */
export function itemsOf(record: Uint8Array, kind: number): [key: string, value: string][] {
  const [body] = lengthDelimited(record, kind);
  if (body === undefined) return [];
  return lengthDelimited(body, 1).map((item) => [utf8(lengthDelimited(item, 1)[0]), utf8(lengthDelimited(item, 16)[0])]);
}

/** The fields of a run record other than the configuration. */
export interface RecordedFacts {
  readonly change: RunUpdate;
  readonly startedAt: number;
}

/** Reads a `RunRecord` (`wandb_internal.proto`). */
export function readRun(record: Uint8Array): RecordedFacts & {
  readonly entity: string;
  readonly project: string;
  readonly config: [key: string, value: string][];
  readonly firstLine: number;
} {
  const [body = new Uint8Array(0)] = lengthDelimited(record, Kind.run);
  const text = (field: number): string => utf8(lengthDelimited(body, field)[0]);
  const [config] = lengthDelimited(body, 4);
  const [start = new Uint8Array(0)] = lengthDelimited(body, 17);
  const items = config === undefined ? [] : lengthDelimited(config, 1);
  const tags = lengthDelimited(body, 10).map(utf8);
  const texts = { group: text(6), jobType: text(7), displayName: text(8), notes: text(9) };
  return {
    entity: text(2),
    project: text(3),
    config: items.map((item) => [utf8(lengthDelimited(item, 1)[0]), utf8(lengthDelimited(item, 16)[0])]),
    change: { ...Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== '')), ...(tags.length === 0 ? {} : { tags }) },
    startedAt: (varintIn(start, 1) ?? 0) + (varintIn(start, 2) ?? 0) / 1e9,
    firstLine: varintIn(body, 14) ?? 0,
  };
}

/** Reads the paths of a `FilesRecord` (`wandb_internal.proto`). */
export function readFiles(record: Uint8Array): string[] {
  const [body = new Uint8Array(0)] = lengthDelimited(record, Kind.files);
  return lengthDelimited(body, 1).map((item) => utf8(lengthDelimited(item, 1)[0]));
}

function utf8(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
