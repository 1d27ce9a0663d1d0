// Drives the decoder over bytes in memory, in windows that end wherever a test wants; and a second, slow way to decode
// the same bytes.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ColumnWriter } from '../../src/decode/columns.ts';
import { EventReader } from '../../src/decode/event-reader.ts';
import { lengthChecksum } from '../../src/decode/frame.ts';
import {
  type DecoderOptions,
  FileDecoder,
  FRAME_BYTES,
  HEADER_BYTES,
  type IncompleteBefore,
  maskedCrc32c,
  scanWindow,
  TagTable,
  type Window,
} from '../../src/decode/index.ts';
import { type Batch, Catalogue, type Damage, type Gap, type Series } from '../../src/model/index.ts';

/** What the files of a run share. */
export interface RunSoFar {
  readonly catalogue: Catalogue;
  readonly tags: TagTable;
}

/** A run of which nothing is known. */
export function newRun(): RunSoFar {
  return { catalogue: new Catalogue(), tags: new TagTable() };
}

/** How bytes are handed to the decoder. */
export interface Script {
  /** Where windows end, where what is needed allows it, in rising order; default: nowhere but at the end. */
  readonly cuts?: readonly number[];
  /** The size the file has; default: all of the bytes. */
  readonly fileEnd?: number;
  readonly start?: number;
  readonly settled?: boolean;
  readonly batchPoints?: number;
  readonly incomplete?: IncompleteBefore;
  readonly zeros?: { readonly start: number; readonly end: number };
  readonly run?: RunSoFar;
  readonly file?: string;
  /** Makes the view on a window's buffer; default: a plain one. */
  readonly viewOf?: (buffer: ArrayBuffer) => DataView<ArrayBuffer>;
}

/** What came of it. */
export interface Decoded {
  readonly batches: readonly Batch[];
  readonly decoder: FileDecoder;
  readonly damage: readonly Damage[];
  readonly gaps: readonly Gap[];
  readonly series: readonly Series[];
  /** How often the decoder was called. */
  readonly calls: number;
}

/**
 * Junk on both sides of a window: who reads beyond it gets something that looks like a record's start or a varint
 * without end.
 */
const MARGIN = 24;

/** Decodes all of `bytes` as the reader does: a window that begins at `wants` and holds what is needed. */
export function decodeBytes(bytes: Uint8Array, script: Script = {}): Decoded {
  const { cuts = [], fileEnd = bytes.length, settled = false, run = newRun(), file = 'events.out.tfevents.1', start = 0 } = script;
  const options: DecoderOptions = {
    run: { root: 'logs', path: '.' },
    file,
    generation: 0,
    ...run,
    start,
    settled,
    incomplete: script.incomplete,
    zeros: script.zeros,
    ...(script.batchPoints === undefined ? {} : { batchPoints: script.batchPoints }),
  };
  const decoder = new FileDecoder(options);
  const batches: Batch[] = [];
  let needed = Math.min(1, fileEnd - start);
  let window: Window | undefined;
  // Every call has to move on: this many are never needed.
  for (let calls = 1; calls <= 4 * bytes.length + 100; calls++) {
    if (window === undefined) {
      const least = Math.min(decoder.wants + needed, fileEnd);
      window = windowOf(
        bytes,
        decoder.wants,
        Math.max(least, Math.min(cuts.find((cut) => cut >= least) ?? fileEnd, fileEnd)),
        script.viewOf,
      );
    }
    const step = decoder.advance(window, fileEnd);
    if (step.kind === 'more') {
      needed = step.needed;
      // The real window is always the same buffer: nothing that was handed out may be a view on it.
      window.buffer.fill(0xff);
      window = undefined;
      continue;
    }
    batches.push(decoder.take());
    window.buffer.fill(0xff);
    if (step.kind === 'end') {
      return { batches, decoder, damage: decoder.damage, gaps: decoder.gaps, series: run.catalogue.series, calls };
    }
    window = undefined;
    needed = Math.min(1, fileEnd - decoder.wants);
  }
  throw new Error(`the decoder does not come to an end: it wants ${needed} bytes from ${decoder.wants} of ${fileEnd} again and again`);
}

/** Who scans: the compiled scanner, as in the reader's thread, or the one in TypeScript. */
export type ScannerKind = 'compiled' | 'plain';
let kind: ScannerKind = 'compiled';

/** Makes all later calls use one of the two scanners. */
export function scanWith(scanner: ScannerKind): void {
  kind = scanner;
}

function windowOf(bytes: Uint8Array, from: number, to: number, viewOf: Script['viewOf']): Window {
  const size = to - from + 2 * MARGIN;
  const memory = kind === 'compiled' && viewOf === undefined ? scanWindow() : undefined;
  const buffer = memory === undefined || size > memory.length ? new Uint8Array(size) : memory.subarray(0, size);
  buffer.fill(0x8a).set(bytes.subarray(from, to), MARGIN);
  const view = viewOf?.(buffer.buffer as ArrayBuffer) ?? new DataView(buffer.buffer, buffer.byteOffset, size);
  return { buffer, view, start: MARGIN, end: MARGIN + to - from, offset: from };
}

/**
 * Every point, object and mark of batches, in a form that `toEqual` compares exactly: numbers by their shortest text.
 */
export interface Contents {
  readonly scalars: readonly string[];
  readonly objects: readonly string[];
  readonly marks: readonly string[];
}

type Held = Pick<Batch, 'scalars' | 'objects' | 'marks'>;

/** What batches of one file hold. */
export function contentsOf(batches: readonly Held[], series: readonly Series[]): Contents {
  const tagOf = (id: number): string => JSON.stringify(series[id]?.tag ?? `no series ${id}`);
  const out: { readonly [K in keyof Contents]: string[] } = { scalars: [], objects: [], marks: [] };
  for (const { scalars, objects, marks } of batches) {
    for (let row = 0; row < scalars.count; row++) {
      const step = scalars.wideSteps.get(row) ?? scalars.step[row]!;
      const value = scalars.wideValues.get(row) ?? scalars.value[row]!;
      const place = `@${scalars.offset[row]} ${scalars.checksum[row]} #${scalars.index[row]}`;
      out.scalars.push(`${tagOf(scalars.series[row]!)} ${exact(step)} ${exact(scalars.wallTime[row]!)} ${exact(value)} ${place}`);
    }
    for (const point of objects) {
      const place = `@${point.offset} ${point.checksum} #${point.index}`;
      out.objects.push(`${tagOf(point.series)} ${exact(point.step)} ${exact(point.wallTime)} ${point.form} ${hex(point.payload)} ${place}`);
    }
    for (const mark of marks) {
      out.marks.push(`${mark.kind} ${exact(mark.step)} ${exact(mark.wallTime)} ${hex(mark.payload)} @${mark.offset} ${mark.checksum}`);
    }
  }
  return out;
}

/** A number's shortest exact text; bigints carry an `n`, and zero its sign. */
export function exact(x: number | bigint): string {
  if (typeof x === 'bigint') return `${x}n`;
  return Object.is(x, -0) ? '-0' : String(x);
}

/** Bytes as hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Decodes frame by frame through the protobuf types alone, and finds its way behind damage by trying every byte. */
export function decodeSlowly(
  bytes: Uint8Array,
  { run = newRun(), file = 'events.out.tfevents.1', settled = false }: Script = {},
): Contents {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = new EventReader(run.catalogue, run.tags, file);
  const sink = { columns: new ColumnWriter(16), objects: [], marks: [], newSeries: [], payloadBytes: 0, weight: 0 };
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = lengthAt(view, at);
    const isTorn = length !== undefined && at + FRAME_BYTES + length > bytes.length;
    if (length === undefined || isTorn) {
      if (isTorn && !settled) break;
      let next = at + 1;
      while (next + HEADER_BYTES <= bytes.length && !isFrame(view, next)) next++;
      at = next;
      continue;
    }
    const end = at + FRAME_BYTES + length;
    const checksum = view.getUint32(end - 4, true);
    if (maskedCrc32c(view, at + HEADER_BYTES, end - 4) === checksum) {
      reader.read({ data: bytes.slice(at + HEADER_BYTES, end - 4), offset: at, checksum }, sink);
    } else if (!isOwnContent(view, at, end)) {
      let next = at + HEADER_BYTES;
      while (next < end && !isFrame(view, next)) next++;
      at = next;
      continue;
    }
    at = end;
  }
  return contentsOf([{ ...sink, scalars: sink.columns.finish() }], run.catalogue.series);
}

function lengthAt(view: DataView, at: number): number | undefined {
  const [low, high] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
  return view.getUint32(at + 8, true) === lengthChecksum(low, high) ? high * 2 ** 32 + low : undefined;
}

/**
 * Whether frames inside a record whose data do not fit are its own content: what follows it is in its place, and
 * nothing was written over its end.
 */
function isOwnContent(view: DataView, at: number, end: number): boolean {
  if (end + HEADER_BYTES <= view.byteLength && lengthAt(view, end) === undefined) return false;
  for (let s = at + HEADER_BYTES; s <= end - FRAME_BYTES; s++) {
    const length = lengthAt(view, s);
    if (length !== undefined && s + FRAME_BYTES + length === end && isFrame(view, s)) return false;
  }
  return true;
}

function isFrame(view: DataView, at: number): boolean {
  const length = lengthAt(view, at);
  if (length === undefined || at + FRAME_BYTES + length > view.byteLength) return false;
  const end = at + FRAME_BYTES + length - 4;
  return maskedCrc32c(view, at + HEADER_BYTES, end) === view.getUint32(end, true);
}

/** The event files of a directory tree by run, in the order in which they are read. */
export function filesByRun(root: string): Map<string, { readonly name: string; readonly bytes: Uint8Array }[]> {
  const runs = new Map<string, { readonly name: string; readonly bytes: Uint8Array }[]>();
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.includes('tfevents'),
  );
  const sorted = entries.map((entry) => ({ directory: entry.parentPath, name: entry.name }));
  sorted.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  for (const { directory, name } of sorted) {
    const files = runs.get(directory) ?? [];
    runs.set(directory, files);
    files.push({ name, bytes: new Uint8Array(readFileSync(join(directory, name))) });
  }
  return runs;
}
