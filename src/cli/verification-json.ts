import type { Json, RunRef } from '../model/index.ts';
import { type Difference, equalOf, kindSums, sumOf, type Totals, type Verification } from '../verify/compare/index.ts';

/** Returns one line of `--report`. docs/verify.md describes it: fields may be added, none change their meaning. */
export function differenceJson(difference: Difference, lane: string, other?: string): Json {
  const { kind, run, tag } = difference;
  const base = { kind, lane, ...(other === undefined ? {} : { other }), root: run.root, run: run.path, tag: tag ?? null };
  switch (difference.kind) {
    case 'media':
      return { ...base, path: difference.path, mine: difference.mine, theirs: difference.theirs ?? null };
    case 'artifact': {
      const { what, name, mine, theirs, refused } = difference;
      return { ...base, what, name, mine, theirs: theirs ?? null, ...(refused === undefined ? {} : { refused }) };
    }
    case 'listing':
      return { ...base, field: difference.field, mine: difference.mine, theirs: difference.theirs };
    default: {
      const { step, wallTime, position, mine, theirs, theirStep, theirWallTime } = difference;
      return {
        ...base,
        step,
        wall_time: wallTime,
        file: position?.file ?? null,
        offset: position?.offset ?? null,
        index: position?.index ?? null,
        mine: mine ?? null,
        theirs: theirs ?? null,
        ...(theirStep === undefined ? {} : { their_step: theirStep }),
        ...(theirWallTime === undefined ? {} : { their_wall_time: theirWallTime }),
      };
    }
  }
}

/** Returns the summary for `--json`. */
export function verificationJson(
  verification: Verification,
  totals: Totals,
  { next, writer, exitCode }: { readonly next: string | undefined; readonly writer: string | undefined; readonly exitCode: number },
): Json {
  const { repairs, sample } = verification;
  const runOf = (run: RunRef): { root: string; run: string } => ({ root: run.root, run: run.path });
  return {
    type: 'verification',
    lane: verification.lane,
    other: verification.other ?? null,
    where: verification.where,
    interrupted: verification.interrupted,
    exit_code: exitCode,
    differences: totals.differences,
    sample: sample === undefined ? null : { percent: sample.percent, seed: sample.seed },
    totals: totalsJson(totals),
    runs: verification.runs.map((run) => ({ ...runOf(run.run), ...counts(run) })),
    files_not_compared: verification.troubled.map(({ run, file, why, reason }) => ({ ...runOf(run), file, why, reason: reason ?? null })),
    could_not_judge: verification.obstacles.map(({ what, reason }) => ({ what, reason })),
    repair:
      repairs === undefined
        ? null
        : {
            gaps: repairs.gaps,
            missing_points: repairs.missingPoints,
            refused_points: repairs.refused,
            files_to_resend: repairs.distrusted.map(({ run, file }) => ({ ...runOf(run), file })),
            listings: repairs.listings,
            media: repairs.media,
            artifacts: repairs.artifacts,
            left: repairs.left.map(({ what, reason }) => ({ what, reason })),
          },
    writer: writer ?? null,
    next: next ?? null,
    elapsed_ms: verification.elapsedMs,
  };
}

/** Returns the sums of a verification. */
export function totalsJson(totals: Totals): Json {
  return { runs: totals.runs, ...counts(totals) };
}

function counts(of: Omit<Totals, 'runs' | 'differences'>): { [field: string]: Json } {
  return {
    points: of.points,
    equal: equalOf(of),
    missing: of.missing,
    extra: of.extra,
    changed: of.changed,
    allowed: of.allowed,
    allowed_by: {
      step: of.losses.step,
      time: of.losses.time,
      value: of.losses.value,
      not_held: of.losses.notHeld,
      merged: of.losses.merged,
    },
    absent: absentWithoutDifference(of),
    absent_by: {
      no_place: sumOf(of.absent.noPlace),
      left_out: sumOf(of.absent.leftOut),
      refused: sumOf(of.absent.refused),
      pending: sumOf(of.absent.pending),
      gone: sumOf(of.absent.gone),
      foreign: sumOf(of.absent.foreign),
    },
    refused: of.refused,
    unsupported: of.unsupported,
    left_out: of.leftOut,
    not_yet: of.notYet,
    pending_bytes: of.pendingBytes,
    incomplete_bytes: of.incompleteBytes,
    damaged_bytes: of.damaged.before + of.damaged.behind,
    listing: of.listing,
    media: { ...of.media },
    artifacts: { ...of.artifacts },
    points_not_judged: { ...of.unjudged },
  };
}

/** Returns the absent points by kind, without those that no file holds any more: these are a difference. */
function absentWithoutDifference({ absent: { gone: _, foreign: __, ...others } }: Pick<Totals, 'absent'>): Record<string, number> {
  return kindSums(Object.values(others));
}
