// Log directories in which most is no scalar, or most are files: what takes memory in other ways than many points.
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { event, eventFile, frame, histo, image, simpleValue } from '../support/event-writer.ts';

/** A written tree, and the points in it. */
export interface Tree {
  readonly dir: string;
  readonly points: number;
}

const TAGS = 20;
const FOLDERS_PER_GROUP = 1000;

/** One file with histograms of 30 buckets. */
export function writeHistograms(dir: string, points: number): Tree {
  const limits = Array.from({ length: 30 }, (_, i) => (i - 15) / 10);
  return writePoints(dir, points, (tag, step) => {
    const counts = limits.map((_, i) => ((i * 7 + step + tag) % 13) + 1);
    const sum = counts.reduce((all, n) => all + n, 0);
    return histo(`weights/h_${tag}`, { min: -1.5, max: 1.4, num: sum, sum, sumSquares: sum, limits, counts });
  });
}

/** One file with images, each with other bytes. */
export function writeImages(dir: string, points: number, bytes: number): Tree {
  return writePoints(dir, points, (tag, step) => {
    const encoded = new Uint8Array(bytes).fill(tag);
    encoded.set([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 64, 0, 0, 0, 64]);
    new DataView(encoded.buffer).setUint32(bytes - 4, step);
    return image(`img/i_${tag}`, { width: 64, height: 64, encoded });
  });
}

function writePoints(dir: string, points: number, pointOf: (tag: number, step: number) => ReturnType<typeof image>): Tree {
  mkdirSync(join(dir, 'run'), { recursive: true });
  const file = openSync(join(dir, 'run', nameOf(0)), 'w');
  writeSync(file, eventFile());
  for (let i = 0; i < points; i++) {
    const [tag, step] = [i % TAGS, Math.floor(i / TAGS)];
    writeSync(file, frame(event({ wallTime: 1_700_000_000 + step, step, summary: [pointOf(tag, step)] })));
  }
  closeSync(file);
  return { dir, points };
}

/** Runs with one small file each. */
export function writeRuns(dir: string, runs: number): Tree {
  const bytes = eventFile(event({ wallTime: 1_700_000_000, step: 1, summary: [simpleValue('loss', 1)] }));
  for (let i = 0; i < runs; i++) {
    const folder = join(dir, `group_${Math.floor(i / FOLDERS_PER_GROUP)}`, `run_${i}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, nameOf(i)), bytes);
  }
  return { dir, points: runs };
}

function nameOf(i: number): string {
  return `events.out.tfevents.1700000000.bench.${i}.0`;
}
