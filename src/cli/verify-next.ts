import type { Totals, Verification } from '../verify/compare/index.ts';
import { commonWords, nextStep, type Situation, typedWords } from './next-step.ts';
import type { VerifyFlags } from './verify-flags.ts';

/** The request, and the facts about all lanes. */
export interface VerifyRequest {
  readonly roots: readonly string[];
  readonly flags: VerifyFlags;
  readonly program: string;
  /** The lane, if the command must name it. */
  readonly lane: string | undefined;
  /** True if at most one lane is behind. */
  readonly isOnePending: boolean;
}

/**
 * Returns the command to type now: it repairs the differences, brings pending data, or is useful when all is well.
 */
export function nextOfVerification(
  verification: Verification,
  totals: Totals,
  writer: string | undefined,
  typed: VerifyRequest,
): string | undefined {
  const { other, obstacles, troubled, damagedFiles } = verification;
  if (other !== undefined && !verification.interrupted) return undefined;
  const { roots, flags, program } = typed;
  const compared = comparedAs(verification, totals);
  // The report that this command would propose exists already: the rest must be repaired by hand.
  if (compared === 'cannotMend' && !verification.interrupted && flags.report !== undefined) return undefined;
  // `doctor` would find the tracker well: the remedy for such a run is next to the run.
  if (compared === 'unreachable' && obstacles.every(({ isAboutRun }) => isAboutRun === true)) return undefined;
  const isBehind = hasPending(totals) || isUnmirrored(obstacles);
  const lane = compared === 'same' && isBehind && !typed.isOnePending ? undefined : typed.lane;
  return nextStep(
    {
      typed: typedWords('verify', roots, { ...flags, repair: false, ...(lane === undefined ? {} : { lane: [lane] }) }),
      common: commonWords(flags),
      roots: rootsOf(verification, roots),
      given: roots,
      isInterrupted: verification.interrupted,
      // The process that writes to the store brings pending data, and a second one would be refused.
      isDriven: writer !== undefined,
      isShut: troubled.some(({ why }) => why === 'unreadable'),
      compared,
      // Data that can be mirrored comes first: damage may never end.
      damaged: isBehind ? [] : damagedFiles,
      hasPending: isBehind,
      lane,
      isLocalOnly: verification.lane === 'local',
      confirmed: 'that it is the same',
    },
    program,
  );
}

/** Returns the result of a comparison with the files, for the next step. */
export function comparedAs(
  { lane, repairs, obstacles }: Pick<Verification, 'lane' | 'repairs' | 'obstacles'>,
  totals: Totals,
): NonNullable<Situation['compared']> {
  if (repairs !== undefined && repairs.gaps + repairs.distrusted.length + repairs.artifacts + repairs.refused > 0) return 'repairNoted';
  if (totals.differences + totals.refused > 0) {
    // A second comparison shows the effect of a repair that was complete at once.
    if (repairs !== undefined) return repairs.listings + repairs.media > 0 ? 'repairLeft' : 'cannotMend';
    // A repair removes nothing from a tracker.
    return lane !== 'local' && totals.differences + totals.refused === totals.extra ? 'cannotMend' : 'differs';
  }
  return obstacles.length > 0 && !isUnmirrored(obstacles) ? 'unreachable' : 'same';
}

/** True if the only obstacle is that nothing was mirrored yet. */
export function isUnmirrored(obstacles: Verification['obstacles']): boolean {
  return obstacles.length > 0 && obstacles.every(({ isUnmirrored }) => isUnmirrored === true);
}

/** True if data is pending that a backfill can mirror. Damage needs another file. */
export function hasPending({ pendingBytes, incompleteBytes, damaged, unjudged }: Totals): boolean {
  return pendingBytes + incompleteBytes - damaged.before - damaged.behind + unjudged.stale > 0;
}

/** Returns the roots as the user typed them, or the paths where they were found. */
function rootsOf({ roots }: Verification, given: readonly string[]): readonly string[] {
  return given.length > 0 ? given : roots;
}
