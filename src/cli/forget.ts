import type { Config } from '../config/index.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import { checkNames, type TrackerLaneOptions } from '../lanes/index.ts';
import { runLabel } from '../model/index.ts';
import { listAllRuns } from '../overview/index.ts';
import { type ForgetPlan, type ForgetWish, planForgetting, type Removed, tidy } from '../tidy/index.ts';
import { trackersOf } from './chosen-trackers.ts';
import { confirm } from './confirm.ts';
import { type CommandContext, type GlobalOptions, programName, shellWord, styleOf, writeOut } from './context.ts';
import { Interrupt } from './interrupt.ts';
import { probeInTime } from './probe-in-time.ts';
import { counted, formatCount, laneWarning, type Style, visibleText } from './terminal/index.ts';
import { lanesOf, withSources, withTidyTargets } from './tidy-targets.ts';

/** The options of `run forget` and `root forget`. */
export interface ForgetFlags extends GlobalOptions {
  readonly gone?: boolean;
  readonly keepPoints?: boolean;
  readonly removeFrom?: readonly string[];
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** The most names in a line of text for people, so that a long list stays readable. */
const MOST_NAMED = 10;

/** Forgets runs or a root: explains it, asks, and does it. `named`: for an error, if nothing matches. */
export async function forget(
  config: Config,
  wish: Pick<ForgetWish, 'isMeant' | 'root'>,
  flags: ForgetFlags,
  context: CommandContext,
  none: (known: readonly string[]) => MirrorError,
): Promise<void> {
  const { stderr, env } = context;
  const removeFrom = flags.removeFrom ?? [];
  checkNames(config, removeFrom);
  if (removeFrom.includes('local')) {
    throw new MirrorError('MB1001', '--remove-from: expected trackers, found local: the local store always forgets', {
      hint: 'Omit local. Use --keep-points to keep the points in the store.',
    });
  }
  const lanes = await lanesOf(config, env);
  using interrupt = new Interrupt(() => undefined, { graceMs: config.shutdownGraceMs });
  const warn = (lane: string, message: string): void => {
    stderr.write(`${laneWarning(lane, message, {})}\n`);
  };
  const trackers = removeFrom.length === 0 ? [] : await trackersOf(config, env, removeFrom, warn);
  try {
    const whole = { ...wish, isGone: flags.gone === true, keepsPoints: flags.keepPoints === true, removeFrom: trackers };
    const plan = await withSources(config, async (sources) => {
      const made = await planForgetting({ ...sources, lanes }, whole);
      if (made.runs.length + made.files.length === 0 && wish.root === undefined && (made.away.length === 0 || flags.gone !== true)) {
        const all = listAllRuns({ ...sources, trackers: lanes });
        if (flags.gone !== true || !all.some(({ run }) => wish.isMeant?.(run) !== false)) throw none(all.map(({ run }) => runLabel(run)));
      }
      return made;
    });
    const isEmpty = plan.forgettings.length === 0;
    const isDone = !isEmpty && flags.dryRun !== true && (await isWanted(plan, config, flags, context, interrupt.signal));
    const removed = isDone ? await carryOut(plan, config, trackers, context, interrupt.signal) : undefined;
    if (flags.json === true) await writeOut(context.stdout, `${JSON.stringify(planJson(plan, flags, isDone, removed))}\n`);
    else stderr.write(planText(plan, { flags, isDone, removed, style: styleOf(stderr, flags, env), env, config }));
    context.exitCode = exitCodeOf(plan, removed, flags);
  } finally {
    for (const { backend } of trackers) await backend.close();
  }
}

async function isWanted(
  plan: ForgetPlan,
  config: Config,
  flags: ForgetFlags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<boolean> {
  if (flags.yes !== true && process.stdin.isTTY === true) {
    const style = styleOf(context.stderr, flags, context.env);
    const lines = [...planLines(plan, flags, style), ...thereLines(plan, { env: context.env, config })];
    context.stderr.write(`${lines.join('\n')}\n`);
  }
  return confirm('Forget them?', flags.yes === true, context, signal);
}

/** Forgets what the plan lists. Checks first that each tracker can be reached. */
async function carryOut(
  { forgettings, removals }: ForgetPlan,
  config: Config,
  trackers: readonly TrackerLaneOptions[],
  { stderr }: CommandContext,
  signal: AbortSignal,
): Promise<Removed> {
  const warn = (message: string): void => {
    stderr.write(`${visibleText(message)}\n`);
  };
  const asked = trackers.filter(({ name }) => removals.some(({ lane }) => lane === name));
  for (const tracker of asked) await probeInTime(tracker, { report: warn, signal, undone: 'Nothing was forgotten.' });
  return withTidyTargets(config, trackers, { warn, signal }, (places) => tidy(places, forgettings, removals));
}

function exitCodeOf({ forgettings, away }: ForgetPlan, removed: Removed | undefined, flags: ForgetFlags): ExitCode {
  if (flags.gone === true && away.length > 0) return ExitCode.couldNotJudge;
  return forgettings.length > 0 && (removed?.left ?? 0) > 0 ? ExitCode.notMirrored : ExitCode.done;
}

function whatText({ runs, files, forgettings }: ForgetPlan): string {
  const root = forgettings.find(({ isRoot }) => isRoot)?.root;
  const parts = [
    ...(root === undefined ? [] : [`the root ${visibleText(root)}`]),
    ...(runs.length === 0 ? [] : [counted(runs.length, 'run')]),
    ...(files.length === 0 ? [] : [`${counted(files.length, 'file')} of other runs`]),
  ];
  return parts.join(', ') || 'nothing';
}

function planLines(plan: ForgetPlan, flags: ForgetFlags, style: Style): string[] {
  const { runs, files, points, removals, staying } = plan;
  const named = [...runs.map(({ run }) => runLabel(run)), ...files.map(({ run, name }) => `${runLabel(run)}/${name}`)];
  const keeps = flags.keepPoints === true ? 'the store keeps their points' : counted(points, 'point');
  return [
    `Will forget: ${style.bold(whatText(plan))}, ${keeps}`,
    ...firstOf(named),
    ...(removals.length === 0 ? [] : [`Will delete from trackers: ${counted(removals.length, 'run')}`]),
    ...firstOf(removals.map(({ lane, label }) => `${lane}: ${label}`)),
    ...stayingLines(staying),
  ];
}

function firstOf(names: readonly string[]): string[] {
  const shown = names.slice(0, MOST_NAMED).map((name) => `  ${visibleText(name)}`);
  return names.length > MOST_NAMED ? [...shown, `  … and ${formatCount(names.length - MOST_NAMED)} more`] : shown;
}

function stayingLines(staying: ForgetPlan['staying']): string[] {
  return staying
    .slice(0, MOST_NAMED)
    .map(({ lane, label, reason }) => `${visibleText(`${lane}: ${label}`)} remains there: ${visibleText(reason)}`);
}

interface TextFacts {
  readonly flags: ForgetFlags;
  readonly isDone: boolean;
  readonly removed: Removed | undefined;
  readonly style: Style;
  readonly env: NodeJS.ProcessEnv;
  readonly config: Config;
}

function planText(plan: ForgetPlan, { flags, isDone, removed, style, env, config }: TextFacts): string {
  const { away, forgettings } = plan;
  const lines: string[] = [];
  if (forgettings.length === 0) lines.push('Nothing to forget.');
  else if (flags.dryRun === true) for (const line of [...planLines(plan, flags, style), 'Nothing was changed.']) lines.push(line);
  else if (!isDone) lines.push('Nothing was changed.');
  else {
    const points = flags.keepPoints === true ? 'the store keeps their points' : `${formatCount(plan.points)} points`;
    lines.push(`Forgot: ${style.bold(whatText(plan))}, ${points}`);
    if ((removed?.removed ?? 0) > 0) lines.push(`Deleted from trackers: ${counted(removed?.removed ?? 0, 'run')}`);
    if ((removed?.left ?? 0) > 0)
      lines.push(`${counted(removed?.left ?? 0, 'tracker run', 'tracker runs')} still to delete: the next backfill or watch retries`);
    for (const line of stayingLines(plan.staying)) lines.push(line);
  }
  for (const { name, path } of flags.gone === true ? away : [])
    lines.push(
      `${visibleText(name)}: ${visibleText(path)} is missing, is empty or does not answer, so mirrorboard cannot tell ` +
        `which of its files are deleted. Check that it is mounted; if it is gone for good, use root move or root forget`,
    );
  const wasAsked = flags.yes !== true && process.stdin.isTTY === true;
  if (forgettings.length > 0 && ((isDone && !wasAsked) || flags.dryRun === true))
    for (const line of thereLines(plan, { env, config })) lines.push(line);
  return `${lines.join('\n')}\n`;
}

/** Returns lines about runs that would be mirrored again, and how to exclude them. */
function thereLines({ there, forgettings }: ForgetPlan, { env, config }: Pick<TextFacts, 'env' | 'config'>): string[] {
  if (there.length === 0) return [];
  const again = there.length === 1 ? 'it' : 'them';
  const note = `note: files of ${counted(there.length, 'run')} still exist, and the next pass mirrors ${again} again. To exclude ${again}:`;
  const root = forgettings.find(({ isRoot }) => isRoot)?.root;
  if (root !== undefined) {
    const listed = config.file === undefined ? '' : `, and remove it from ${visibleText(config.file)}`;
    return [note, `  stop giving ${visibleText(root)} to backfill and watch${listed}`];
  }
  const paths = [...new Set(there.map(({ path }) => path))].slice(0, MOST_NAMED);
  const excluded = paths.flatMap((path) => ['--exclude', path]).map(shellWord);
  return [
    note,
    `  ${[programName(env), 'backfill', '…', ...excluded].join(' ')}`,
    `  or, in the configuration: exclude: ${visibleText(JSON.stringify(paths))}`,
  ];
}

function planJson(
  { runs, files, points, there, removals, staying, away }: ForgetPlan,
  flags: ForgetFlags,
  isDone: boolean,
  removed: Removed | undefined,
): object {
  const runJson = ({ root, path }: { readonly root: string; readonly path: string }): object => ({ root, run: path });
  return {
    type: 'forget',
    dry_run: flags.dryRun === true,
    done: isDone,
    keep_points: flags.keepPoints === true,
    points,
    runs: runs.map(({ run }) => runJson(run)),
    files: files.map(({ run, name }) => ({ ...runJson(run), file: name })),
    still_there: there.map(runJson),
    removals: removals.map(({ lane, label }) => ({ lane, run: label })),
    removed: removed?.removed ?? 0,
    left: removed?.left ?? 0,
    staying: staying.map(({ lane, label, reason }) => ({ lane, run: label, reason })),
    away: away.map(({ name, path }) => ({ root: name, path })),
  };
}
