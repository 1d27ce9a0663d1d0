import { lstat, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { inTime } from '../calls/index.ts';
import { inOrder } from '../concurrency/index.ts';
import { isEventFileName, type PassedOver, type RunGlobs, readOnce, type WalkObstacle } from '../discover/index.ts';
import { MirrorError, systemCode } from '../errors.ts';
import { useMemory } from '../memory/index.ts';
import type { FileState, MarkKind, Series } from '../model/index.ts';
import { type CountedPoints, type FileOutcome, PatientReader, type ReadEvent, walkPatiently } from '../reading/index.ts';
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

/** Runs that may be read before the one that is shown next, for each reader. */
const RUNS_AHEAD = 4;

/**
 * Returns the content of every run of a target, in its order. `jobs`: the number of threads that read; each counts
 * what it reads.
 */
export async function* survey({ directory, place, runs }: SurveyTarget, jobs = 1): AsyncGenerator<RunSurvey, void, void> {
  const root = basename(directory);
  // Each reader may hold large records of its own.
  useMemory({ roots: jobs });
  const readers = Array.from({ length: jobs }, () => new PatientReader());
  try {
    yield* inOrder(runs, readers, RUNS_AHEAD * jobs, ({ path, files }, reader) => {
      const names = files.map(({ name }) => ({ name }));
      const asked = { run: { root, path }, directory: directoryOf(place, path), files: names, series: [], settled: true, counts: true };
      reader.request([asked]);
      return surveyRun(path, files, reader);
    });
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
}

async function surveyRun(path: string, files: SurveyTarget['runs'][number]['files'], reader: PatientReader): Promise<RunSurvey> {
  const result: RunSurvey = { path, files: [], series: [], marks: new Map(), foreign: 0 };
  const byName = new Map<string, FileSurvey>();
  for (const { name, size } of files) {
    const file: FileSurvey = { name, size, outcome: 'read', reason: undefined, state: undefined };
    result.files.push(file);
    byName.set(name, file);
  }
  for await (const event of eventsOf(reader)) take(event, result, byName);
  return result;
}

function take(event: ReadEvent, run: RunSurvey, files: ReadonlyMap<string, FileSurvey>): void {
  if (event.kind !== 'counted' && event.kind !== 'file') return;
  const file = files.get(event.kind === 'counted' ? event.counted.file : event.file);
  if (file === undefined) return;
  if (event.kind === 'file') {
    file.outcome = event.outcome;
    file.reason = event.reason;
    return;
  }
  file.state = event.counted.state;
  add(event.counted, run);
}

function add({ newSeries, counts, marks, foreign }: CountedPoints, run: RunSurvey): void {
  for (const series of newSeries) run.series[series.id] = { series, points: 0, firstStep: Infinity, lastStep: -Infinity };
  for (const { series: id, points, firstStep, lastStep } of counts) {
    const series = run.series[id];
    if (series === undefined) continue;
    series.points += points;
    if (firstStep < series.firstStep) series.firstStep = firstStep;
    if (lastStep > series.lastStep) series.lastStep = lastStep;
  }
  for (const [kind, count] of marks) run.marks.set(kind, (run.marks.get(kind) ?? 0) + count);
  run.foreign += foreign;
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
