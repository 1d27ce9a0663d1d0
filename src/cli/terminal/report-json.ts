import { isPending } from '../../model/index.ts';
import type { FoundDamage, LaneReport, Report, RunReport } from '../../status/index.ts';

/** Returns the report for `--json`. docs/commands.md describes it: fields may be added, none change their meaning. */
export function reportJson(report: Report): Record<string, unknown> {
  const { totals } = report;
  return {
    type: 'summary',
    interrupted: report.interrupted,
    elapsed_ms: report.elapsedMs,
    totals: {
      runs: totals.runs,
      files: totals.files,
      files_unchanged: totals.filesUnchanged,
      bytes: totals.bytes,
      bytes_read: totals.bytesRead,
      records: totals.records,
      new_points: totals.newPoints,
      new_points_by_kind: { ...totals.newPointsByKind },
      points_before: totals.pointsBefore,
      files_gone: totals.filesGone,
    },
    runs: report.runs.map(runJson),
    damage: report.damage.map(damageJson),
    incidents: report.incidents.map(({ kind, root, path, reason }) => ({ kind, root, path, ...(reason === undefined ? {} : { reason }) })),
    lanes: report.lanes.map(laneJson),
    stores: report.stores.map(({ lane, where, bytes }) => ({ lane, where, bytes })),
  };
}

function laneJson(lane: LaneReport): Record<string, unknown> {
  return {
    name: lane.name,
    type: lane.type,
    where: lane.where,
    state: lane.state,
    reason: lane.reason ?? null,
    remedy: lane.remedy ?? null,
    new_points: lane.points,
    refused: lane.refused,
    refused_in_all: lane.refusedInAll,
    refusal: lane.refusal ?? null,
    refused_files: lane.refusedFiles.map(refusedFileJson),
    unsupported_files: lane.unsupportedFiles.map(refusedFileJson),
    unsupported: lane.unsupported,
    left_out: lane.leftOut,
    pending_bytes: lane.pendingBytes,
    stopped_runs: lane.stoppedRuns.map(({ run, reason, remedy }) => ({ root: run.root, run: run.path, reason, remedy: remedy ?? null })),
    links: lane.links.map(({ run, url }) => ({ root: run.root, run: run.path, url })),
  };
}

/** Returns an artifact or a param file that a tracker refused. */
export function refusedFileJson({ run, path, reason }: LaneReport['refusedFiles'][number]): Record<string, unknown> {
  return { root: run.root, run: run.path, path, reason };
}

function runJson({ run, files, tags, newPoints, pointsBefore, bytes, lastStep }: RunReport): Record<string, unknown> {
  return {
    root: run.root,
    run: run.path,
    files,
    tags,
    new_points_by_kind: { ...newPoints },
    points_before: pointsBefore,
    bytes,
    // Readers of JSON take large integers as doubles; every digit arrives only as text.
    last_step: typeof lastStep === 'bigint' ? String(lastStep) : lastStep,
  };
}

function damageJson(damage: FoundDamage): Record<string, unknown> {
  const { run, file, start, end, reason, detail, needs } = damage;
  return {
    root: run.root,
    run: run.path,
    file,
    start,
    end,
    bytes: end - start,
    reason,
    ...(detail === undefined ? {} : { detail }),
    ...(needs === undefined ? {} : { needs }),
    pending: isPending(damage),
  };
}
