import { statSync } from 'node:fs';
import { basename, dirname, relative, sep } from 'node:path';
import { systemCode } from '../errors.ts';
import { fileStamp } from '../model/index.ts';
import { DirectoryCache } from './directory-cache.ts';
import { isEventFileName } from './event-file-name.ts';
import { HOT_MS, pollInterval, WARM_MS } from './heat.ts';
import type { RunFilter } from './run-filter.ts';
import { type FoundFile, isWithin, type Obstacle, walk } from './walk.ts';

/** Files of one run to which something happened. */
export interface RunChange {
  readonly run: string;
  readonly files: readonly FoundFile[];
}

/** What a scan found to be different. */
export interface ScanResult {
  readonly changes: readonly RunChange[];
  /** Files that are no longer there. */
  readonly gone: readonly { readonly run: string; readonly name: string }[];
  readonly obstacles: readonly Obstacle[];
  readonly directories: number;
  readonly files: number;
  /** The root itself is not there: nothing below it is taken for gone. */
  readonly isMissing: boolean;
}

interface Known {
  readonly run: string;
  readonly name: string;
  size: number;
  stamp: string;
  grewAtMs: number;
  dueAtMs: number;
}

/** Directories read anew whatever their time says, every so many scans. */
const UNCONDITIONAL_EVERY = 10;

/**
 * Knows the event files of one root and says what happened to them: by scans of everything, by looks at files that grew
 * lately, and by looks at what somebody pointed at. It keeps a few numbers a file, and never opens one.
 */
export class RootWatch {
  readonly #path: string;
  readonly #below: string;
  readonly #filter: RunFilter | undefined;
  readonly #cache = new DirectoryCache();
  readonly #files = new Map<string, Known>();
  #scans = 0;

  constructor({ path, below, filter }: { readonly path: string; readonly below: string; readonly filter?: RunFilter | undefined }) {
    this.#path = path;
    this.#below = below;
    this.#filter = filter;
  }

  /** Takes up what was known before: only what differs from it is a change. */
  seed(files: Iterable<{ readonly run: string; readonly name: string; readonly size: number; readonly stamp: string }>): void {
    for (const { run, name, size, stamp } of files) {
      const grewAtMs = mtimeMs(stamp);
      this.#files.set(keyOf(run, name), { run, name, size, stamp, grewAtMs, dueAtMs: 0 });
    }
  }

  scan(nowMs: number): ScanResult {
    if (this.#scans++ % UNCONDITIONAL_EVERY === 0) this.#cache.clear();
    const found = this.#walk(this.#below);
    if (found === undefined) return { changes: [], gone: [], obstacles: [], directories: 0, files: this.#files.size, isMissing: true };
    const seen = new Set<string>();
    const changes = this.#compare(found.runs, nowMs, seen);
    const hidden = found.obstacles.map(({ path }) => path);
    const gone: Known[] = [];
    for (const [key, known] of this.#files) {
      // What lies below something that can't be read now is not gone for that.
      if (seen.has(key) || hidden.some((path) => path === '.' || isWithin(known.run, path))) continue;
      this.#files.delete(key);
      gone.push(known);
    }
    return {
      changes,
      gone: gone.map(({ run, name }) => ({ run, name })),
      obstacles: found.obstacles,
      directories: found.directories,
      files: this.#files.size,
      isMissing: false,
    };
  }

  /** Looks at files that grew lately and are due. */
  poll(nowMs: number): RunChange[] {
    const changes = new Map<string, FoundFile[]>();
    for (const known of this.#files.values()) {
      if (nowMs - known.grewAtMs >= WARM_MS || known.dueAtMs > nowMs) continue;
      known.dueAtMs = nowMs + (pollInterval(nowMs - known.grewAtMs) ?? 0);
      this.#look(known.run, known.name, nowMs, changes);
    }
    return asChanges(changes);
  }

  /** Looks at paths that a notification named: files, or directories that are new. */
  look(paths: Iterable<string>, nowMs: number): RunChange[] {
    const changes = new Map<string, FoundFile[]>();
    for (const path of paths) {
      const run = relative(this.#path, dirname(path)).split(sep).join('/') || '.';
      if (isEventFileName(basename(path)) && this.#filter?.accepts(run) !== false) this.#look(run, basename(path), nowMs, changes);
    }
    return asChanges(changes);
  }

  /** Looks below a directory that is new. */
  lookBelow(path: string, nowMs: number): RunChange[] {
    const below = relative(this.#path, path).split(sep).join('/');
    if (this.#filter?.prunes(below)) return [];
    return this.#compare(this.#walk(below)?.runs ?? [], nowMs, new Set());
  }

  /** Directories worth a notification: the root, and those of runs that grew in the last hour, with what lies above them. */
  activeDirectories(nowMs: number, most: number): string[] {
    const active = new Set<string>([this.#path]);
    const runs = new Map<string, number>();
    for (const { run, grewAtMs } of this.#files.values()) {
      if (nowMs - grewAtMs < WARM_MS) runs.set(run, Math.max(runs.get(run) ?? 0, grewAtMs));
    }
    for (const [run] of [...runs].sort(([, a], [, b]) => b - a)) {
      for (let path = run === '.' ? '' : run; path !== ''; path = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '') {
        if (active.size >= most) return [...active];
        active.add(`${this.#path}${sep}${path}`);
      }
    }
    return [...active];
  }

  /** Whether a file grew so lately that a notification about it may be late. */
  isHot(nowMs: number): boolean {
    for (const { grewAtMs } of this.#files.values()) if (nowMs - grewAtMs < HOT_MS) return true;
    return false;
  }

  #walk(below: string): ReturnType<typeof walk> | undefined {
    try {
      statSync(this.#path);
      return walk(this.#path, below, { cache: this.#cache, ...(this.#filter === undefined ? {} : { filter: this.#filter }) });
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return undefined;
    }
  }

  #compare(
    runs: readonly { readonly path: string; readonly files: readonly FoundFile[] }[],
    nowMs: number,
    seen: Set<string>,
  ): RunChange[] {
    const changes: RunChange[] = [];
    for (const { path: run, files } of runs) {
      const changed: FoundFile[] = [];
      for (const file of files) {
        const key = keyOf(run, file.name);
        seen.add(key);
        if (this.#isChange(key, run, file, nowMs)) changed.push(file);
      }
      if (changed.length > 0) changes.push({ run, files: changed });
    }
    return changes;
  }

  #look(run: string, name: string, nowMs: number, changes: Map<string, FoundFile[]>): void {
    const path = run === '.' ? `${this.#path}${sep}${name}` : `${this.#path}${sep}${run}${sep}${name}`;
    let file: FoundFile;
    try {
      const stat = statSync(path, { bigint: true });
      if (!stat.isFile()) return;
      file = { name, size: Number(stat.size), stamp: fileStamp(stat) };
    } catch {
      return; // gone or out of reach: the scan says so
    }
    if (!this.#isChange(keyOf(run, name), run, file, nowMs)) return;
    const files = changes.get(run);
    if (files === undefined) changes.set(run, [file]);
    else files.push(file);
  }

  #isChange(key: string, run: string, { name, size, stamp }: FoundFile, nowMs: number): boolean {
    const known = this.#files.get(key);
    if (known === undefined) {
      // A file that is new to us may be old: its own time says how soon to look again.
      const grewAtMs = Math.min(nowMs, mtimeMs(stamp));
      this.#files.set(key, { run, name, size, stamp, grewAtMs, dueAtMs: 0 });
      return true;
    }
    if (known.size === size && known.stamp === stamp) return false;
    known.size = size;
    known.stamp = stamp;
    known.grewAtMs = nowMs;
    known.dueAtMs = 0;
    return true;
  }
}

function keyOf(run: string, name: string): string {
  return `${run}\0${name}`;
}

/** The modification time in a stamp, in milliseconds. */
function mtimeMs(stamp: string): number {
  const ns = stamp.slice(0, stamp.indexOf('.'));
  return ns === '' ? 0 : Number(ns) / 1e6;
}

function asChanges(changes: ReadonlyMap<string, FoundFile[]>): RunChange[] {
  return [...changes].map(([run, files]) => ({ run, files }));
}
