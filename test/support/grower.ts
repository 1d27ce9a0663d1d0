// A log directory that grows as real ones do: pieces that take no notice of records, writers that die in the middle of
// one, files that are cut, replaced or written again. It knows what a reader must have seen in the end. Runs as a
// program, too: `node grower.js DIRECTORY TRUTH OPTIONS`.
import { closeSync, ftruncateSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { event, versionEvent } from '../../src/testing/events/message.ts';
import { histo, simpleValue } from '../../src/testing/events/values.ts';
import { concat, frame } from '../../src/testing/events/wire.ts';

export interface GrowerOptions {
  readonly seed: number;
  /** Steps that are written, over all files. */
  readonly steps: number;
  /** Steps a second; 0: as fast as it goes. */
  readonly rate: number;
  /** Default 1. */
  readonly runs?: number;
  /** Scalars in each step. Default 3. */
  readonly tags?: number;
  /** Files of a run that grow side by side. Default 1. */
  readonly live?: number;
  /** Mean bytes of a write. Default 64. */
  readonly chunk?: number;
  /** After so many steps of a file its writer … Default: never. */
  readonly rotateEvery?: number;
  /** … dies, leaving a torn record or one with a flipped byte, … */
  readonly crashEvery?: number;
  /** … puts another file in its place, … */
  readonly replaceEvery?: number;
  /** … cuts its last records off and continues. */
  readonly truncateEvery?: number;
  /** Every so many steps a histogram is among the values. Default: never. */
  readonly histogramEvery?: number;
}

/** What has to be in a mirror: points by run and tag, in the order of file names and offsets. */
export interface GrownTruth {
  readonly runs: Readonly<Record<string, Readonly<Record<string, readonly GrownPoint[]>>>>;
  readonly points: number;
  /** Records that were left with a flipped byte. */
  readonly flipped: number;
}

/** Step, wall time, and the number or the histogram's message. */
export type GrownPoint = readonly [number, number, number | Readonly<Record<string, number | readonly number[]>>];

interface Written {
  readonly end: number;
  readonly points: readonly { readonly tag: string; readonly point: GrownPoint }[];
}

/** Numbers from 0 to 1 (exclusive), the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One file and its writer. */
class GrowingFile {
  readonly #path: string;
  #fd: number;
  /** Bytes on the disk, and those that are to follow. */
  #size = 0;
  #due: Uint8Array = new Uint8Array(0);
  #records: Written[] = [];
  steps = 0;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'a');
    this.put(versionEvent(), []);
  }

  /** The points of the records that are on the disk, whole. */
  get points(): Written['points'] {
    return this.#records.filter(({ end }) => end <= this.#size).flatMap(({ points }) => points);
  }

  put(data: Uint8Array, points: Written['points']): void {
    this.#due = concat(this.#due, frame(data));
    this.#records.push({ end: this.#size + this.#due.length, points });
  }

  write(bytes = Infinity): void {
    const piece = this.#due.subarray(0, bytes);
    if (piece.length === 0) return;
    writeSync(this.#fd, piece);
    this.#size += piece.length;
    this.#due = this.#due.slice(piece.length);
  }

  /** The writer dies with its last record not whole, or not sound. */
  crash(data: Uint8Array, random: () => number): 'torn' | 'flipped' {
    this.write();
    const record = frame(data);
    const isTorn = random() < 0.6;
    if (isTorn) {
      writeSync(this.#fd, record, 0, 1 + Math.floor(random() * (record.length - 1)));
    } else {
      const at = Math.floor(random() * record.length);
      record[at] = (record[at] ?? 0) ^ 0x40;
      writeSync(this.#fd, record);
    }
    closeSync(this.#fd);
    return isTorn ? 'torn' : 'flipped';
  }

  /** The last records are cut off; more will follow. */
  truncate(random: () => number): void {
    this.write();
    const kept = 1 + Math.floor(random() * this.#records.length);
    this.#records = this.#records.slice(0, kept);
    this.#size = this.#records.at(-1)?.end ?? 0;
    ftruncateSync(this.#fd, this.#size);
  }

  /** A shorter file takes the place of this one, as after a copy. */
  replace(data: Uint8Array, points: Written['points']): void {
    closeSync(this.#fd);
    const parts = [frame(versionEvent(1)), frame(data)];
    const bytes = concat(...parts);
    writeFileSync(`${this.#path}.tmp-copy`.replace('tfevents', 'copied'), bytes);
    renameSync(`${this.#path}.tmp-copy`.replace('tfevents', 'copied'), this.#path);
    this.#fd = openSync(this.#path, 'a');
    this.#size = bytes.length;
    this.#due = new Uint8Array(0);
    this.#records = [
      { end: parts[0]?.length ?? 0, points: [] },
      { end: bytes.length, points },
    ];
  }

  close(): void {
    this.write();
    closeSync(this.#fd);
  }
}

export class Grower {
  readonly #directory: string;
  readonly #options: GrowerOptions;
  readonly #random: () => number;
  readonly #files = new Map<string, { readonly run: string; readonly file: GrowingFile }>();
  #serial = 0;
  #step = 0;
  #flipped = 0;

  constructor(directory: string, options: GrowerOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#random = seeded(options.seed);
  }

  /** Writes all of it; `onStep` hears of each step. */
  async run(onStep: () => void = () => undefined): Promise<GrownTruth> {
    const { runs = 1, live = 1, steps, rate } = this.#options;
    const names = Array.from({ length: runs }, (_, i) => (runs === 1 ? '.' : `run_${String(i).padStart(3, '0')}`));
    const growing = names.flatMap((run) => Array.from({ length: live }, () => ({ run, file: this.#open(run) })));
    const beganAt = performance.now();
    for (let n = 0; n < steps; n++) {
      const at = n % growing.length;
      const { run, file } = growing[at] as (typeof growing)[number];
      growing[at] = { run, file: this.#grow(run, file) };
      onStep();
      const aheadMs = rate === 0 ? 0 : (n * 1000) / rate - (performance.now() - beganAt);
      if (aheadMs > 2) await sleep(aheadMs);
    }
    for (const { file } of growing) file.close();
    return this.truth();
  }

  truth(): GrownTruth {
    const runs: Record<string, Record<string, GrownPoint[]>> = {};
    let points = 0;
    for (const [, { run, file }] of [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      runs[run] ??= {};
      const tags = runs[run];
      for (const { tag, point } of file.points) {
        tags[tag] ??= [];
        tags[tag].push(point);
        points++;
      }
    }
    return { runs, points, flipped: this.#flipped };
  }

  #grow(run: string, file: GrowingFile): GrowingFile {
    const { rotateEvery, crashEvery, replaceEvery, truncateEvery, chunk = 64 } = this.#options;
    const random = this.#random;
    const due = (every: number | undefined): boolean => every !== undefined && file.steps > 0 && random() < 1 / every;
    const { data, points } = this.#event();
    file.steps++;
    if (due(crashEvery)) {
      if (file.crash(data, random) === 'flipped') this.#flipped++;
      // A writer that starts again goes back a few steps.
      this.#step = Math.max(0, this.#step - 5 - Math.floor(random() * 15));
      return this.#open(run);
    }
    if (due(replaceEvery)) {
      file.replace(data, points);
      return file;
    }
    if (due(truncateEvery)) file.truncate(random);
    file.put(data, points);
    if (due(rotateEvery)) {
      file.close();
      return this.#open(run);
    }
    if (random() < 0.8) file.write(Math.ceil(-Math.log(1 - random()) * chunk));
    if (random() < 0.02) file.write();
    return file;
  }

  #event(): { data: Uint8Array; points: Written['points'] } {
    const { tags = 3, histogramEvery } = this.#options;
    const step = this.#step++;
    const wallTime = Date.now() / 1000;
    const points: { tag: string; point: GrownPoint }[] = [];
    const summary: Uint8Array[] = [];
    for (let i = 0; i < tags; i++) {
      const x = Math.fround(Math.exp(-step / 300) * (i + 1) + this.#random() / 100);
      points.push({ tag: `metric_${i}`, point: [step, wallTime, x] });
      summary.push(simpleValue(`metric_${i}`, x));
    }
    if (histogramEvery !== undefined && step % histogramEvery === 0) {
      const bucket = [1, 2, 3].map(() => Math.floor(this.#random() * 9));
      const sum = bucket.reduce((a, b) => a + b, 0);
      points.push({ tag: 'dist', point: [step, wallTime, { min: -1, max: 2, bucket_limit: [0, 1, 2], bucket }] });
      summary.push(histo('dist', { min: -1, max: 2, num: sum, sum, sumSquares: sum, limits: [0, 1, 2], counts: bucket }));
    }
    return { data: event({ wallTime, step, summary }), points };
  }

  #open(run: string): GrowingFile {
    const directory = join(this.#directory, run);
    mkdirSync(directory, { recursive: true });
    const name = `events.out.tfevents.${String(1_700_000_000 + ++this.#serial)}.grown.${process.pid}.${this.#serial}`;
    const file = new GrowingFile(join(directory, name));
    this.#files.set(`${run}\0${name}`, { run, file });
    return file;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory = '', truth = '', options = '{}'] = process.argv.slice(2);
  const grown = await new Grower(directory, JSON.parse(options) as GrowerOptions).run();
  writeFileSync(`${truth}.tmp`, JSON.stringify(grown));
  renameSync(`${truth}.tmp`, truth);
}
