import { MirrorError } from '../../errors.ts';
import { KINDS, type Kind } from '../../model/index.ts';
import { contentOfName, idOf, kindFolder, type PartName, partPath, pathsOf, type RunPlace, readPartPath } from './names.ts';
import { contentOf, type Place } from './place.ts';
import { pointKey } from './rows.ts';
import { damagedError, decode, integers, POINTS, ROW_GROUP_ROWS, TableWriter } from './table.ts';

/** A Parquet file with points, and its length. */
export interface Part extends PartName {
  readonly bytes: number;
}

/** The file that says which files are current, written after everything that it names. */
interface Manifest {
  readonly version: 1;
  readonly run_id: string;
  /** The paths of all files with points when the run was closed. Files that are not here came later. */
  readonly files: readonly string[];
  /** The paths of files whose points are in merged ones: they are about to be removed. */
  readonly replaced: readonly string[];
}

/** A merged file is about this long at most, in bytes; a file of half of it is not merged again. */
const MERGED_BYTES = 32 * 1024 * 1024;

/** A value of a column, as the library reads it. */
// biome-ignore lint/suspicious/noExplicitAny: the library's own type of a column is an array of anything
type Value = any;

const KEYS = ['offset', 'index', 'checksum', 'tag'] as const;
const ALL = Object.keys(POINTS) as (keyof typeof POINTS)[];

/** The files with points of one tracker run. They are listed once per kind, and again if that is asked for. */
export class RunParts {
  readonly #place: Place;
  readonly #run: RunPlace;
  readonly #parts = new Map<Kind, Part[]>();
  /** Merged files that no manifest names: a process died before it wrote one. */
  readonly #left = new Set<string>();
  #manifest: Promise<Manifest | undefined> | undefined;

  constructor(place: Place, run: RunPlace) {
    this.#place = place;
    this.#run = run;
  }

  /** Forgets what was listed: another process may have changed it. */
  forget(): void {
    this.#parts.clear();
    this.#left.clear();
    this.#manifest = undefined;
  }

  /** Returns the current files of a kind, by event file and place in it. */
  async of(kind: Kind, signal: AbortSignal): Promise<readonly Part[]> {
    return (await this.#load(kind, signal)).toSorted(inOrder);
  }

  /** Returns the keys of the points that are stored already in a range of an event file; undefined if none can be. */
  async keysIn({ kind, source, start, end }: PartName, signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    const there = (await this.#load(kind, signal)).filter((part) => part.source === source && part.start < end && start < part.end);
    if (there.length === 0) return undefined;
    const keys = new Set<string>();
    for (const part of there) {
      const { count, data } = await this.read(part, KEYS, signal);
      for (let row = 0; row < count; row++) keys.add(pointKey(data.offset[row], data.index[row], data.checksum[row], data.tag[row]));
    }
    return keys;
  }

  /** Stores a file, and notes that it is there. */
  async add(name: PartName, data: Uint8Array, signal: AbortSignal): Promise<Part> {
    const parts = await this.#load(name.kind, signal);
    const path = partPath(this.#run, name);
    await this.#place.putNew(path, data, signal);
    const part = { ...name, bytes: data.length };
    if (!name.isMerged && !parts.some((other) => partPath(this.#run, other) === path)) parts.push(part);
    return part;
  }

  /** Reads columns of a file. */
  async read<Name extends keyof typeof POINTS>(part: PartName, columns: readonly Name[], signal: AbortSignal) {
    const path = partPath(this.#run, part);
    return decode<typeof POINTS, Name>((await this.#place.get(path, signal)) ?? Buffer.alloc(0), columns, path);
  }

  /**
   * Merges small files of each event file, one group after the other: it says in the manifest what is current, then
   * removes what was merged. A crash on the way changes nothing that can be read back: the next call does the rest.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.forget();
    const before = await this.#loadManifest(signal);
    const all: Part[] = [];
    for (const kind of KINDS) for (const part of await this.of(kind, signal)) all.push(part);
    const current = new Map(all.map((part) => [partPath(this.#run, part), part]));
    // What a process left when it died.
    const left = [...new Set([...(before?.replaced ?? []), ...this.#left])].filter((path) => !current.has(path));
    if (left.length > 0 || [...current.keys()].sort().join() !== before?.files.join()) await this.#replace(current, left, signal);
    for (const group of groupsOf(all)) {
      if (group.length === 1) continue;
      const merged = await this.#merge(group, signal);
      if (merged === undefined) continue;
      for (const part of group) current.delete(partPath(this.#run, part));
      current.set(partPath(this.#run, merged), merged);
      await this.#replace(
        current,
        group.map((part) => partPath(this.#run, part)),
        signal,
      );
    }
    this.forget();
  }

  /** Writes which files are current, and removes others. */
  async #replace(current: ReadonlyMap<string, Part>, gone: readonly string[], signal: AbortSignal): Promise<void> {
    const write = async (replaced: readonly string[]): Promise<void> => {
      const manifest: Manifest = { version: 1, run_id: idOf(this.#run), files: [...current.keys()].sort(), replaced };
      await this.#place.put(pathsOf(this.#run).manifest, contentOf(Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`)), signal);
    };
    await write(gone);
    for (const path of gone) await this.#place.remove(path, signal);
    if (gone.length > 0) await write([]);
  }

  /** Stores the points of some files in one. Returns undefined if one of them cannot be read. */
  async #merge(group: readonly Part[], signal: AbortSignal): Promise<Part | undefined> {
    try {
      return await this.#merged(group, signal);
    } catch (error) {
      // They stay as they are, and `verify` names the one.
      if (error instanceof MirrorError && error.code === 'MB4006') return undefined;
      throw error;
    }
  }

  async #merged(group: readonly Part[], signal: AbortSignal): Promise<Part> {
    const writer = new TableWriter(POINTS);
    let rows = noRows();
    const flush = async (): Promise<void> => {
      await writer.write({ ...rows, step: integers(rows.step), offset: integers(rows.offset) });
      rows = noRows();
    };
    for (const part of group) {
      const { count, data } = await this.read(part, ALL, signal);
      for (const name of ALL) for (let row = 0; row < count; row++) rows[name].push(data[name][row]);
      // Small pieces would be slow to read.
      if (rows.run.length >= ROW_GROUP_ROWS) await flush();
    }
    if (rows.run.length > 0) await flush();
    const { kind, source } = group[0] as Part;
    const name: PartName = {
      kind,
      source,
      start: group.reduce((least, { start }) => Math.min(least, start), Infinity),
      end: group.reduce((most, { end }) => Math.max(most, end), 0),
      content: contentOfName(group.map((part) => partPath(this.#run, part)).sort()),
      isMerged: true,
    };
    return this.add(name, await writer.finish(), signal);
  }

  async #load(kind: Kind, signal: AbortSignal): Promise<Part[]> {
    const known = this.#parts.get(kind);
    if (known !== undefined) return known;
    const manifest = await this.#loadManifest(signal);
    const [files, replaced] = [new Set(manifest?.files), new Set(manifest?.replaced)];
    const parts = (await this.#place.list(kindFolder(this.#run, kind), signal)).flatMap(({ path, bytes }): Part[] => {
      const name = readPartPath(path, kind);
      const isCurrent = name?.isMerged === true ? files.has(path) : !replaced.has(path);
      if (name?.isMerged === true && !isCurrent) this.#left.add(path);
      return name === undefined || !isCurrent ? [] : [{ ...name, bytes }];
    });
    const first = this.#parts.get(kind) ?? parts;
    this.#parts.set(kind, first);
    return first;
  }

  async #loadManifest(signal: AbortSignal): Promise<Manifest | undefined> {
    const path = pathsOf(this.#run).manifest;
    this.#manifest ??= this.#place.get(path, signal).then((text) => readManifest(text, path));
    try {
      return await this.#manifest;
    } catch (error) {
      this.#manifest = undefined;
      throw error;
    }
  }
}

function readManifest(text: Buffer | undefined, path: string): Manifest | undefined {
  if (text === undefined) return undefined;
  const isPaths = (list: unknown): boolean => Array.isArray(list) && list.every((path) => typeof path === 'string');
  try {
    const manifest = JSON.parse(text.toString()) as Manifest;
    if (isPaths(manifest.files) && isPaths(manifest.replaced)) return manifest;
  } catch {
    // It is damaged either way.
  }
  throw damagedError(path);
}

function noRows(): Record<keyof typeof POINTS, Value[]> {
  return Object.fromEntries(ALL.map((name) => [name, []])) as unknown as Record<keyof typeof POINTS, Value[]>;
}

function inOrder(a: Part, b: Part): number {
  return a.source < b.source ? -1 : a.source > b.source ? 1 : a.start - b.start || a.end - b.end;
}

/** Groups files of one event file and kind that become one. A group of one file stays as it is. */
function groupsOf(parts: readonly Part[]): (readonly Part[])[] {
  const groups: Part[][] = [];
  let bytes = 0;
  for (const part of parts) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    const fits = first?.source === part.source && first.kind === part.kind && bytes + part.bytes <= MERGED_BYTES;
    if (group !== undefined && fits) group.push(part);
    else {
      groups.push([part]);
      bytes = 0;
    }
    bytes += part.bytes;
  }
  return groups;
}
