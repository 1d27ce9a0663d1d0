/**
 * Reads everything that a tracker run holds: points of exact-point files as they were, all others from the metrics'
 * histories.
 */

import {
  chunksOf,
  type ExactFileSource,
  type HeadFields,
  inOrder,
  type NeededFile,
  onceEach,
  type StoredPoint,
} from '../../backend-kit/exact-points/index.ts';
import type { ReadBackChunk, ReadBackOptions, ReadBackPoint } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient } from './client.ts';
import { EXACT_FOLDER, parseExactName, parseLine } from './exact-files.ts';
import type { MlflowRun } from './handle.ts';
import { DERIVED_PREFIX, isCut, tagOf } from './keys.ts';
import { clamped, nearestMillis, nearestValue } from './map.ts';
import { LOST_NAME, publishedName } from './prepare.ts';
import { heldTexts } from './store-facts.ts';

/**
 * Number of scalars of exact-point files that are kept in memory, so that their metrics can be left out. Tags beyond
 * that number are read once more.
 */
const MOST_KEPT = 400_000;

/** The forms in which stores hold `LOST_NAME`. */
const LOST_NAMES: ReadonlySet<string> = new Set(heldTexts(LOST_NAME));

type Wanted = (tag: string) => boolean;

/** Reads all points of a run, in chunks of one series. */
export async function* readBack(
  client: MlflowClient,
  artifacts: Artifacts,
  run: MlflowRun,
  options: ReadBackOptions,
): AsyncGenerator<ReadBackChunk, void, void> {
  const signal = options.signal ?? new AbortController().signal;
  const isWanted = options.isWanted ?? (() => true);
  const facts = valueOrThrow(await client.run(run.runId, signal));
  // The server still returns a deleted run until its garbage collection.
  if (facts.isDeleted) {
    throw new MirrorError('MB4006', `the MLflow run ${run.runId} was deleted`, {
      hint: 'Restore it (mlflow runs restore), or set restore_deleted: true.',
    });
  }
  const exactFiles = new ExactFileReader(artifacts, run, signal);
  const shadows = new Shadows();
  yield* chunksOf(exactFiles.points(isWanted, (point) => shadows.add(point)));

  const keys = facts.metrics
    .filter((key) => !key.startsWith(DERIVED_PREFIX))
    // A key that is not cut tells its tag for certain. The run's tags do not: a database that compares loosely may
    // have confused them.
    .map((key) => ({ key, tag: (isCut(key) ? facts.tags.get(publishedName(key)) : undefined) ?? tagOf(key) }))
    // Every point of a metric with a lost name was in the exact-point files, under its name.
    .filter(({ key, tag }) => (!LOST_NAMES.has(tag) || tagOf(key) === tag) && isWanted(tag));
  for (const { key, tag } of keys) {
    if (shadows.isOverfull(tag))
      await exactFiles.each(
        (name) => name === tag,
        (point) => shadows.addLate(point),
      );
    const shadow = shadows.take(tag);
    for await (const page of client.history(run.runId, key, ({ error }) => error, signal)) {
      const points: ReadBackPoint[] = [];
      for (const { step, timestamp, value } of page) {
        if (shadow?.has(shadowOf(step, timestamp, value)) === true) continue;
        points.push({ step, wallTime: timestamp / 1000, value });
      }
      if (points.length > 0) yield { tag, plugin: 'scalars', points };
    }
  }
}

/** Returns the text that identifies a metric's point whose exact scalar is in an exact-point file. */
function shadowOf(step: number | bigint, timestamp: number, value: number): string {
  return `${step} ${timestamp} ${clamped(value)}`;
}

/** Points of metrics that are shadows of exact ones, by tag, in bounded memory. */
class Shadows {
  readonly #byTag = new Map<string, Set<string>>();
  readonly #overfull = new Set<string>();
  #count = 0;

  add(point: StoredPoint): void {
    if (typeof point.value === 'string' || this.#overfull.has(point.tag)) return;
    if (this.#count >= MOST_KEPT) {
      this.#count -= this.#byTag.get(point.tag)?.size ?? 0;
      this.#byTag.delete(point.tag);
      this.#overfull.add(point.tag);
      return;
    }
    this.#put(point);
  }

  isOverfull(tag: string): boolean {
    return this.#overfull.has(tag);
  }

  addLate(point: StoredPoint): void {
    if (typeof point.value !== 'string') this.#put(point);
  }

  /** Returns the shadows of a tag and releases them. Each tag is asked for once. */
  take(tag: string): ReadonlySet<string> | undefined {
    const shadow = this.#byTag.get(tag);
    this.#count -= shadow?.size ?? 0;
    this.#byTag.delete(tag);
    return shadow;
  }

  #put({ tag, step, wallTime, value }: StoredPoint): void {
    let set = this.#byTag.get(tag);
    if (set === undefined) {
      set = new Set();
      this.#byTag.set(tag, set);
    }
    const before = set.size;
    set.add(shadowOf(step, nearestMillis(wallTime), nearestValue(value as number | bigint)));
    this.#count += set.size - before;
  }
}

interface StoredExactFile extends ExactFileSource {
  readonly path: string;
}

/** The points of all exact-point files of a run, each once, though it may be in several of them. */
export class ExactFileReader {
  readonly #artifacts: Artifacts;
  readonly #run: MlflowRun;
  readonly #signal: AbortSignal;
  /** Files of the folders that were listed so far. */
  readonly #folders = new Map<string, ReadonlyMap<string, number>>();
  #exactFiles: readonly StoredExactFile[] | undefined;

  constructor(artifacts: Artifacts, run: MlflowRun, signal: AbortSignal) {
    this.#artifacts = artifacts;
    this.#run = run;
    this.#signal = signal;
  }

  /** Returns the bytes of all exact-point files together. */
  async bytes(): Promise<number> {
    return [...(await this.#files(EXACT_FOLDER))].reduce((sum, [path, bytes]) => sum + (parseExactName(path) === undefined ? 0 : bytes), 0);
  }

  async *points(isWanted: Wanted, seen: (point: StoredPoint) => void): AsyncGenerator<HeadFields & ReadBackPoint> {
    for await (const point of this.#points(isWanted)) {
      seen(point);
      if (!(await this.#isWhole(point))) continue;
      const { key: _, files: __, ...rest } = point;
      yield rest;
    }
  }

  async each(isWanted: Wanted, visit: (point: StoredPoint) => void): Promise<void> {
    for await (const point of this.#points(isWanted)) visit(point);
  }

  async *#points(isWanted: Wanted): AsyncGenerator<StoredPoint, void, void> {
    const { root } = this.#run;
    if (root === undefined) return;
    const read = (file: StoredExactFile): Promise<string> => this.#read(root, file);
    for await (const { point } of onceEach(await this.#filesInOrder(), read, parseLine)) if (isWanted(point.tag)) yield point;
  }

  /**
   * Reads the text of an exact-point file. While a run is mirrored, its small files are joined. If a file is gone
   * since the listing, its lines are in a newer one, which begins no later. The lines before them in the newer file
   * were in files that come before this one.
   */
  async #read(root: string, { path, source, offset }: StoredExactFile): Promise<string> {
    for (let looks = 0; ; looks++) {
      const reply = await this.#artifacts.get(root, path, this.#signal);
      if (reply.kind === 'ok') return reply.value.toString('utf8');
      if (reply.cause !== 'missing' || looks >= MOST_LOOKS) throw reply.error;
      const listed = valueOrThrow(await this.#artifacts.list(this.#run.runId, EXACT_FOLDER, this.#signal));
      const others = exactFilesIn(listed.keys()).filter(
        (other) => other.source === source && other.offset <= offset && other.path !== path,
      );
      for (const other of others.toReversed()) {
        const newer = await this.#artifacts.get(root, other.path, this.#signal);
        if (newer.kind !== 'ok' && newer.cause !== 'missing') throw newer.error;
        const lines = newer.kind === 'ok' ? linesFrom(newer.value.toString('utf8'), offset) : [];
        if (lines[0] !== undefined && offsetOf(lines[0]) === offset) return lines.map((line) => `${line}\n`).join('');
      }
    }
  }

  async #filesInOrder(): Promise<readonly StoredExactFile[]> {
    this.#exactFiles ??= exactFilesIn((await this.#files(EXACT_FOLDER)).keys());
    return this.#exactFiles;
  }

  /** True if the files that a point needs exist and are complete. */
  async #isWhole({ files }: StoredPoint): Promise<boolean> {
    for (const [path, bytes] of files as readonly NeededFile[]) {
      const folder = path.slice(0, path.lastIndexOf('/'));
      if ((await this.#files(folder)).get(path) !== bytes) return false;
    }
    return true;
  }

  async #files(folder: string): Promise<ReadonlyMap<string, number>> {
    let files = this.#folders.get(folder);
    if (files === undefined) {
      files = valueOrThrow(await this.#artifacts.list(this.#run.runId, folder, this.#signal));
      this.#folders.set(folder, files);
    }
    return files;
  }
}

/** Returns the exact-point files in the order of their event files and of their first points. */
function exactFilesIn(paths: Iterable<string>): readonly StoredExactFile[] {
  const named = [...paths].flatMap((path) => {
    const name = parseExactName(path);
    return name === undefined ? [] : [{ path, ...name }];
  });
  return inOrder(named, ({ path }) => path);
}

/** Returns the lines from this offset of their event file or after it. */
function linesFrom(text: string, offset: number): readonly string[] {
  return text.split('\n').filter((line) => offsetOf(line) >= offset);
}

/**
 * Reads the offset of a line. Inside a JSON string, every quote has a backslash before it, so this match is the
 * field.
 */
function offsetOf(line: string): number {
  return Number(/"offset":(\d+)/.exec(line)?.[1] ?? -1);
}

/** Number of searches in newer files for the lines of a file that is gone. */
const MOST_LOOKS = 5;
