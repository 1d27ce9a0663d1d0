import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { steadyMs } from '../clock.ts';
import { type Config, linksOf, parseRoot } from '../config/index.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import type { LaneWarning } from '../lanes/index.ts';
import type { JobPage } from '../metrics/index.ts';
import { type Json, jsonText } from '../model/index.ts';
import { FileLock, keepVerdicts, pausesIn, type VerifiedLane } from '../state/index.ts';
import {
  type Difference,
  exitCodeOf,
  isNothingCompared,
  type Sample,
  type Totals,
  totalsOf,
  type Verification,
  worstOf,
} from '../verify/compare/index.ts';
import type { VerifyLanesOptions } from '../verify/index.ts';
import { trackersOf } from './chosen-trackers.ts';
import { type CommandContext, programName, styleOf, writeOut } from './context.ts';
import { Interrupt } from './interrupt.ts';
import { jobsOf } from './jobs.ts';
import { KeptDifferences } from './kept-differences.ts';
import { LineFile } from './line-file.ts';
import { withMetricsFile } from './metrics-file.ts';
import { localLane, readConfig } from './read-config.ts';
import { columnsOf, laneWarning, ProgressBlock, renderVerification } from './terminal/index.ts';
import { differenceJson, totalsJson, verificationJson } from './verification-json.ts';
import type { VerifyFlags } from './verify-flags.ts';
import { hasPending, isUnmirrored, nextOfVerification, type VerifyRequest } from './verify-next.ts';

/** The most differences that the summary of a lane names. */
const MOST_EXAMPLES = 20;

/** Compares the mirrored data with the event files, or two lanes with each other; the exit code is the result. */
export async function verifyCommand(roots: readonly string[], flags: VerifyFlags, context: CommandContext): Promise<void> {
  await withMetricsFile(flags.metricsFile, 'verify', context, async (page) => await compare(roots, flags, context, page));
}

async function compare(roots: readonly string[], flags: VerifyFlags, context: CommandContext, page: JobPage | undefined): Promise<void> {
  const { stdout, stderr, env } = context;
  checkFlags(flags);
  const sample = sampleOf(flags);
  const jobs = jobsOf(flags.jobs);
  const config = await readConfig(flags, context, { readsState: true });
  const between = betweenOf(flags);
  const wanted = between ?? (flags.lane !== undefined && flags.lane.length > 0 ? flags.lane : namesOf(config));
  const isTty = stderr.isTTY === true && env['TERM'] !== 'dumb';
  const block = new ProgressBlock({ stream: stderr, now: steadyMs, isTty, columns: () => stderr.columns });
  using interrupt = new Interrupt(() => block.print('Interrupted: stopping; interrupt again to stop immediately.'), {
    graceMs: config.shutdownGraceMs,
  });
  const warn: LaneWarning = (lane, message) => {
    if ((flags.quiet ?? 0) < 2) block.print(`${lane}: ${message}`);
  };
  const isAll = between === undefined && (flags.lane ?? []).length === 0;
  let trackers = await trackersOf(config, env, isAll ? 'all' : wanted, warn);
  // If no lane is left, nothing is proved: the lanes that are switched off must be reported.
  if (isAll && trackers.length === 0 && config.lanes.local === undefined) trackers = await trackersOf(config, env, wanted, warn);
  const examples = new Map<string, Difference[]>();
  const found = new Map<string, KeptDifferences>();
  const report = flags.report === undefined || flags.report === '-' ? undefined : new LineFile(flags.report);
  let verifications: Verification[];
  try {
    const { verifyBetween, verifyLanes } = await import('../verify/index.ts');
    const options: VerifyLanesOptions = {
      roots: roots.map((root) => parseRoot(root, existsSync)),
      rules: config.rules,
      linksOf: linksOf(config),
      store: wanted.includes('local') ? localLane(config) : undefined,
      trackers,
      statePath: config.state.path,
      ...(sample === undefined ? {} : { sample }),
      repair: flags.repair === true,
      jobs,
      signal: interrupt.signal,
      onStart: (progress) => {
        if ((flags.quiet ?? 0) === 0) block.start(progress);
      },
      onDifference: (difference, lane, other) => {
        const known = examples.get(lane) ?? [];
        examples.set(lane, known);
        if (known.length < MOST_EXAMPLES) known.push(difference);
        const kept = found.get(lane) ?? new KeptDifferences();
        found.set(lane, kept);
        kept.add(difference, lane);
        if (flags.report === undefined) return;
        const line = `${jsonText(differenceJson(difference, lane, other))}\n`;
        if (report === undefined) stdout.write(line);
        else report.write(line);
      },
    };
    verifications = between === undefined ? await verifyLanes(options) : [await verifyBetween(between, options)];
    report?.finish();
  } catch (error) {
    report?.abandon();
    throw error;
  } finally {
    block.stop();
    if (trackers.length > 0) await (await import('../lanes/index.ts')).closeLanes(trackers);
  }
  const verdicts = between === undefined ? verifications.flatMap((one) => verdictOf(one, isChosen(flags), found.get(one.lane))) : [];
  page?.verified(new Map(verdicts.map(({ name, verdict }) => [name, verdict])));
  const unkept = keepVerdicts(config.state.path, verdicts);
  if (unkept !== undefined && (flags.quiet ?? 0) < 2) stderr.write(`the result is not kept for status and metrics: ${unkept.message}\n`);
  // One command brings two lanes that are behind.
  const isOnePending = verifications.filter((one) => hasPending(totalsOf(one)) || isUnmirrored(one.obstacles)).length < 2;
  const about = { roots, flags, program: programName(env), isOnePending };
  if ((flags.quiet ?? 0) < 2) for (const lane of pausedLanes(config, verifications)) stderr.write(`${laneWarning(lane, PAUSED)}\n`);
  const results = verifications.map((verification) => describe(verification, about, config));
  const exitCode = worstOf(results.map((one) => one.exitCode));
  context.exitCode = exitCode;
  if (flags.json === true) {
    const documents = results.map((one) => verificationJson(one.verification, one.totals, one));
    await writeOut(stdout, `${jsonText(documents.length === 1 ? (documents[0] as Json) : severalJson(results, documents, exitCode))}\n`);
  } else if ((flags.quiet ?? 0) < 2) {
    const style = styleOf(stderr, flags, env);
    const isNamed =
      results.length > 1 || results.some(({ verification }) => verification.lane !== 'local' || verification.other !== undefined);
    // One command is enough: that of the first lane that needs one.
    const first =
      results.find(({ exitCode }) => exitCode !== ExitCode.done) ??
      results.find(({ totals }) => hasPending(totals)) ??
      results.find(({ verification: { damagedFiles } }) => damagedFiles.length > 0) ??
      results.at(-1);
    for (const [i, { verification, totals, note }] of results.entries()) {
      const next = i === results.length - 1 ? first?.next : undefined;
      const shown = examples.get(verification.lane) ?? [];
      const head = isNamed ? headOf(verification) : undefined;
      if (i > 0) stderr.write('\n');
      stderr.write(renderVerification(verification, { totals, examples: shown, width: columnsOf(stderr, env), style, note, next, head }));
    }
  }
}

const PAUSED = 'it is paused, so only what it got before is compared; mirrorboard lane resume ends the pause';

/** Returns the paused lanes among those that were compared. */
function pausedLanes({ state }: Config, verifications: readonly Verification[]): string[] {
  return verifications
    .filter(({ lane, where }) => pausesIn(state.path, lane, lane === 'local' ? resolve(where) : where).length > 0)
    .map(({ lane }) => lane);
}

function checkFlags({ report, json, between, lane, repair }: VerifyFlags): void {
  if (report === '-' && json === true) {
    throw new MirrorError('MB1001', '--json and --report - both write to standard output', {
      hint: 'Write the report to a file: --report FILE.',
    });
  }
  if (between !== undefined && ((lane ?? []).length > 0 || repair === true)) {
    throw new MirrorError('MB1001', '--between cannot be combined with --lane or --repair: it only compares two lanes');
  }
}

/** Returns the two lanes that are compared with each other. */
function betweenOf({ between }: VerifyFlags): [string, string] | undefined {
  if (between === undefined) return undefined;
  const [a, b, ...more] = between;
  if (a !== undefined && b !== undefined && a !== b && more.length === 0) return [a, b];
  throw new MirrorError('MB1001', `--between: found ${between.join(' ')}, expected two different lanes`, {
    command: 'mirrorboard verify --between local mlflow',
  });
}

function namesOf({ lanes }: Config): string[] {
  return [...(lanes.local === undefined ? [] : ['local']), ...lanes.trackers.map(({ name }) => name)];
}

function headOf({ lane, other, where }: Verification): string {
  return other === undefined ? `${lane} (${where})` : `${lane} against ${other}`;
}

/** A verification, and its report. */
interface LaneResult {
  readonly verification: Verification;
  readonly totals: Totals;
  readonly exitCode: ExitCode;
  readonly writer: string | undefined;
  readonly next: string | undefined;
  readonly note: string | undefined;
}

function describe(verification: Verification, about: Omit<VerifyRequest, 'lane'>, config: Config): LaneResult {
  const totals = totalsOf(verification);
  const { lane } = verification;
  const writer = FileLock.holder(lane === 'local' ? verification.where : config.state.path);
  const names = namesOf(config);
  const named = names.length > 1 || lane !== 'local' ? lane : undefined;
  const next = nextOfVerification(verification, totals, writer, { ...about, lane: named });
  const exitCode = exitCodeOf(verification, about.flags.strict === true);
  // If routes exclude everything from a lane, it has nothing to compare; if the user's selection leaves nothing, that
  // proves nothing.
  const isNothing = exitCode === ExitCode.done && isNothingCompared(verification);
  const note = isNothing ? nothingText(verification) : writer === undefined ? undefined : noteOn(writer, verification, totals);
  return { verification, totals, exitCode: isNothing && isChosen(about.flags) ? ExitCode.couldNotJudge : exitCode, writer, next, note };
}

/**
 * Returns the verdict that the state keeps. A difference is certain, however little was compared. Equality is certain
 * only if everything was compared.
 */
function verdictOf(verification: Verification, isPartAsked: boolean, found = new KeptDifferences()): VerifiedLane[] {
  const { lane: name, where, roots, obstacles, interrupted } = verification;
  const totals = totalsOf(verification);
  const { differences } = totals;
  const isPart = isPartAsked || interrupted || obstacles.length > 0 || isNothingCompared(verification);
  if (isPart && differences === 0) return [];
  const target = name === 'local' ? resolve(where) : where;
  return [{ name, target, roots, verdict: { atMs: Date.now(), differences }, report: found.report(totalsJson(totals)) }];
}

/** True if only some of the runs or series are compared. */
function isChosen({ include = [], exclude = [], sample }: VerifyFlags): boolean {
  return include.length + exclude.length > 0 || sample !== undefined;
}

function severalJson(results: readonly LaneResult[], documents: readonly Json[], exitCode: ExitCode): Json {
  return {
    type: 'verifications',
    exit_code: exitCode,
    differences: results.reduce((sum, { totals }) => sum + totals.differences, 0),
    interrupted: results.some(({ verification }) => verification.interrupted),
    lanes: documents,
  };
}

function sampleOf({ sample, seed }: VerifyFlags): Sample | undefined {
  if (sample === undefined) return undefined;
  const percent = Number(/^(\d+(?:\.\d+)?)%?$/.exec(sample)?.[1] ?? NaN);
  if (!(percent > 0 && percent <= 100)) {
    throw new MirrorError('MB1001', `--sample: found ${JSON.stringify(sample)}, expected a share of the series above 0% and up to 100%`, {
      command: 'mirrorboard verify --sample 5%',
    });
  }
  return { percent, seed: seed ?? new Date().toISOString().slice(0, 10) };
}

function nothingText({ runs }: Verification): string {
  const why = runs.length === 0 ? 'no run matches' : 'the sample contains no series; use a larger one';
  return `Nothing was compared, so nothing is confirmed: ${why}`;
}

/** Returns a note if another process writes to the store: pending data comes without help, and a repair must wait. */
function noteOn(writer: string, { repairs, lane }: Verification, totals: Totals): string | undefined {
  const what = lane === 'local' ? 'the store' : 'the state';
  if (totals.differences > 0 && repairs === undefined) return `${writer} writes to ${what}: stop it before a repair`;
  return totals.differences > 0 || hasPending(totals) ? `${writer} writes to ${what}, and is still mirroring: wait for it` : undefined;
}
