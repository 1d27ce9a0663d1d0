/** The names of files. They hold no text that a writer chose, except the root's name, which is escaped. */
import { nameHash } from '../../backend-kit/exact-points/index.ts';
import type { Kind } from '../../model/index.ts';

/** The longest name of a folder that all file systems take, in bytes, without `root=`. */
const MOST_NAME = 200;
const HASH_DIGITS = 16;

/** A Parquet file with points, as its name tells. */
export interface PartName {
  readonly kind: Kind;
  /** The hash of the event file's path. */
  readonly source: string;
  /** The bytes of the event file; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  readonly rows: number;
  /** The hash of which points it holds, or of which files it replaces. */
  readonly content: string;
  /** True if it was made of others. */
  readonly isMerged: boolean;
}

/** A tracker run: where its files are. */
export interface RunPlace {
  /** The hash of root and path. */
  readonly key: string;
  /** The number among the tracker runs of one key, from 1 on. */
  readonly number: number;
  /** The root's name, escaped. */
  readonly root: string;
}

/** Returns the id of a tracker run. */
export function idOf({ key, number }: Pick<RunPlace, 'key' | 'number'>): string {
  return `${key}-${number}`;
}

/** Returns a name as the value of a partition: readers decode `%XX`. A long one is cut, and ends with its hash. */
export function partitionValue(name: string): string {
  const escaped = Array.from(Buffer.from(name), (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9_.-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  const text = escaped.join('');
  if (text !== '' && text.length <= MOST_NAME) return text;
  const cut: string[] = [];
  for (let length = 0; length < MOST_NAME - HASH_DIGITS - 4; length += cut.at(-1)?.length ?? 0) {
    const next = escaped[cut.length];
    if (next === undefined) break;
    cut.push(next);
  }
  return `${cut.join('')}~${nameHash([name], HASH_DIGITS)}`;
}

/** Returns the short name of an event file. */
export function sourceOf(file: string): string {
  return nameHash([file], HASH_DIGITS);
}

/** Returns the hash of what a file holds. */
export function contentOfName(parts: readonly string[]): string {
  return nameHash(parts, HASH_DIGITS);
}

/** Returns the folder of the points of a kind. */
export function kindFolder(run: RunPlace, kind: Kind): string {
  return `points/root=${run.root}/kind=${kind}/run_id=${idOf(run)}/`;
}

/** Returns the path of a file with points. */
export function partPath(run: RunPlace, { kind, source, start, end, rows, content, isMerged }: PartName): string {
  return `${kindFolder(run, kind)}${source}-${start}-${end}-${rows}-${content}${isMerged ? '-merged' : ''}.parquet`;
}

const PART = /^([0-9a-f]{16})-(\d{1,16})-(\d{1,16})-(\d{1,16})-([0-9a-f]{16})(-merged)?\.parquet$/;

/** Reads the path of a file with points; undefined for files of others, wherever they are. */
export function readPartPath(run: RunPlace, path: string, kind: Kind): PartName | undefined {
  const [, source, start, end, rows, content, merged] = PART.exec(path.slice(path.lastIndexOf('/') + 1)) ?? [];
  if (source === undefined || content === undefined) return undefined;
  const name = { kind, source, start: Number(start), end: Number(end), rows: Number(rows), content, isMerged: merged !== undefined };
  return partPath(run, name) === path ? name : undefined;
}

/** Returns the folder of what is known about the tracker runs of a key. */
export function keyFolder(key: string): string {
  return `runs/${key}/`;
}

/** The paths of the other files of a tracker run. */
export function pathsOf(run: Pick<RunPlace, 'key' | 'number'>) {
  const folder = `${keyFolder(run.key)}${run.number}/`;
  const id = idOf(run);
  return {
    document: `${folder}run.json`,
    manifest: `${folder}manifest.json`,
    params: `${folder}params.parquet`,
    media: `media/run_id=${id}/`,
    artifacts: `artifacts/run_id=${id}/`,
  };
}

/** Returns the numbers of the tracker runs of a key, from a listing of its folder. */
export function numbersIn(paths: readonly string[]): readonly number[] {
  return paths
    .flatMap((path) => {
      const number = /\/([1-9]\d{0,8})\/run\.json$/.exec(path)?.[1];
      return number === undefined ? [] : [Number(number)];
    })
    .sort((a, b) => a - b);
}
