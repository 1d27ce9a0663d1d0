import { ExitCode } from '../../errors.ts';
import type { RunRef } from '../../model/index.ts';
import { type DamagedBytes, NO_DAMAGE, NONE_UNJUDGED, type Unjudged } from './file-facts.ts';
import { type Absence, type Absences, type LaneCounts, type Losses, NO_LOSSES, NO_POINTS, NOTHING_ABSENT } from './lane-counts.ts';
import type { Sample } from './sample.ts';

/** The result of comparing one run. */
export interface RunVerdict extends Readonly<LaneCounts> {
  readonly run: RunRef;
  /** The losses that make up `allowed`. */
  readonly losses: Readonly<Losses>;
  readonly absent: Absences;
  /** Set if two lanes are compared: the tags of the series that `absent.foreign` counts. */
  readonly foreignTags?: readonly string[];
  readonly unjudged: Readonly<Record<Unjudged, number>>;
  /** Pending bytes before the watermarks: gaps. */
  readonly pendingBytes: number;
  /** Bytes after the watermarks: those of an incomplete record, or not mirrored yet. */
  readonly incompleteBytes: number;
  /** The damaged part of both. */
  readonly damaged: DamagedBytes;
  readonly listing: number;
  readonly media: MediaCounts;
  /** Files and params of a tracker run. */
  readonly artifacts: ArtifactCounts;
}

/** The files that a lane names, and how many of them are not as they should be. */
export interface MediaCounts {
  /** Files that the lane names, or that were stored there. */
  readonly named: number;
  readonly missing: number;
  readonly changed: number;
}

/** Counts of params and files, including those that the tracker refused. */
export interface ArtifactCounts extends MediaCounts {
  /** Files that the tracker refused, or whose params it refused. They are not among those above. */
  readonly refused: number;
  /** Files that the tracker has no place for, or no place for what they should become. They are no difference. */
  readonly unsupported: number;
}

/** A file whose points were not compared, or only some of them. */
export interface TroubledFile {
  readonly run: RunRef;
  readonly file: string;
  readonly why: Unjudged;
  readonly reason?: string;
}

/** A run of the first of two lanes that was not compared. */
export interface UncomparedRun {
  readonly run: RunRef;
  /** The path of its root. */
  readonly root: string;
  readonly points: number;
  /**
   * The reason. `elsewhere`: the run is outside what the caller asked for. `rules`: the rules for runs leave it out.
   * `routes`: the second lane should not have it.
   */
  readonly why: 'elsewhere' | 'rules' | 'routes';
}

/** Something that could not be checked, though it should have been. */
export interface Obstacle {
  /** A root, a directory or the lane. */
  readonly what: string;
  readonly reason: string;
  /** Set if nothing was mirrored yet, so that nothing is wrong. */
  readonly isUnmirrored?: true;
  /** Set if the tracker answers, but does not give one of its runs. */
  readonly isAboutRun?: true;
}

/** The work that `--repair` did. */
export interface Repairs {
  readonly gaps: number;
  readonly missingPoints: number;
  /** Points that the tracker refused and will be sent again. */
  readonly refused: number;
  /** Files that will be mirrored again. */
  readonly distrusted: readonly { readonly run: RunRef; readonly file: string }[];
  readonly listings: number;
  readonly media: number;
  /** Files that the next pass reads again, for missing params and artifacts. */
  readonly artifacts: number;
  /** The parts that could not be repaired, and why. */
  readonly left: readonly Obstacle[];
}

/** The result of a pass over one lane. */
export interface Verification {
  /** The lane; the first one if two were compared with each other. */
  readonly lane: string;
  /** The lane it was compared with; by default the event files. */
  readonly other?: string;
  readonly where: string;
  /** The paths of the roots that were compared. */
  readonly roots: readonly string[];
  readonly sample: Sample | undefined;
  readonly runs: readonly RunVerdict[];
  readonly troubled: readonly TroubledFile[];
  /** Paths of damaged files that may need attention. */
  readonly damagedFiles: readonly string[];
  readonly obstacles: readonly Obstacle[];
  /** Set if two lanes were compared: the runs of the first one that were not. */
  readonly uncompared?: readonly UncomparedRun[];
  readonly repairs: Repairs | undefined;
  readonly bytes: number;
  readonly elapsedMs: number;
  readonly interrupted: boolean;
}

/** Sums over all runs of a verification. */
export interface Totals extends Readonly<LaneCounts> {
  readonly runs: number;
  readonly losses: Readonly<Losses>;
  readonly absent: Absences;
  readonly pendingBytes: number;
  readonly incompleteBytes: number;
  readonly damaged: DamagedBytes;
  readonly listing: number;
  readonly media: MediaCounts;
  readonly artifacts: ArtifactCounts;
  readonly unjudged: Readonly<Record<Unjudged, number>>;
  /** Points, listings and media that differ, not counting allowed losses. */
  readonly differences: number;
}

/** Adds up the runs of a verification. */
export function totalsOf({ runs }: Pick<Verification, 'runs'>): Totals {
  const sum = (of: (run: RunVerdict) => number): number => runs.reduce((total, run) => total + of(run), 0);
  const absent = Object.keys(NOTHING_ABSENT).map((why) => [why, kindSums(runs.map((run) => run.absent[why as Absence]))] as const);
  return {
    runs: runs.length,
    ...fieldSums(NO_POINTS, runs),
    losses: fieldSums(
      NO_LOSSES,
      runs.map(({ losses }) => losses),
    ),
    absent: Object.fromEntries(absent) as unknown as Absences,
    pendingBytes: sum((run) => run.pendingBytes),
    incompleteBytes: sum((run) => run.incompleteBytes),
    damaged: fieldSums(
      NO_DAMAGE,
      runs.map(({ damaged }) => damaged),
    ),
    listing: sum((run) => run.listing),
    media: fieldSums(
      NO_MEDIA,
      runs.map(({ media }) => media),
    ),
    artifacts: fieldSums(
      NO_ARTIFACTS,
      runs.map(({ artifacts }) => artifacts),
    ),
    unjudged: fieldSums(
      NONE_UNJUDGED,
      runs.map(({ unjudged }) => unjudged),
    ),
    differences: sum(differencesOf),
  };
}

/** Adds up records of numbers field by field; `zero` names the fields. */
function fieldSums<Fields extends Readonly<Record<keyof Fields, number>>>(zero: Fields, all: readonly Fields[]): Fields {
  const fields = Object.keys(zero) as (keyof Fields)[];
  return Object.fromEntries(fields.map((field) => [field, all.reduce((sum, one) => sum + one[field], 0)])) as unknown as Fields;
}

/** Adds up numbers by kind. */
export function kindSums(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counts of all) for (const [kind, count] of Object.entries(counts)) sums[kind] = (sums[kind] ?? 0) + count;
  return sums;
}

/** Adds up all numbers of a record. */
export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** No file was named. */
export const NO_MEDIA: MediaCounts = { named: 0, missing: 0, changed: 0 };

/** No param and no file was compared. */
export const NO_ARTIFACTS: ArtifactCounts = { ...NO_MEDIA, refused: 0, unsupported: 0 };

type Different = Pick<RunVerdict, 'missing' | 'extra' | 'changed' | 'listing' | 'media' | 'artifacts'>;

/** Counts the differences. */
export function differencesOf({ missing, extra, changed, listing, media, artifacts }: Different): number {
  return missing + extra + changed + listing + media.missing + media.changed + artifacts.missing + artifacts.changed + artifacts.refused;
}

/** Counts the points that are there exactly as the files have them. */
export function equalOf({ points, missing, changed, allowed, refused, unsupported, notYet }: Readonly<LaneCounts>): number {
  return points - missing - changed - allowed - refused - unsupported - notYet;
}

/** Returns the worst exit code of several lanes: what is certain goes before what is not known. */
export function worstOf(codes: readonly ExitCode[]): ExitCode {
  const order = [ExitCode.interrupted, ExitCode.notMirrored, ExitCode.couldNotJudge];
  return order.find((code) => codes.includes(code)) ?? ExitCode.done;
}

/** True if the request covers no run, or the sample no series: that proves nothing. */
export function isNothingCompared({ runs, sample }: Pick<Verification, 'runs' | 'sample'>): boolean {
  return runs.length === 0 || (sample !== undefined && runs.every(({ points }) => points === 0));
}

/**
 * Returns the exit code. A difference that was found is certain, so it goes before what could not be judged. What is
 * unknown is a failure, too.
 */
export function exitCodeOf(verification: Verification, isStrict: boolean): ExitCode {
  if (verification.interrupted) return ExitCode.interrupted;
  const totals = totalsOf(verification);
  // A point that the tracker should hold is missing there if it was refused or not sent yet, whatever the reason.
  if (totals.differences + totals.refused + totals.notYet > 0) return ExitCode.notMirrored;
  const isUnreadable = verification.troubled.some(({ why }) => why === 'unreadable');
  if (verification.obstacles.length > 0 || isUnreadable) return ExitCode.couldNotJudge;
  if (!isStrict) return ExitCode.done;
  const isStale = verification.troubled.some(({ why }) => why === 'stale');
  // A lane should not have what routes keep from it. Between two lanes, such points are still missing in the second
  // one.
  const left = verification.other === undefined ? 0 : sumOf(totals.absent.leftOut);
  const isWithout = sumOf(totals.absent.noPlace) + left > 0;
  if (totals.pendingBytes + totals.incompleteBytes > 0 || isStale || isWithout) return ExitCode.notMirrored;
  return verification.troubled.length > 0 ? ExitCode.couldNotJudge : ExitCode.done;
}
