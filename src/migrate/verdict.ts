import { suggestion } from '../closest-name.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import { counted, formatBytes, formatCount } from '../format.ts';
import { KINDS, runLabel } from '../model/index.ts';
import type { Report } from '../status/index.ts';
import {
  exitCodeOf,
  kindSums,
  sumOf,
  type Totals,
  totalsOf,
  type UncomparedRun,
  type Verification,
  worstOf,
} from '../verify/compare/index.ts';
import type { ForeignCounts, ForeignFindings } from '../verify/index.ts';

/**
 * The losses when one lane replaces another: points of a kind, the steps or values of points, whole runs, or data
 * that never was in event files.
 */
const LOSSES = [...KINDS, 'steps', 'values', 'runs', 'foreign'] as const;

/** A series of the first lane that no event file has. */
export interface ForeignMetric {
  readonly kind: 'metric';
  readonly name: string;
  readonly in: string;
}

/** The decision if the first lane can be switched off. */
export interface Verdict {
  readonly exitCode: ExitCode;
  /** The reasons to keep the first lane. */
  readonly reasons: readonly string[];
  /**
   * The data that would be lost with the first lane, by kind: points; under `runs`, the runs that were not compared.
   */
  readonly losses: Readonly<Record<string, number>>;
  readonly foreignMetrics: readonly ForeignMetric[];
  /**
   * The losses that the user accepted, and the values that are rounded according to the loss table; empty if there
   * are none.
   */
  readonly but: string;
}

/** Parses the kinds of `--accept-losses images,texts`. Throws MB1001 for an unknown word. */
export function acceptedLosses(text: string | undefined): readonly string[] {
  const words = (text ?? '').split(',').map((word) => word.trim());
  return words.filter((word) => {
    if (word !== '' && !(LOSSES as readonly string[]).includes(word)) {
      const found = `--accept-losses: found ${JSON.stringify(word)}, expected some of ${LOSSES.join(', ')}`;
      throw new MirrorError('MB1001', `${found}${suggestion(word, LOSSES)}`);
    }
    return word !== '';
  });
}

/**
 * Returns the verdict. Data of the first lane that the second one lacks is a reason to keep the first, unless the
 * loss is accepted. Data that neither has is no reason.
 */
export function verdictOf(
  { from, to, accepted }: { readonly from: string; readonly to: string; readonly accepted: readonly string[] },
  report: Report,
  [own, between]: readonly Verification[],
  foreign?: ForeignFindings,
): Verdict {
  if (report.interrupted || own === undefined || between === undefined || own.interrupted || between.interrupted)
    return interrupted('everything was compared');
  if (foreign?.interrupted === true) return interrupted(`${from} was searched for data that never was in event files`);
  const [mine, both] = [totalsOf(own), totalsOf(asMigrated(between))];
  const reasons: string[] = [];
  const codes: ExitCode[] = [exitCodeOf(own, false), exitCodeOf(asMigrated(between), false)];
  const addReason = (isReason: boolean, reason: string, code: ExitCode = ExitCode.notMirrored): void => {
    if (!isReason) return;
    reasons.push(reason);
    codes.push(code);
  };
  const { state } = report.lanes.find(({ name }) => name === to) ?? { state: 'done' };
  const isBehind = state !== 'done' && state !== undefined;
  addReason(isBehind, `${to} did not accept everything: ${state}`);
  addReason(mine.refused > 0, `${to} refused ${counted(mine.refused, 'point')}`);
  addReason(mine.artifacts.refused > 0, `${to} refused ${counted(mine.artifacts.refused, 'artifact')}`);
  const differing = mine.differences - mine.artifacts.refused;
  addReason(differing > 0, `${to} and the event files differ: ${counted(differing, 'difference')}`);
  addReason(both.differences > 0, `${from} and ${to} differ: ${counted(both.differences, 'difference')}`);
  addReason(both.notYet > 0, `${counted(both.notYet, 'point')} of ${from} are pending for ${to}`);
  const pending = pendingFor(mine, both);
  addReason(pending.before > 0, `${formatBytes(pending.before)} are pending for ${to}`);
  addReason(
    pending.behind > 0,
    isBehind ? `${formatBytes(pending.behind)} are pending for ${to}` : `${formatBytes(pending.behind)} are new since, or incomplete`,
  );
  const { uncompared = [] } = between;
  for (const [why, words] of UNCOMPARED) {
    const runs = uncompared.filter((run) => run.why === why);
    addReason(runs.length > 0 && !accepted.includes('runs'), `${from} has ${runsText(runs)} ${words(to)}`);
  }
  const isNothing = both.points === 0 && between.obstacles.length === 0;
  addReason(isNothing, `nothing of ${from} was compared, so nothing is confirmed`, ExitCode.couldNotJudge);
  const losses = lossesOf(both, uncompared.length);
  const open = (counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
    Object.fromEntries(Object.entries(counts).filter(([kind]) => kind !== 'runs' && !accepted.includes(kind)));
  for (const [counts, words] of [
    [open(heldLosses(both)), `${to} does not store $ of ${from}`],
    [open(both.absent.gone), `${from} has $ that are not in any event file, so they cannot be copied into ${to}`],
  ] as const) {
    const points = lossWords(counts);
    addReason(points !== '', `${words.replace('$', () => points)}; --accept-losses ${Object.keys(counts).join(',')} accepts this`);
  }
  const metrics = foreignMetricsIn(between);
  const others = foreignWords(foreign, metrics.length);
  const isKept = others !== '' && !accepted.includes('foreign');
  addReason(isKept, `${from} has ${others} that never were in event files and are not copied. --accept-losses foreign accepts this`);
  for (const { kind, name, in: run } of isKept ? [...metrics.slice(0, MOST_METRICS), ...(foreign?.examples ?? [])] : [])
    reasons.push(`${kind} ${name}${run === undefined ? '' : ` of ${run}`}`);
  for (const { what, reason } of accepted.includes('foreign') ? [] : (foreign?.obstacles ?? []))
    addReason(true, `${what} could not be searched for data that never was in event files: ${reason}`, ExitCode.couldNotJudge);
  for (const { what, reason } of [...own.obstacles, ...between.obstacles]) reasons.push(`${what}: ${reason}`);
  return {
    exitCode: worstOf(codes),
    reasons,
    losses,
    foreignMetrics: metrics,
    but: [butOf(losses, both), uncomparedText(uncompared), isKept ? '' : others].filter((part) => part !== '').join(', '),
  };
}

function interrupted(before: string): Verdict {
  return { exitCode: ExitCode.interrupted, reasons: [`interrupted before ${before}`], losses: {}, foreignMetrics: [], but: '' };
}

const MOST_METRICS = 5;

/**
 * Returns the series of the first lane that no event file of their runs has: others wrote them into the same tracker
 * runs.
 */
function foreignMetricsIn({ runs }: Verification): readonly ForeignMetric[] {
  return runs.flatMap(({ run, foreignTags = [] }) => foreignTags.map((name) => ({ kind: 'metric', name, in: runLabel(run) }) as const));
}

const FOREIGN: readonly (readonly [kind: keyof ForeignCounts, one: string, many?: string])[] = [
  ['run', 'run'],
  ['param', 'param'],
  ['file', 'file'],
  ['tag', 'tag'],
  ['note', 'note'],
  ['model', 'model version', 'model versions'],
];

function foreignWords(foreign: ForeignFindings | undefined, metrics: number): string {
  const counts = FOREIGN.flatMap(([kind, one, many]) => {
    const count = foreign?.counts[kind] ?? 0;
    return count > 0 ? [counted(count, one, many)] : [];
  });
  if (metrics > 0) counts.splice(1, 0, counted(metrics, 'metric'));
  return counts.length < 2 ? counts.join('') : `${counts.slice(0, -1).join(', ')} and ${counts.at(-1)}`;
}

/** The reasons that runs were not compared, and the remedies. */
const UNCOMPARED: readonly (readonly [why: UncomparedRun['why'], words: (to: string) => string])[] = [
  ['elsewhere', () => 'in directories that were not compared'],
  ['rules', () => 'that include and exclude skip; --accept-losses runs accepts this'],
  ['routes', (to) => `that routes exclude from ${to}; --accept-losses runs accepts this`],
];

const MOST_RUNS = 5;

/** Lists the runs: `2 runs (140 points: other/a, other/b)`. */
function runsText(uncompared: readonly UncomparedRun[]): string {
  const points = uncompared.reduce((sum, run) => sum + run.points, 0);
  const names = uncompared.slice(0, MOST_RUNS).map(({ run }) => runLabel(run));
  if (uncompared.length > MOST_RUNS) names.push('…');
  return `${counted(uncompared.length, 'run')} (${counted(points, 'point')}: ${names.join(', ')})`;
}

function uncomparedText(uncompared: readonly UncomparedRun[]): string {
  return uncompared.length === 0 ? '' : `${runsText(uncompared)} that were not compared`;
}

/**
 * Adapts a comparison of two lanes to a migration from the first to the second. Additional data of the second lane is
 * no reason to keep the first. Data that no file holds any more is a loss, not a difference.
 */
function asMigrated(between: Verification): Verification {
  return {
    ...between,
    runs: between.runs.map((run) => ({ ...run, extra: 0, missing: run.missing - sumOf(run.absent.gone) - sumOf(run.absent.foreign) })),
  };
}

/**
 * Returns the bytes that are pending for the second lane and not for the first one, before and behind its positions.
 * No lane can get damaged data.
 */
function pendingFor(mine: Totals, both: Totals): { readonly before: number; readonly behind: number } {
  const [own, other] = [mine.damaged, both.damaged];
  return {
    before: mine.pendingBytes - own.before - (both.pendingBytes - other.before),
    behind: mine.incompleteBytes - own.behind - (both.incompleteBytes - other.behind),
  };
}

function heldLosses({ absent: { noPlace, leftOut }, losses: { step, value } }: Totals): Record<string, number> {
  return { ...kindSums([noPlace, leftOut]), ...(step > 0 ? { steps: step } : {}), ...(value > 0 ? { values: value } : {}) };
}

/** Returns the losses by kind. Pending and refused data is not a loss that can be accepted: it may still come. */
function lossesOf(both: Totals, runs: number): Record<string, number> {
  return { ...kindSums([heldLosses(both), both.absent.gone]), ...(runs > 0 ? { runs } : {}) };
}

/** Describes the losses: `12 points (images 10, texts 2)`. */
function lossWords({ runs: _, ...losses }: Readonly<Record<string, number>>): string {
  const kinds = Object.entries(losses);
  const points = kinds.reduce((sum, [, count]) => sum + count, 0);
  return points === 0 ? '' : `${counted(points, 'point')} (${kinds.map(([kind, count]) => `${kind} ${formatCount(count)}`).join(', ')})`;
}

/**
 * Describes rounded times, and equal points that became one. They are in the loss table, and no curve is lost: they
 * are reported, but are no reason to keep the lane.
 */
function butOf(losses: Readonly<Record<string, number>>, { losses: { time, merged } }: Totals): string {
  return [
    lossWords(losses),
    ...(time > 0 ? [`the exact time of ${counted(time, 'point')}, which are rounded`] : []),
    ...(merged > 0 ? [`${counted(merged, 'point')} that repeat others`] : []),
  ]
    .filter((part) => part !== '')
    .join(', ');
}
