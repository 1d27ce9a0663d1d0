import { resolve } from 'node:path';
import { closestName, suggestion } from '../closest-name.ts';
import type { Config } from '../config/index.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import { checkNames } from '../lanes/index.ts';
import { isRootPaused, keyOfRun, type RunRef, runLabel } from '../model/index.ts';
import { isInState, type ListedLane, type ListedRun, listAllRuns, RUN_STATES, type RunState } from '../overview/index.ts';
import { matcher } from '../pattern/index.ts';
import { pausesIn } from '../state/index.ts';
import { pausedJson } from '../status/index.ts';
import { knownRoots, lookForFiles } from '../tidy/index.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { type ForgetFlags, forget } from './forget.ts';
import { type PausedLane, pausedLines } from './lane-words.ts';
import { readConfig } from './read-config.ts';
import { columnsOf, counted, formatBytes, formatCount, formatStep, renderTable, visibleText, wrapText } from './terminal/index.ts';
import { lanesOf, type OpenSources, withSources } from './tidy-targets.ts';

/** The options of `runs`. */
interface RunListFlags extends GlobalOptions {
  readonly root?: string;
  readonly lane?: string;
  readonly inState?: string;
}

/** The runs of a listing that are written at a time. */
const RUNS_AT_A_TIME = 1000;

/**
 * Returns a function that is true for the runs that some patterns select: globs over `root/path` or only the path. A
 * glob that matches a directory applies to everything below it.
 */
function meant(patterns: readonly string[]): (run: RunRef) => boolean {
  if (patterns.length === 0) return () => true;
  const isMatch = matcher(patterns);
  return (run) => isMatch(runLabel(run)) || isMatch(run.path);
}

/** Lists the runs that were mirrored. */
export async function runListCommand(patterns: readonly string[], flags: RunListFlags, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const { root, lane, inState } = flags;
  if (inState !== undefined && !RUN_STATES.includes(inState as RunState)) {
    throw new MirrorError(
      'MB1001',
      `--in-state: found ${JSON.stringify(inState)}, expected one of ${RUN_STATES.join(', ')}${suggestion(inState, RUN_STATES)}`,
    );
  }
  const config = await readConfig(flags, context, { readsState: true });
  if (lane !== undefined) checkNames(config, [lane]);
  const trackers = await lanesOf(config, env);
  await withSources(config, async (sources) => {
    const all = listAllRuns({ ...sources, trackers }, root);
    if (root !== undefined) checkRoot(root, sources);
    const isMeant = meant(patterns);
    const gone = inState === 'gone' ? await goneRuns(sources, all.map(({ run }) => run).filter(isMeant)) : undefined;
    const runs = all.filter(
      (each) =>
        isMeant(each.run) &&
        (inState === undefined || isInState(each, inState as RunState, lane)) &&
        (gone === undefined || gone.has(keyOfRun(each.run))) &&
        (lane === undefined || lane === 'local' || inState !== undefined || hasStarted(each, lane)),
    );
    if (patterns.length > 0 && runs.length === 0 && !all.some(({ run }) => isMeant(run)))
      throw unknownRun(
        patterns,
        all.map(({ run }) => runLabel(run)),
      );
    const paused = pausedOf(config, trackers);
    if (flags.json === true) await writeJson(runs, paused, context);
    else {
      const names = trackers.map(({ name }) => name);
      await writeOut(stdout, listText(runs, { names, paused }, flags, context));
    }
    context.exitCode = ExitCode.done;
  });
}

/** Returns the lanes with paused parts, the local store first. */
function pausedOf({ lanes, state }: Config, trackers: readonly { readonly name: string; readonly target: string }[]): PausedLane[] {
  const local = lanes.local === undefined ? [] : [{ name: 'local', target: resolve(lanes.local.path) }];
  return [...local, ...trackers].flatMap(({ name, target }) => {
    const pauses = pausesIn(state.path, name, target);
    return pauses.length === 0 ? [] : [{ name, pauses }];
  });
}

/** True if a lane gets nothing of a run now. */
function isHeld(paused: readonly PausedLane[], lane: string, { root }: RunRef): boolean {
  return paused.some(({ name, pauses }) => name === lane && isRootPaused(pauses, root));
}

function hasStarted({ lanes }: ListedRun, lane: string): boolean {
  return lanes.some((each) => each.lane === lane && each.state !== 'not-begun' && each.state !== 'left-out');
}

/** Returns the keys of the runs with missing files. */
async function goneRuns(sources: OpenSources, runs: readonly RunRef[]): Promise<Set<string>> {
  const { found } = await lookForFiles(sources, runs);
  return new Set([...found].flatMap(([key, { gone }]) => (gone.length > 0 ? [key] : [])));
}

/** Forgets runs, and explains the consequences. */
export async function runForgetCommand(
  patterns: readonly string[],
  flags: ForgetFlags & { readonly root?: string },
  context: CommandContext,
): Promise<void> {
  const { root } = flags;
  if (patterns.length === 0 && flags.gone !== true) {
    throw new MirrorError('MB1001', 'no run given', {
      hint: 'Give runs as ROOT/PATH or a glob, or use run forget --gone for deleted data.',
    });
  }
  const config = await readConfig(flags, context, { readsState: true });
  if (root !== undefined) await withSources(config, async (sources) => checkRoot(root, sources));
  const isNamed = meant(patterns);
  const isMeant = (run: RunRef): boolean => (root === undefined || run.root === root) && isNamed(run);
  await forget(config, { isMeant }, flags, context, (known) => unknownRun(patterns, known));
}

/** Checks the name of a root. Throws MB3021 for an unknown root. */
export function checkRoot(root: string, sources: OpenSources): void {
  const names = knownRoots(sources).map(({ name }) => name);
  if (names.includes(root)) return;
  throw new MirrorError(
    'MB3021',
    `no such root: ${root}; ${names.length === 0 ? 'no roots are known' : `known roots: ${names.join(', ')}`}`,
    {
      hint: hintOf(root, names, 'Run mirrorboard root list to see all roots.'),
      context: { root },
    },
  );
}

function unknownRun(patterns: readonly string[], known: readonly string[]): MirrorError {
  const typed = patterns.join(', ');
  const paths = known.map((label) => label.slice(label.indexOf('/') + 1));
  return new MirrorError('MB3021', `no run matches ${typed}`, {
    hint: hintOf(patterns[0] ?? '', [...known, ...paths], 'Run mirrorboard runs to see all runs; a pattern can be a glob: exp-*'),
    context: { run: typed },
  });
}

function hintOf(typed: string, known: readonly string[], otherwise: string): string {
  const close = closestName(typed, known);
  return close === undefined ? otherwise : `Did you mean ${close}? ${otherwise}`;
}

/** The lanes that a listing is about. */
interface ListedLanes {
  /** The names of trackers' lanes. */
  readonly names: readonly string[];
  readonly paused: readonly PausedLane[];
}

function listText(
  runs: readonly ListedRun[],
  { names, paused }: ListedLanes,
  flags: RunListFlags,
  { stdout, env }: CommandContext,
): string {
  const style = styleOf(stdout, flags, env);
  const pauses = paused.flatMap((lane) => pausedLines(lane, Date.now(), style).map((line) => `${line}\n`)).join('');
  if (runs.length === 0) return `No runs.\n${pauses}`;
  const several = new Set(runs.map(({ run }) => run.root)).size > 1;
  const table = renderTable({
    columns: [
      { title: 'Run' },
      { title: 'Points', align: 'right' },
      { title: 'Tags', align: 'right' },
      { title: 'Files', align: 'right' },
      { title: 'Size', align: 'right' },
      { title: 'Last step', align: 'right' },
      { title: 'Last event' },
      ...names.map((title) => ({ title })),
    ],
    rows: runs.map((each) => [
      `${several ? runLabel(each.run) : each.run.path}${each.isDamaged ? ' DAMAGED' : ''}`,
      formatCount(each.points),
      formatCount(each.tags),
      formatCount(each.files),
      formatBytes(each.bytes),
      each.lastStep === null ? '-' : formatStep(each.lastStep),
      timeText(each.lastWallTime),
      ...each.lanes.map((lane) => laneText(lane, isHeld(paused, lane.lane, each.run))),
    ]),
    width: columnsOf(stdout, env),
    style,
  });
  const points = runs.reduce((sum, each) => sum + each.points, 0);
  const roots = several ? '' : ` of ${visibleText(runs[0]?.run.root ?? '')}`;
  const sum = `${counted(runs.length, 'run')}${roots}, ${formatCount(points)} points`;
  return `${table}\n\n${wrapText(sum, columnsOf(stdout, env))}\n${pauses}`;
}

function laneText({ state, behind, refused, refusedFiles }: ListedLane, isPaused: boolean): string {
  const text = state.replace('-', ' ');
  const more = [
    ...(state === 'behind' && behind > 0 ? [formatBytes(behind)] : []),
    ...(refused > 0 ? [`${formatCount(refused)} refused`] : []),
    ...(refusedFiles > 0 ? [`${counted(refusedFiles, 'file')} refused`] : []),
    ...(isPaused && state !== 'left-out' ? ['paused'] : []),
  ];
  return state === 'refused' ? more.join(', ') : [text, ...more].join(' ');
}

/** Formats the time of an event, which may be any number. */
function timeText(seconds: number | null): string {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString().slice(0, 16).replace('T', ' ');
}

async function writeJson(runs: readonly ListedRun[], paused: readonly PausedLane[], { stdout }: CommandContext): Promise<void> {
  const lanes = paused.map(({ name, pauses }) => ({ lane: name, paused: pausedJson(pauses) }));
  await writeOut(stdout, `{"type":"runs","paused":${JSON.stringify(lanes)},"runs":[`);
  for (let i = 0; i < runs.length; i += RUNS_AT_A_TIME) {
    const piece = runs.slice(i, i + RUNS_AT_A_TIME).map((each) => JSON.stringify(runJson(each, paused)));
    await writeOut(stdout, `${i === 0 ? '' : ','}${piece.join(',')}`);
  }
  await writeOut(stdout, ']}\n');
}

function runJson(listed: ListedRun, paused: readonly PausedLane[]): object {
  const { run, points, tags, files, bytes, lastStep, lastWallTime, isDamaged, isKept, lanes } = listed;
  return {
    root: run.root,
    run: run.path,
    points,
    tags,
    files,
    bytes,
    last_step: typeof lastStep === 'bigint' ? String(lastStep) : lastStep,
    last_wall_time: lastWallTime,
    damaged: isDamaged,
    kept: isKept,
    lanes: lanes.map(({ lane, state, behind, refused, refusedFiles }) => ({
      lane,
      state,
      bytes_behind: behind,
      refused,
      refused_files: refusedFiles,
      paused: isHeld(paused, lane, run),
    })),
  };
}
