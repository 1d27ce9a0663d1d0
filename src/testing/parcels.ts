// Parcels in the form of delivery, read from event files by the product's own reader.
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { type ParcelPoint, pointsOf } from '../backend-kit/index.ts';
import type { Backend, Handle, RunFiles, RunSource, TrackerParcel } from '../contract/index.ts';
import { type Batch, compareNames, type FileState, type RunRef, type ScalarColumns, type Series } from '../model/index.ts';
import { RunSession } from '../reading/index.ts';
import { FileWindow } from '../tail/index.ts';
import { heldBy } from '../verify/compare/index.ts';
import { concat, frame, versionEvent } from './events/index.ts';

export { pointsOf };

/** A parcel that has no tracker run yet. */
export type Draft = Omit<TrackerParcel, 'handle'>;

/** A point of a draft, with its series and its place. */
export type DraftPoint = ParcelPoint;

/** Returns drafts as parcels of a tracker run. */
export function addressed(drafts: readonly Draft[], handle: Handle): TrackerParcel[] {
  return drafts.map((draft) => ({ ...draft, handle }));
}

/** A run in its own folder, whose files a test writes piece by piece; it returns every piece as parcels. */
export class GrowingRun {
  readonly run: RunRef;
  readonly root: string;
  readonly directory: string;
  readonly #session = new RunSession({ series: [] });
  readonly #window = new FileWindow();
  readonly #series: Series[] = [];
  readonly #fingerprint = new Map<string, number>();
  readonly #drafts: Draft[] = [];

  constructor(path = 'run', rootName = 'logs') {
    this.run = { root: rootName, path };
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'mirrorboard-parcels-')));
    this.directory = join(this.root, 'run');
    mkdirSync(this.directory);
  }

  /** Copies a folder of event files. */
  static copyOf(directory: string, path: string): GrowingRun {
    const run = new GrowingRun(path);
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isFile()) cpSync(join(directory, entry.name), join(run.directory, entry.name));
    }
    return run;
  }

  /** Writes events at the end of a file; a new file begins with its version event. */
  append(events: readonly Uint8Array[], file = 'events.out.tfevents.1700000000.host.1.0'): Draft[] {
    const path = join(this.directory, file);
    appendFileSync(path, concat(...(existsSync(path) ? events : [versionEvent(), ...events]).map(frame)));
    return this.read();
  }

  /**
   * Writes other events under a file's name, as a program does when it starts again: in place, and with the same
   * version event.
   */
  replace(events: readonly Uint8Array[], file = 'events.out.tfevents.1700000000.host.1.0'): Draft[] {
    writeFileSync(join(this.directory, file), concat(...[versionEvent(), ...events].map(frame)));
    return this.read();
  }

  /** Returns the new data in the files since the last read. */
  read(): Draft[] {
    const names = readdirSync(this.directory).filter((name) => name.includes('tfevents') && !name.endsWith('.profile-empty'));
    const files = names.sort(compareNames).map((name) => ({ name }));
    const drafts: { batch: Batch; state: FileState }[] = [];
    for (const event of this.#session.read(
      { run: this.run, directory: { root: this.directory, path: '', links: 'owner' }, files, series: [], settled: true },
      this.#window,
    )) {
      if (event.kind !== 'batch') continue;
      if (event.batch.end === event.batch.start) continue;
      this.#series.push(...event.batch.newSeries);
      drafts.push({ batch: event.batch, state: event.state });
      const first = [...event.batch.scalars.checksum.subarray(0, Math.min(1, event.batch.scalars.count))];
      first.push(...event.batch.objects.slice(0, 1).map(({ checksum }) => checksum));
      const { file } = event.batch;
      if (first[0] !== undefined && !this.#fingerprint.has(file)) this.#fingerprint.set(file, first[0]);
    }
    const series = [...this.#series];
    const made = drafts.map((draft) => ({ ...draft, series, target: this.run, file: draft.batch.file }));
    this.#drafts.push(...made);
    return made;
  }

  /** Returns the files read so far, for a process that has all of them on disk. */
  files(backend: Backend): RunFiles {
    const drafts = this.#drafts;
    return {
      hasRecord: async ({ file, checksum }) =>
        drafts.some(
          ({ batch }) =>
            batch.file === file &&
            (batch.scalars.checksum.subarray(0, batch.scalars.count).includes(checksum) ||
              batch.objects.some((point) => point.checksum === checksum)),
        ),
      async *points() {
        for (const { tag, plugin, step, wallTime, value } of drafts.flatMap(pointsOf)) {
          const point = heldBy(backend, backend.describe(), { tag, plugin }, { step, wallTime, value });
          if (point !== undefined) yield { tag, point };
        }
      },
    };
  }

  source(changes: Partial<RunSource> = {}): RunSource {
    return {
      run: this.run,
      rootPath: this.root,
      key: createHash('sha256')
        .update(JSON.stringify([this.run.root, this.run.path]))
        .digest('hex')
        .slice(0, 32),
      name: this.run.path,
      group: 'contract',
      tags: {},
      instanceId: 'instance-1',
      fingerprint: [...this.#fingerprint].map(([file, checksum]) => ({ file, checksum })),
      startedAt: 1_700_000_000,
      ...changes,
    };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Returns every folder below `root` that holds event files, relative to it. */
export function runFolders(root: string): string[] {
  const found = new Set<string>();
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.includes('tfevents') || entry.name.endsWith('.profile-empty')) continue;
    found.add(relative(root, entry.parentPath).split(sep).join('/') || '.');
  }
  return [...found].sort(compareNames);
}

/**
 * Returns the draft in two halves, between records if it has several, otherwise between points; undefined if that is
 * not possible.
 */
export function halved(draft: Draft): [Draft, Draft] | undefined {
  const points = pointsOf(draft);
  if (points.length < 2) return undefined;
  const keyOf = (offset: number, index: number): string => `${offset}/${index}`;
  let at = points.length >> 1;
  while (at < points.length - 1 && points[at]!.offset === points[at - 1]!.offset) at++;
  if (points[at]!.offset === points[at - 1]!.offset) at = points.length >> 1;
  const first = new Set(points.slice(0, at).map(({ offset, index }) => keyOf(offset, index)));
  const part = (isFirst: boolean): Draft => ({
    ...draft,
    batch: chosen(draft.batch, (offset, index) => first.has(keyOf(offset, index)) === isFirst),
  });
  return [part(true), part(false)];
}

/** Returns a batch with some of its points. */
export function chosen(batch: Batch, isChosen: (offset: number, index: number) => boolean): Batch {
  const { scalars } = batch;
  const rows: number[] = [];
  for (let row = 0; row < scalars.count; row++) if (isChosen(scalars.offset[row]!, scalars.index[row]!)) rows.push(row);
  const moved = (wide: ReadonlyMap<number, bigint>): Map<number, bigint> =>
    new Map(rows.flatMap((row, i) => (wide.has(row) ? [[i, wide.get(row)!] as const] : [])));
  const columns: ScalarColumns = {
    count: rows.length,
    series: Uint32Array.from(rows, (row) => scalars.series[row]!),
    step: Float64Array.from(rows, (row) => scalars.step[row]!),
    wallTime: Float64Array.from(rows, (row) => scalars.wallTime[row]!),
    value: Float64Array.from(rows, (row) => scalars.value[row]!),
    offset: Float64Array.from(rows, (row) => scalars.offset[row]!),
    checksum: Uint32Array.from(rows, (row) => scalars.checksum[row]!),
    index: Uint32Array.from(rows, (row) => scalars.index[row]!),
    wideSteps: moved(scalars.wideSteps),
    wideValues: moved(scalars.wideValues),
  };
  return { ...batch, scalars: columns, objects: batch.objects.filter(({ offset, index }) => isChosen(offset, index)) };
}

/** Returns a draft without points: routing may leave such a draft, or it only notes a gap. */
export function emptied(draft: Draft): Draft {
  return { ...draft, batch: { ...chosen(draft.batch, () => false), marks: [] } };
}
