import { lstat, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { inTime } from '../calls/index.ts';
import { isEventFileName, type PassedOver, type RunGlobs, readOnce, type WalkObstacle } from '../discover/index.ts';
import { MirrorError, systemCode } from '../errors.ts';
import type { Batch, FileState, MarkKind, Series } from '../model/index.ts';
import { type FileOutcome, PatientReader, type ReadEvent, walkPatiently } from '../reading/index.ts';
import { reasonOf } from '../system-error.ts';
import { DEFAULT_LINKS, directoryOf, type LinkRule, type RootDirectory } from '../untrusted/index.ts';
import { counted } from './terminal/index.ts';

/** The content of a series, without its points. */
interface SeriesSurvey {
  readonly series: Series;
  points: number;
  firstStep: number | bigint;
  lastStep: number | bigint;
}

/** The result of `inspect` for a file. */
interface FileSurvey {
  readonly name: string;
  readonly size: number;
  outcome: FileOutcome;
  reason: string | undefined;
  state: FileState | undefined;
}

/** The content of the files of one run. */
export interface RunSurvey {
  readonly path: string;
  readonly files: FileSurvey[];
  readonly series: SeriesSurvey[];
  readonly marks: Map<MarkKind, number>;
  /** The number of empty marks whose bytes are not those of an event at all. */
  foreign: number;
}

/** The requested files and folders, as one or more runs to read. */
export interface SurveyTarget {
  /** The directory to which the runs' paths are relative. */
  readonly directory: string;
  readonly place: RootDirectory;
  readonly runs: readonly { readonly path: string; readonly files: readonly { readonly name: string; readonly size: number }[] }[];
  readonly obstacles: readonly WalkObstacle[];
  /** The files that TensorBoard would read and mirrorboard does not. */
  readonly passedOver: readonly PassedOver[];
}

type Globs = RunGlobs;

/**
 * Finds a directory with all runs below it, or a single file. This thread does not touch it: a file system that hangs
 * becomes an obstacle.
 */
export async function findTarget(
  path: string,
  { links = DEFAULT_LINKS, include = [], exclude = [], ignore = [] }: Partial<Globs> & { readonly links?: LinkRule } = {},
): Promise<SurveyTarget> {
  const directory = resolve(path);
  let real: string;
  try {
    const stat = await inTime(path, () => lstat(path));
    if (stat.isFile()) {
      return {
        directory: dirname(directory),
        place: { path: await inTime(path, () => realpath(dirname(directory))), links },
        runs: [{ path: '.', files: [{ name: basename(path), size: stat.size }] }],
        obstacles: [],
        passedOver: [],
      };
    }
    await inTime(path, () => readdir(path));
    real = await inTime(path, () => realpath(path));
  } catch (cause) {
    const isMissing = systemCode(cause) === 'ENOENT';
    if (cause instanceof MirrorError) throw cause;
    throw new MirrorError(
      isMissing ? 'MB2001' : 'MB2003',
      isMissing ? `no such file or directory: ${path}` : `reading ${path}: ${reasonOf(cause)}`,
      {
        hint: 'Check the path and its permissions.',
        ...(isMissing ? {} : { cause }),
        context: { path },
      },
    );
  }
  const walked = await walkPatiently(real, { links, include, exclude, ignore, isNaming: true });
  const { runs, obstacles, passedOver } = readOnce(walked, () => false);
  return { directory, place: { path: real, links }, runs, obstacles, passedOver };
}

/** Reads every run of a target, one after the other, in a thread of its own: a file that hangs is abandoned. */
export async function* readTarget(
  { directory, place, runs }: Pick<SurveyTarget, 'directory' | 'place' | 'runs'>,
  settled: boolean,
): AsyncGenerator<{ readonly path: string; readonly events: AsyncIterable<ReadEvent> }, void, void> {
  const root = basename(directory);
  const reader = new PatientReader();
  try {
    for (const { path, files } of runs) {
      const names = files.map(({ name }) => ({ name }));
      reader.request([{ run: { root, path }, directory: directoryOf(place, path), files: names, series: [], settled }]);
      yield { path, events: eventsOf(reader) };
    }
  } finally {
    await reader.close();
  }
}

async function* eventsOf(reader: PatientReader): AsyncGenerator<ReadEvent, void, void> {
  for await (const group of reader.events()) {
    yield* group.events;
    group.release();
  }
}

/** Returns the content of every run of a target. */
export async function* survey(target: SurveyTarget): AsyncGenerator<RunSurvey, void, void> {
  const filesOf = new Map(target.runs.map(({ path, files }) => [path, files]));
  for await (const { path, events } of readTarget(target, true)) {
    const result: RunSurvey = { path, files: [], series: [], marks: new Map(), foreign: 0 };
    const byName = new Map<string, FileSurvey>();
    for (const { name, size } of filesOf.get(path) ?? []) {
      const file: FileSurvey = { name, size, outcome: 'read', reason: undefined, state: undefined };
      result.files.push(file);
      byName.set(name, file);
    }
    for await (const event of events) take(event, result, byName);
    yield result;
  }
}

function take(event: ReadEvent, run: RunSurvey, files: ReadonlyMap<string, FileSurvey>): void {
  if (event.kind !== 'batch' && event.kind !== 'file') return;
  const file = files.get(event.kind === 'batch' ? event.batch.file : event.file);
  if (file === undefined) return;
  if (event.kind === 'file') {
    file.outcome = event.outcome;
    file.reason = event.reason;
    return;
  }
  file.state = event.state;
  count(event.batch, run);
}

function count(batch: Batch, run: RunSurvey): void {
  for (const series of batch.newSeries) run.series[series.id] = { series, points: 0, firstStep: Infinity, lastStep: -Infinity };
  const { scalars, objects } = batch;
  for (let row = 0; row < scalars.count; row++) {
    countPoint(run.series[scalars.series[row] as number], scalars.wideSteps.get(row) ?? (scalars.step[row] as number));
  }
  for (const { series, step } of objects) countPoint(run.series[series], step);
  for (const { kind, payload } of batch.marks) {
    run.marks.set(kind, (run.marks.get(kind) ?? 0) + 1);
    if (kind === 'empty' && payload.length > 0 && payload[0] !== WALL_TIME && payload[0] !== STEP) run.foreign++;
  }
}

/** The first byte of an event without content: writers begin a file with an event that has only a time. */
const WALL_TIME = 0x09;
const STEP = 0x10;

function countPoint(series: SeriesSurvey | undefined, step: number | bigint): void {
  if (series === undefined) return;
  series.points++;
  if (step < series.firstStep) series.firstStep = step;
  if (step > series.lastStep) series.lastStep = step;
}

/** Returns why a run shows nothing, in words; undefined if it shows something. */
export function whyEmpty(run: RunSurvey): string | undefined {
  if (run.series.length > 0) return undefined;
  const problems = run.files.filter((file) => file.outcome !== 'read');
  if (problems.length === run.files.length) return problems.map((file) => `${file.name}: ${file.reason ?? file.outcome}`).join('; ');
  if (run.files.every((file) => file.size === 0))
    return (
      `${run.files.length === 1 ? 'the file is' : 'the files are'} empty: the writer has not flushed anything ` +
      `yet, or died before flushing`
    );
  const states = run.files.flatMap((file) => (file.state === undefined ? [] : [file.state]));
  const records = states.reduce((sum, state) => sum + state.records, 0);
  if (records === 0) return 'no readable record: see the damage';
  if (run.foreign === records) return `${counted(records, 'record')}, but no TensorBoard event: is this another kind of TFRecord file?`;
  return `${counted(records, 'record')}, but no summary values: the writer wrote none, or has not flushed them yet`;
}

/** Returns why a directory has no runs at all. */
export async function whyNoRuns(directory: string): Promise<string> {
  let names: string[];
  try {
    names = (await inTime(directory, () => readdir(directory, { recursive: true, encoding: 'utf8' }))).slice(0, 100_000);
  } catch (error) {
    return reasonOf(error);
  }
  if (names.length === 0) return 'the directory is empty';
  const profiles = names.filter((name) => name.endsWith('.profile-empty')).length;
  if (profiles > 0)
    return (
      `${counted(profiles, '.profile-empty file marks a profile', '.profile-empty files mark profiles')}, which ` +
      `contain no events; names checked: ${names.length}`
    );
  const tfrecords = names.filter((name) => /tfrecord/i.test(name) && !isEventFileName(name)).length;
  const hint = tfrecords > 0 ? `; ${counted(tfrecords, 'TFRecord file is', 'TFRecord files are')} other data (datasets)` : '';
  return `${counted(names.length, 'name')} below it, but none contains "tfevents" like the names of event files${hint}`;
}
