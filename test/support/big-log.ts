// Log directories for benchmarks: millions of scalar records, the same bytes for the same arguments.
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { event, versionEvent } from '../../src/testing/events/message.ts';
import { metadata, simpleValue, tensorScalar, value } from '../../src/testing/events/values.ts';
import { field, frame, maskedCrc, varint } from '../../src/testing/events/wire.ts';

/**
 * How a scalar stands on disk. `named` is a simple value with its tag for a node name, `tensor`, `unpacked` and
 * `content` are float tensors (float_val packed, float_val unpacked, tensor_content), `mixed` gives runs simple values
 * and tensors in turn.
 */
export type BigLogForm = 'simple' | 'named' | 'tensor' | 'unpacked' | 'content' | 'double' | 'int64' | 'half' | 'mixed';

/** `runs` × `tags` × `steps` points. */
export interface BigLogOptions {
  readonly dir: string;
  /** Default 1. */
  readonly runs?: number;
  /** Default 20. */
  readonly tags?: number;
  readonly steps: number;
  /** Default `simple`. */
  readonly form?: BigLogForm;
  /** Files a run is cut into, by steps. Default 1. */
  readonly files?: number;
  /** Tags in one event. Default 1. */
  readonly perEvent?: number;
}

/** What was written; `records` counts the version event of each file too. */
export interface BigLog {
  readonly dir: string;
  readonly files: readonly string[];
  readonly points: number;
  readonly records: number;
  readonly bytes: number;
}

/** How a form's number is found in a serialized value and overwritten: its width is the same for all values. */
interface Form {
  readonly build: (tag: string, x: number) => Uint8Array;
  /** Two numbers that differ in their first byte on disk. */
  readonly probes: readonly [number, number];
  readonly write: (bytes: Uint8Array, view: DataView, at: number, x: number) => void;
}

const writeFloat: Form['write'] = (_bytes, view, at, x) => view.setFloat32(at, x, true);
const SCALARS = metadata({ plugin: 'scalars', dataClass: 'scalar' });

const FORMS: Readonly<Record<Exclude<BigLogForm, 'mixed'>, Form>> = {
  simple: { build: (tag, x) => simpleValue(tag, x), probes: [0, 0.1], write: writeFloat },
  named: { build: (tag, x) => value(tag, [field(2, 5, x), field(7, 2, tag)]), probes: [0, 0.1], write: writeFloat },
  tensor: { build: (tag, x) => tensorScalar(tag, x, 'float', { as: 'packed', meta: SCALARS }), probes: [0, 0.1], write: writeFloat },
  unpacked: { build: (tag, x) => tensorScalar(tag, x, 'float', { as: 'list', meta: SCALARS }), probes: [0, 0.1], write: writeFloat },
  content: { build: (tag, x) => tensorScalar(tag, x, 'float', { as: 'content', meta: SCALARS }), probes: [0, 0.1], write: writeFloat },
  double: {
    build: (tag, x) => tensorScalar(tag, x, 'double', { as: 'packed', meta: SCALARS }),
    probes: [0, 0.1],
    write: (_bytes, view, at, x) => view.setFloat64(at, x, true),
  },
  // Integers from 2^28 on have five bytes as a varint.
  int64: {
    build: (tag, x) => tensorScalar(tag, x, 'int64', { as: 'packed', meta: SCALARS }),
    probes: [2 ** 28, 2 ** 28 + 1],
    write: (bytes, _view, at, x) => {
      const n = 2 ** 28 + Math.floor(x * 2 ** 20);
      for (let i = 0; i < 4; i++) bytes[at + i] = ((n >>> (7 * i)) & 127) | 128;
      bytes[at + 4] = n >>> 28;
    },
  },
  // Halves from 2^-7 to below 2 have bit patterns of two bytes as a varint.
  half: {
    build: (tag, x) => tensorScalar(tag, x, 'half', { as: 'packed', meta: SCALARS }),
    probes: [2 ** -7, 2 ** -7 * (1 + 2 ** -10)],
    write: (bytes, _view, at, x) => {
      const bits = 0x2000 + Math.floor(x * 1023);
      bytes[at] = (bits & 127) | 128;
      bytes[at + 1] = bits >>> 7;
    },
  },
};

/** The name of tag number `tag`. */
export function bigLogTag(tag: number): string {
  const name = ['train/loss_', 'eval/metric_', 'grad norm/layer.', 'lr_'][tag % 4] ?? '';
  return name + String(tag).padStart(3, '0');
}

/** The name of run number `run`. */
export function bigLogRun(run: number): string {
  return `run_${String(run).padStart(4, '0')}/train`;
}

/** The wall time of a step. */
export function bigLogWallTime(run: number, step: number): number {
  return 1_700_000_000 + run * 10 + step * 0.001;
}

/** The value of a point before the form rounds it: a decaying curve with noise, between 0 and 7.05. */
export function bigLogValue(run: number, tag: number, step: number, steps: number): number {
  return Math.exp(-step / Math.max(steps / 5, 1)) * (1 + (tag % 7)) + noise(run, tag, step);
}

function noise(run: number, tag: number, step: number): number {
  let hash = Math.imul(step ^ Math.imul(run * 8191 + tag * 131 + 7, 0x85ebca6b), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
  hash ^= hash >>> 13;
  return ((hash >>> 8) / 2 ** 24) * 0.05;
}

/** Bytes kept before they go to disk. */
const CHUNK = 8 << 20;

/**
 * Writes the log directory, and flushes it so that no later measurement pays for it. Holds one chunk of 8 MB and one
 * record per group of tags.
 */
export function bigLog({ dir, runs = 1, tags = 20, steps, form = 'simple', files = 1, perEvent = 1 }: BigLogOptions): BigLog {
  const paths: string[] = [];
  let records = 0;
  let bytes = 0;
  const chunk = new Uint8Array(CHUNK);
  const stepsPerFile = Math.ceil(steps / files);
  for (let run = 0; run < runs; run++) {
    const folder = join(dir, bigLogRun(run));
    mkdirSync(folder, { recursive: true });
    const runForm = FORMS[form === 'mixed' ? (run % 2 ? 'tensor' : 'simple') : form];
    for (let no = 0; no < files; no++) {
      const path = join(folder, `events.out.tfevents.${1_700_000_000 + run * 10}.bench.${String(no).padStart(4, '0')}.${run}.v2`);
      const written = writeLogFile(path, chunk, runForm, {
        run,
        tags,
        steps,
        from: no * stepsPerFile,
        to: Math.min((no + 1) * stepsPerFile, steps),
        perEvent,
      });
      paths.push(path);
      records += written.records;
      bytes += written.bytes;
    }
  }
  return { dir, files: paths, points: runs * tags * steps, records, bytes };
}

interface FilePlan {
  readonly run: number;
  readonly tags: number;
  readonly steps: number;
  readonly from: number;
  readonly to: number;
  readonly perEvent: number;
}

function writeLogFile(
  path: string,
  chunk: Uint8Array,
  form: Form,
  { run, tags, steps, from, to, perEvent }: FilePlan,
): { records: number; bytes: number } {
  const view = new DataView(chunk.buffer);
  const first = frame(versionEvent(bigLogWallTime(run, from)));
  chunk.set(first);
  let at = first.length;
  let bytes = 0;
  let records = 1;
  let templates: readonly Template[] = [];
  let stepWidth = -1;
  const file = openSync(path, 'w');
  for (let step = from; step < to; step++) {
    const stepBytes = step === 0 ? new Uint8Array(0) : varint(step);
    if (stepBytes.length !== stepWidth) {
      stepWidth = stepBytes.length;
      templates = makeTemplates(form, tags, perEvent, step);
    }
    const wallTime = bigLogWallTime(run, step);
    const curve = Math.exp(-step / Math.max(steps / 5, 1));
    for (const { record, valuesAt, firstTag } of templates) {
      const end = at + record.length;
      if (end > CHUNK) {
        bytes += writeSync(file, chunk, 0, at);
        at = 0;
      }
      chunk.set(record, at);
      view.setFloat64(at + 13, wallTime, true);
      if (stepWidth > 0) chunk.set(stepBytes, at + 22);
      for (let i = 0; i < valuesAt.length; i++) {
        const tag = firstTag + i;
        form.write(chunk, view, at + valuesAt[i]!, curve * (1 + (tag % 7)) + noise(run, tag, step));
      }
      const crcAt = at + record.length - 4;
      view.setUint32(crcAt, maskedCrc(chunk, at + 12, crcAt), true);
      at = crcAt + 4;
      records++;
    }
  }
  bytes += writeSync(file, chunk, 0, at);
  fsyncSync(file);
  closeSync(file);
  return { records, bytes };
}

/** A record whose wall time, step, values and checksum are written over for each step; its length does not change. */
interface Template {
  readonly record: Uint8Array;
  readonly valuesAt: readonly number[];
  readonly firstTag: number;
}

/** One template per group of tags, for all steps whose varint is as long as that of `step`. */
function makeTemplates(form: Form, tags: number, perEvent: number, step: number): readonly Template[] {
  const templates: Template[] = [];
  for (let firstTag = 0; firstTag < tags; firstTag += perEvent) {
    const names = Array.from({ length: Math.min(perEvent, tags - firstTag) }, (_, i) => bigLogTag(firstTag + i));
    const build = (probe: number) => frame(event({ wallTime: 1, step, summary: names.map((name) => form.build(name, probe)) }));
    const record = build(form.probes[0]);
    // The places are searched per value, as all bytes of a number may differ between the probes.
    const valuesAt = names.map((_, changed) => {
      const other = frame(
        event({ wallTime: 1, step, summary: names.map((name, i) => form.build(name, form.probes[i === changed ? 1 : 0])) }),
      );
      return record.findIndex((byte, i) => byte !== other[i]);
    });
    templates.push({ record, valuesAt, firstTag });
  }
  return templates;
}
