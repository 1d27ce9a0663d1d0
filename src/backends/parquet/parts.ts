import { MirrorError } from '../../errors.ts';
import { KINDS, type Kind } from '../../model/index.ts';
import { groupsOf, type Part } from './merge-groups.ts';
import { contentOfName, idOf, kindFolder, type PartName, partPath, pathsOf, type RunPlace, readPartPath } from './names.ts';
import { contentOf, type Place } from './place.ts';
import { pointKey } from './rows.ts';
import { damagedError, decodeGroups, integers, POINTS, ROW_GROUP_ROWS, TableWriter } from './table.ts';

/** The file that says which files are current, written after everything that it names. */
interface Manifest {
  readonly version: 1;
  readonly run_id: string;
  /** The paths of all files with points when the run was closed. Files that are not here came later. */
  readonly files: readonly string[];
  /** The paths of files whose points are in merged ones: they are about to be removed. */
  readonly replaced: readonly string[];
}

/** How often files are listed again because one of them is gone, before that is damage. */
export const MOST_LISTINGS = 5;

/** A value of a column, as the library reads it. */
// biome-ignore lint/suspicious/noExplicitAny: the library's own type of a column is an array of anything
type Value = any;

const KEYS = ['offset', 'index', 'checksum', 'tag'] as const;
const ALL = Object.keys(POINTS) as (keyof typeof POINTS)[];

/** The files with points of one tracker run. They are listed once per kind, and again if that is asked for. */
export class RunParts {
  readonly #place: Place;
  readonly #run: RunPlace;
  readonly #parts = new Map<Kind, Promise<Part[]>>();
  #manifest: Promise<Manifest | undefined> | undefined;

  constructor(place: Place, run: RunPlace) {
    this.#place = place;
    this.#run = run;
  }

  /** Forgets what was listed: another process may have changed it. */
  forget(): void {
    this.#parts.clear();
    this.#manifest = undefined;
  }

  /** Returns the current files of a kind, by event file and place in it. */
  async of(kind: Kind, signal: AbortSignal): Promise<readonly Part[]> {
    return (await this.#load(kind, signal)).toSorted(inOrder);
  }

  /** Returns the keys of the points that are stored already in a range of an event file; undefined if none can be. */
  async keysIn(range: Pick<PartName, 'kind' | 'source' | 'start' | 'end'>, signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    const { kind, source, start, end } = range;
    for (let listings = 1; ; listings++) {
      const there = (await this.#load(kind, signal)).filter((part) => part.source === source && part.start < end && start < part.end);
      if (there.length === 0) return undefined;
      const keys = new Set<string>();
      const gone = await this.#addKeys(keys, there, range, signal);
      if (gone === undefined) return keys;
      if (listings === MOST_LISTINGS) throw this.goneError(gone);
      this.forget();
    }
  }

  /** Adds the keys of the points of a range. Returns a file that is gone. */
  async #addKeys(
    keys: Set<string>,
    parts: readonly Part[],
    { start, end }: Pick<PartName, 'start' | 'end'>,
    signal: AbortSignal,
  ): Promise<Part | undefined> {
    for (const part of parts) {
      const groups = await this.read(part, KEYS, signal, { start, end });
      if (groups === undefined) return part;
      for await (const { count, data } of groups) {
        for (let row = 0; row < count; row++) {
          const { offset, index, checksum, tag } = rowOf(data, row);
          if (offset >= start && offset < end) keys.add(pointKey(offset, index, checksum, tag));
        }
      }
    }
    return undefined;
  }

  /** Stores a file, and notes that it is there. */
  async add(name: PartName, data: Uint8Array, signal: AbortSignal): Promise<Part> {
    const path = partPath(this.#run, name);
    try {
      await this.#place.putNew(path, data, signal);
    } catch (error) {
      // The file may be there all the same: only the answer was lost.
      this.forget();
      throw error;
    }
    const part = { ...name, bytes: data.length };
    // After the file: a listing that was made meanwhile has it, or gets it here.
    const parts = await this.#load(name.kind, signal);
    if (!name.isMerged && !parts.some((other) => partPath(this.#run, other) === path)) parts.push(part);
    return part;
  }

  /**
   * Reads columns of a file, one group of rows after the other. Returns undefined if the file is gone. Of a range of
   * offsets, it reads all groups that can have points there: others are among them.
   */
  async read<Name extends keyof typeof POINTS>(
    part: PartName,
    columns: readonly Name[],
    signal: AbortSignal,
    range?: Pick<PartName, 'start' | 'end'>,
  ) {
    const path = partPath(this.#run, part);
    const bytes = await this.#place.get(path, signal);
    return bytes === undefined ? undefined : decodeGroups<typeof POINTS, Name>(bytes, columns, path, range ?? 'groups');
  }

  /** Returns the error for a file that stays gone. */
  goneError(part: PartName): MirrorError {
    return damagedError(partPath(this.#run, part), new Error('it is gone'));
  }

  /**
   * Merges small files of each event file, one group after the other: it says in the manifest what is current, then
   * removes what was merged. A crash on the way changes nothing that can be read back: the next call does the rest.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.forget();
    try {
      await this.#close(signal);
    } finally {
      this.forget();
    }
  }

  async #close(signal: AbortSignal): Promise<void> {
    const before = await this.#loadManifest(signal);
    const all: Part[] = [];
    for (const kind of KINDS) for (const part of await this.of(kind, signal)) all.push(part);
    const current = new Map(all.map((part) => [partPath(this.#run, part), part]));
    // What a process left when it died. Others may have changed the manifest: nothing but our own files is removed.
    const left = (before?.replaced ?? []).filter((path) => KINDS.some((kind) => readPartPath(this.#run, path, kind) !== undefined));
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

  /** Stores the points of some files in one, each once. Returns undefined if one of them cannot be read. */
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
    // Only files that cover the same bytes can hold the same point.
    const seen = group.some(({ start }, i) => start < (group[i - 1]?.end ?? 0)) ? new Set<string>() : undefined;
    let all = 0;
    for (const part of group) {
      const groups = await this.read(part, ALL, signal);
      if (groups === undefined) throw this.goneError(part);
      for await (const { count, data } of groups) {
        for (let row = 0; row < count; row++) {
          const { offset, index, checksum, tag } = rowOf(data, row);
          const key = seen && pointKey(offset, index, checksum, tag);
          if (key !== undefined && seen?.has(key)) continue;
          if (key !== undefined) seen?.add(key);
          for (const name of ALL) rows[name].push(data[name][row]);
          all++;
        }
        // Small pieces would be slow to read.
        if (rows.run.length >= ROW_GROUP_ROWS) await flush();
      }
    }
    if (rows.run.length > 0) await flush();
    const { kind, source } = group[0] as Part;
    const name: PartName = {
      kind,
      source,
      start: group.reduce((least, { start }) => Math.min(least, start), Infinity),
      end: group.reduce((most, { end }) => Math.max(most, end), 0),
      rows: all,
      content: contentOfName(group.map((part) => partPath(this.#run, part)).sort()),
      isMerged: true,
    };
    return this.add(name, await writer.finish(), signal);
  }

  async #load(kind: Kind, signal: AbortSignal): Promise<Part[]> {
    const known = this.#parts.get(kind);
    if (known !== undefined) return known;
    const listing = this.#list(kind, signal);
    this.#parts.set(kind, listing);
    try {
      return await listing;
    } catch (error) {
      if (this.#parts.get(kind) === listing) this.#parts.delete(kind);
      throw error;
    }
  }

  /**
   * Lists the current files of a kind. A merged file that no manifest names is current, too: its points may be
   * nowhere else. If a process died before it wrote the manifest, the next merging takes it and its sources together.
   */
  async #list(kind: Kind, signal: AbortSignal): Promise<Part[]> {
    const replaced = new Set((await this.#loadManifest(signal))?.replaced);
    return (await this.#place.list(kindFolder(this.#run, kind), signal)).flatMap(({ path, bytes }): Part[] => {
      const name = readPartPath(this.#run, path, kind);
      return name === undefined || replaced.has(path) ? [] : [{ ...name, bytes }];
    });
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

/** Returns what tells the point of a row from others. */
function rowOf(data: Readonly<Record<(typeof KEYS)[number], ArrayLike<Value>>>, row: number) {
  return { offset: Number(data.offset[row]), index: data.index[row], checksum: data.checksum[row], tag: data.tag[row] };
}
