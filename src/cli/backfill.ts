import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { steadyMs } from '../clock.ts';
import { type Config, linksOf, parseRoot, runEndedAfterOf } from '../config/index.ts';
import type { RootRequest } from '../discover/index.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import type { LaneWarning, MakeLanesOptions, TrackerLaneOptions } from '../lanes/index.ts';
import type { JobPage, RequestMetrics } from '../metrics/index.ts';
import { isPending } from '../model/index.ts';
import type { LaneReport, Logger, Report } from '../status/index.ts';
import { type CommandContext, type GlobalOptions, programName, styleOf, writeOut } from './context.ts';
import { ENDING, Interrupt } from './interrupt.ts';
import { leftOutOf } from './left-out.ts';
import { withMetricsFile } from './metrics-file.ts';
import { commonWords, nextStep, type Situation, typedWords } from './next-step.ts';
import { patienceMsOf } from './patience.ts';
import { planJson, renderPlan } from './plan-text.ts';
import { readConfig } from './read-config.ts';
import { columnsOf, counted, laneWarning, ProgressBlock, renderReport, reportJson, visibleText } from './terminal/index.ts';
import { version } from './version.ts';

/** The options of `backfill`. */
interface BackfillFlags extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly strict?: boolean;
  readonly to?: readonly string[];
  readonly patience?: string;
  readonly remap?: boolean;
  readonly rebuild?: boolean;
  readonly metricsFile?: string;
}

/** Mirrors log directories once. */
export async function backfillCommand(roots: readonly string[], flags: BackfillFlags, context: CommandContext): Promise<void> {
  // A dry run changes nothing, not even this file.
  const path = flags.dryRun === true ? undefined : flags.metricsFile;
  await withMetricsFile(path, 'backfill', context, async (page) => await mirrorOnce(roots, flags, context, page));
}

async function mirrorOnce(
  roots: readonly string[],
  flags: BackfillFlags,
  context: CommandContext,
  page: JobPage | undefined,
): Promise<void> {
  const { stdout, stderr, env } = context;
  const config = await readConfig(flags, context, { flags: { lanes: flags.to }, isMirroring: true });
  const requests = roots.length > 0 ? roots.map((root) => parseRoot(root, existsSync)) : config.roots;
  if (requests.length === 0) {
    throw new MirrorError('MB1001', 'nothing to mirror: no log directory given', { command: 'mirrorboard backfill LOGDIR' });
  }
  const store = config.lanes.local;
  const patienceMs = patienceMsOf(flags.patience);
  if (flags.dryRun === true) {
    const { checkPlannedRoots } = await import('../moves/index.ts');
    if (config.moved !== 'new') {
      await checkPlannedRoots(requests, { store: store?.path, state: config.state.path }, config.rules, linksOf(config));
    }
    const isWhole = await showPlan(requests, config, flags, context);
    if (!isWhole) context.exitCode = ExitCode.notMirrored;
    return;
  }

  const isTty = stderr.isTTY === true && env.TERM !== 'dumb';
  const block = new ProgressBlock({ stream: stderr, now: steadyMs, isTty, columns: () => stderr.columns });
  const log = await wantedLog(config, block);
  const ending = (line: string, signal: NodeJS.Signals): void => {
    // A warning: some data will not be mirrored.
    if (log?.isJson === true) log.logger.warn({ signal }, ENDING);
    else block.print(line);
  };
  using interrupt = new Interrupt(ending, { graceMs: config.shutdownGraceMs });
  const warn: LaneWarning = (lane, message, facts) => {
    if (log === undefined) block.print(laneWarning(lane, message, facts));
    else log.logger.warn({ lane, ...facts }, message);
  };
  const trackers = config.lanes.trackers.length === 0 ? [] : await makeLanes(config, env, warn, wishesOf(flags));
  const { backfill } = await import('../sync/index.ts');
  let report: Report;
  let sent: RequestMetrics | undefined;
  try {
    report = await backfill({
      roots: requests,
      rules: config.rules,
      linksOf: linksOf(config),
      store,
      trackers,
      statePath: config.state.path,
      moved: config.moved,
      runEndedAfterOf: runEndedAfterOf(config),
      patienceMs,
      signal: interrupt.signal,
      ...(log === undefined ? {} : { log: log.logger }),
      requestEnded: (lane, code, ms) => sent?.ended(lane, code, ms),
      onUpgrade: ({ path, runs, of }) => {
        if ((flags.quiet ?? 0) < 2) block.print(`Upgrading ${visibleText(path)} to schema version 2: ${runs} of ${counted(of, 'run')}`);
      },
      countsStoreLag: page !== undefined,
      onStart: (tracker) => {
        sent = page?.begin(() => tracker.facts(), { version: version(), node: process.version });
        if ((flags.quiet ?? 0) === 0) block.start(tracker);
      },
    });
  } finally {
    block.stop();
  }
  if (flags.json === true) stdout.write(`${JSON.stringify(reportJson(report))}\n`);
  else if ((flags.quiet ?? 0) < 2) {
    const isNothingThere = report.totals.files === 0 && !report.interrupted;
    stderr.write(
      renderReport(report, {
        width: columnsOf(stderr, env),
        style: styleOf(stderr, flags, env),
        leftOut: isNothingThere ? await leftOutOf(requests, config) : undefined,
        next: nextAfter(report, { roots, requests, flags, isLocalOnly: store !== undefined && trackers.length === 0 }, programName(env)),
      }),
    );
  }
  context.exitCode = exitCodeOf(report, flags.strict === true);
}

/**
 * Prints what a pass would do in each lane. It contacts no tracker and writes nothing. Returns false if something could
 * not be checked.
 */
async function showPlan(
  roots: readonly RootRequest[],
  config: Config,
  flags: BackfillFlags,
  { stdout, stderr, env }: CommandContext,
): Promise<boolean> {
  const { planBackfill } = await import('../overview/index.ts');
  const warn: LaneWarning = (lane, message, facts) => {
    if ((flags.quiet ?? 0) < 2) stderr.write(`${laneWarning(lane, message, facts)}\n`);
  };
  const trackers = config.lanes.trackers.length === 0 ? [] : await makeLanes(config, env, warn, wishesOf(flags));
  try {
    const { rules, state, lanes } = config;
    const plan = await planBackfill({
      roots,
      rules,
      linksOf: linksOf(config),
      storePath: lanes.local?.path,
      trackers,
      statePath: state.path,
    });
    await writeOut(stdout, flags.json === true ? `${JSON.stringify(planJson(plan))}\n` : renderPlan(plan, columnsOf(stdout, env)));
    return !plan.obstacles.some(({ isLeft }) => isLeft !== true);
  } finally {
    if (trackers.length > 0) await (await import('../lanes/index.ts')).closeLanes(trackers);
  }
}

interface Typed {
  readonly roots: readonly string[];
  readonly requests: readonly RootRequest[];
  readonly flags: BackfillFlags;
  readonly isLocalOnly: boolean;
}

/** Returns the command to type after a pass. */
function nextAfter(report: Report, { roots, requests, flags, isLocalOnly }: Typed, program: string): string {
  const paths = new Map(requests.map(({ path, name }) => [name ?? basename(path), path]));
  const damaged = report.damage.filter((item) => !isPending(item) && item.reason !== 'unreadable');
  return nextStep(
    {
      typed: typedWords('backfill', roots, flags),
      common: commonWords(flags),
      roots,
      isInterrupted: report.interrupted,
      isShut: isShut(report),
      lanes: lanesAfter(report),
      damaged: damaged.map(({ run, file }) => join(paths.get(run.root) ?? '', run.path, file)),
      refusing: report.lanes.find(isRefusing)?.name,
      hasPending: report.lanes.some(({ state, pendingBytes }) => state !== 'done' || pendingBytes > 0),
      emptyRoot: report.totals.files === 0 ? requests[0]?.path : undefined,
      isLocalOnly,
      confirmed: 'that it is mirrored',
    },
    program,
  );
}

/** True if a lane refused a point or a file that it should have. */
export function isRefusing({ refusedInAll, refusedFiles }: LaneReport): boolean {
  return refusedInAll + refusedFiles.length > 0;
}

/** Returns the health of each lane. */
export function lanesAfter({ lanes }: Report): NonNullable<Situation['lanes']> {
  return lanes.map(({ name, state, stoppedRuns, reason }) => {
    const isBlocked = state === 'parked' || (state === 'stuck' && reason !== undefined);
    return { name, health: isBlocked ? 'blocked' : stoppedRuns.length > 0 ? 'runsStopped' : 'well' };
  });
}

/**
 * Makes the lanes of trackers. Their module is loaded only if there are trackers: no other code needs their clients.
 */
async function makeLanes(
  config: Config,
  env: NodeJS.ProcessEnv,
  warn: LaneWarning,
  wishes: MakeLanesOptions,
): Promise<TrackerLaneOptions[]> {
  const { makeTrackerLanes } = await import('../lanes/index.ts');
  return makeTrackerLanes(config, env, undefined, warn, wishes);
}

/** Returns the options that `--remap` and `--rebuild` set. */
function wishesOf({ remap, rebuild }: Pick<BackfillFlags, 'remap' | 'rebuild'>): MakeLanesOptions {
  return { remap: remap === true, rebuild: rebuild === true };
}

/**
 * Returns the logger if a flag, the environment or the file asked for log lines: otherwise the summary at the end is
 * enough.
 */
async function wantedLog(config: Config, block: ProgressBlock): Promise<{ logger: Logger; isJson: boolean } | undefined> {
  if (config.sources.get('log.level') === 'default' && config.sources.get('log.format') === 'default') return undefined;
  const { createLogger, formatFor } = await import('../status/index.ts');
  const stream = { isTTY: process.stderr.isTTY, write: (text: string) => block.print(text.trimEnd()) };
  const { level, format } = config.log;
  return { logger: await createLogger({ level, format, stream }), isJson: formatFor(stream, format) === 'json' };
}

/** The incidents that may leave data unmirrored. */
const NOT_MIRRORED: ReadonlySet<Report['incidents'][number]['kind']> = new Set([
  'unreadable',
  'silent',
  'vanished',
  'folder',
  'emptied',
  'store',
]);

/** True if obstacles of files, directories or roots need a person's attention. */
function isShut({ incidents, damage }: Report): boolean {
  return incidents.some(({ kind }) => NOT_MIRRORED.has(kind)) || damage.some(({ reason }) => reason === 'unreadable');
}

/** Returns the exit code: 1 if data was not mirrored. The incomplete end of a live file counts only with --strict. */
export function exitCodeOf(report: Report, isStrict: boolean): ExitCode {
  if (report.interrupted) return ExitCode.interrupted;
  const isMissing = report.incidents.some(({ kind }) => NOT_MIRRORED.has(kind));
  const hasPending = report.lanes.some((lane) => lane.state !== 'done' || isRefusing(lane));
  const isDamaged = report.damage.some((damage) => isStrict || !isPending(damage));
  return isMissing || isDamaged || hasPending ? ExitCode.notMirrored : ExitCode.done;
}
