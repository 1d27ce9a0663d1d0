import { chunksOf, type StoredPoint } from '../../backend-kit/exact-points/index.ts';
import type { ReadBackChunk, TrackerParcel } from '../../contract/index.ts';
import { type Blob, KINDS, type Kind, sha256Of } from '../../model/index.ts';
import type { Part } from './merge-groups.ts';
import { kindFolder, type PartName, pathsOf, type RunPlace, sourceOf } from './names.ts';
import { MOST_LISTINGS, RunParts } from './parts.ts';
import type { Place } from './place.ts';
import { pointKey, prepare, type Rows } from './rows.ts';
import { encode, POINTS } from './table.ts';

const COLUMNS = Object.keys(POINTS).filter((name) => !['run', 'dtype'].includes(name)) as Exclude<keyof typeof POINTS, 'run' | 'dtype'>[];

/** The files of one tracker run: what its points are stored in, and read back from. */
export class RunFiles {
  readonly #place: Place;
  readonly #run: RunPlace;
  readonly #name: string;
  readonly #parts: RunParts;
  /** The names of the media files that exist. */
  #media: Promise<Set<string>> | undefined;

  /** `name`: the run's name in the column `run`. */
  constructor(place: Place, run: RunPlace, name: string) {
    this.#place = place;
    this.#run = run;
    this.#name = name;
    this.#parts = new RunParts(place, run);
  }

  /** Stores the points of parcels that follow each other in one event file. */
  async store(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<void> {
    const file = parcels[0]?.file ?? '';
    const { tables, media } = prepare(parcels);
    const range = { start: parcels[0]?.batch.start ?? 0, end: parcels.at(-1)?.batch.end ?? 0 };
    const fresh: [name: Omit<PartName, 'rows' | 'content'>, rows: Rows][] = [];
    let isRepeat = false;
    for (const [kind, rows] of tables) {
      const name = { kind, source: sourceOf(file), ...range, isMerged: false };
      const known = await this.#parts.keysIn(name, signal);
      const left = known === undefined ? rows : rows.without(known);
      isRepeat ||= left.count < rows.count;
      if (left.count > 0) fresh.push([name, left]);
    }
    // Before the rows that name them, so that no row ever names a missing file.
    if (media.size > 0) await this.#storeMedia(media, isRepeat, signal);
    for (const [name, rows] of fresh) {
      const part = { ...name, rows: rows.count, content: rows.content() };
      await this.#parts.add(part, await encode(POINTS, rows.columns(this.#name, file)), signal);
    }
  }

  /** Stores media files. Of points that come again, it also reads those that exist: `verify` may have found damage. */
  async #storeMedia(media: ReadonlyMap<string, Blob>, isRepeat: boolean, signal: AbortSignal): Promise<void> {
    const folder = pathsOf(this.#run).media;
    const stored = await this.#mediaNames(signal);
    for (const [name, { data }] of media) {
      if (stored.has(name) && !isRepeat) continue;
      if (!(await this.#place.putNew(folder + name, data, signal))) await this.#mend(folder + name, data, signal);
      stored.add(name);
    }
  }

  /** Returns all points, each once. A point whose media file is missing or damaged is left out. */
  async *readBack(isWanted: ((tag: string) => boolean) | undefined, signal: AbortSignal): AsyncGenerator<ReadBackChunk, void, void> {
    this.#parts.forget();
    this.#media = undefined;
    yield* chunksOf(this.#points(isWanted, signal));
  }

  async *#points(isWanted: ((tag: string) => boolean) | undefined, signal: AbortSignal): AsyncGenerator<StoredPoint, void, void> {
    const checked = new Map<string, boolean>();
    for (const kind of KINDS) {
      for await (const { key, row, data } of this.#rows(kind, signal)) {
        const tag: string = data.tag[row];
        if (isWanted?.(tag) === false) continue;
        const names = data.media[row] === null || data.media[row] === undefined ? [] : (JSON.parse(data.media[row]) as string[]);
        if (names.length > 0 && !(await this.#areWhole(names, checked, signal))) continue;
        const step: bigint = data.step[row];
        yield {
          key,
          files: [],
          tag,
          plugin: data.plugin[row],
          file: data.file[row],
          offset: Number(data.offset[row]),
          index: data.index[row],
          step: Number.isSafeInteger(Number(step)) ? Number(step) : step,
          wallTime: data.wall_time[row],
          value: heldValue(data.value[row], data.value_json[row]),
        };
      }
    }
  }

  /**
   * Returns all rows of a kind, each once. Files may be merged and removed meanwhile: then it lists them again, and
   * leaves out what it has returned.
   */
  async *#rows(kind: Kind, signal: AbortSignal) {
    /** Files that cover the same bytes: only they can hold the same point. */
    let cluster: Pick<Part, 'source' | 'end'> = { source: '', end: 0 };
    /** The points of the cluster that were returned. */
    let seen = new Set<string>();
    /** All points before this one were returned. */
    let done = cluster;
    for (let listings = 1; ; listings++) {
      const parts = (await this.#parts.of(kind, signal)).filter(
        ({ source, end }) => source > done.source || (source === done.source && end > done.end),
      );
      let gone: Part | undefined;
      for (const [i, part] of parts.entries()) {
        const { source, start, end } = part;
        const isAfter = source === cluster.source && start < cluster.end;
        if (!isAfter) {
          done = source === cluster.source ? cluster : { source, end: 0 };
          seen = new Set();
        }
        cluster = { source, end: isAfter ? Math.max(end, cluster.end) : end };
        const next = parts[i + 1];
        const needsKeys = isAfter || (next?.source === source && next.start < end);
        const groups = await this.#parts.read(part, COLUMNS, signal);
        if (groups === undefined) {
          gone = part;
          break;
        }
        listings = 1;
        for await (const { count, data } of groups) {
          for (let row = 0; row < count; row++) {
            if (data.offset[row] < done.end) continue;
            const key = needsKeys ? pointKey(data.offset[row], data.index[row], data.checksum[row], data.tag[row]) : '';
            if (key !== '' && seen.has(key)) continue;
            if (key !== '') seen.add(key);
            yield { key, row, data };
          }
        }
      }
      if (gone === undefined) return;
      if (listings >= MOST_LISTINGS) throw this.#parts.goneError(gone);
      this.#parts.forget();
    }
  }

  /** True if media files have the content that their names tell. `checked` keeps what is known. */
  async #areWhole(names: readonly string[], checked: Map<string, boolean>, signal: AbortSignal): Promise<boolean> {
    for (const name of names) {
      if (!checked.has(name)) {
        const content = await this.#place.get(pathsOf(this.#run).media + name, signal);
        checked.set(name, content !== undefined && sha256Of(content) === name.slice(0, name.indexOf('.')));
      }
      if (checked.get(name) === false) return false;
    }
    return true;
  }

  /** Merges what is small, and writes the manifest. */
  async close(signal: AbortSignal): Promise<void> {
    await this.#parts.close(signal);
  }

  /** Removes everything; what says that the run exists comes last. */
  async remove(signal: AbortSignal): Promise<void> {
    const { document, manifest, params, media, artifacts } = pathsOf(this.#run);
    for (const folder of [...KINDS.map((kind) => kindFolder(this.#run, kind)), media, artifacts]) {
      for (const { path } of await this.#place.list(folder, signal)) await this.#place.remove(path, signal);
    }
    for (const path of [manifest, params, document]) await this.#place.remove(path, signal);
  }

  #mediaNames(signal: AbortSignal): Promise<Set<string>> {
    const folder = pathsOf(this.#run).media;
    this.#media ??= this.#place.list(folder, signal).then((files) => new Set(files.map(({ path }) => path.slice(folder.length))));
    this.#media.catch(() => {
      this.#media = undefined;
    });
    return this.#media;
  }

  /** Replaces a media file that has other content than its name tells. */
  async #mend(path: string, data: Uint8Array, signal: AbortSignal): Promise<void> {
    const there = await this.#place.get(path, signal);
    if (there !== undefined && Buffer.compare(there, data) === 0) return;
    await this.#place.remove(path, signal);
    await this.#place.putNew(path, data, signal);
  }
}

/** Returns the value of a row: a number, an integer that no double holds, or the text of another value. */
function heldValue(value: number | null | undefined, json: string | null | undefined): number | bigint | string {
  if (typeof json !== 'string') return value ?? Number.NaN;
  return typeof value === 'number' ? BigInt(json) : json;
}
