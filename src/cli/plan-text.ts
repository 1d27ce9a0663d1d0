import { runLabel } from '../model/index.ts';
import type { LanePlan, LossReason, Plan } from '../overview/index.ts';
import { textWidth } from '../text-width.ts';
import {
  counted,
  firstFew,
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  obstacleText,
  renderTable,
  visibleText,
  wrapText,
} from './terminal/index.ts';

const MOST_RUNS = 30;

/** Returns a plan for programs. */
export function planJson({ store, runs, lanes, obstacles }: Plan): object {
  return {
    type: 'plan',
    store: store === undefined ? null : { path: store.path, exists: store.exists },
    totals: {
      runs: runs.length,
      files: runs.reduce((sum, run) => sum + run.files, 0),
      bytes_to_read: runs.reduce((sum, run) => sum + run.bytesToRead, 0),
    },
    runs: runs.map(({ run, files, newFiles, changedFiles, bytes, bytesToRead }) => ({
      root: run.root,
      run: run.path,
      files,
      new_files: newFiles,
      changed_files: changedFiles,
      bytes,
      bytes_to_read: bytesToRead,
    })),
    lanes: lanes.map((lane) => ({
      name: lane.name,
      type: lane.type,
      where: lane.where,
      runs: lane.runs,
      runs_to_open: lane.runsToOpen,
      bytes: lane.bytes,
      points: lane.points,
      points_left_out: lane.leftOut,
      estimated: lane.isEstimated,
      sends: lane.sends,
      losses: lane.losses,
      last_points_per_second: lane.pace?.points ?? null,
      takes_seconds: lane.takesMs === undefined ? null : lane.takesMs / 1000,
    })),
    obstacles,
  };
}

/** Returns a plan for people. */
export function renderPlan({ runs, store, lanes, obstacles }: Plan, width: number | undefined): string {
  const toRead = runs.reduce((sum, run) => sum + run.bytesToRead, 0);
  const files = runs.reduce((sum, run) => sum + run.files, 0);
  const newFiles = runs.reduce((sum, run) => sum + run.newFiles, 0);
  const changed = runs.reduce((sum, run) => sum + run.changedFiles, 0);
  const shown = runs.filter((run) => run.bytesToRead > 0).slice(0, MOST_RUNS);
  const table = renderTable({
    columns: [
      { title: 'Run' },
      { title: 'Files', align: 'right' },
      { title: 'Size', align: 'right' },
      { title: 'To read', align: 'right' },
    ],
    rows: shown.map((run) => [runLabel(run.run), formatCount(run.files), formatBytes(run.bytes), formatBytes(run.bytesToRead)]),
    width,
  });
  const losses = lanes.flatMap(lossLines);
  const lines = [
    ...(shown.length > 0 ? [table, ''] : []),
    ...[
      `Would read ${formatBytes(toRead)} of ${counted(files, 'file')} (${formatCount(newFiles)} new, ` +
        `${formatCount(changed)} changed) of ${counted(runs.length, 'run')}`,
      'Nothing was written, and no tracker was contacted.',
    ].map((line) => wrapText(line, width, 2)),
    ...(lanes.length === 0 ? [] : ['', lanesText(lanes, store?.exists === true, width)]),
    ...(losses.length === 0 ? [] : ['', ...losses.map((line) => wrapText(line, width, 2))]),
    ...firstFew(obstacles.map((obstacle) => obstacleText({ ...obstacle, path: `${obstacle.root}/${obstacle.path}` }))).map((line) =>
      wrapText(line.trimStart(), width, 2),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

/** Returns a table of the lanes; if it would be too wide, their targets are below it. */
function lanesText(lanes: readonly LanePlan[], hasStore: boolean, width: number | undefined): string {
  const where = (lane: LanePlan): string => `${lane.type === 'local' && !hasStore ? 'a new store ' : ''}${lane.where}`;
  const wide = laneTable(lanes, (lane) => `${lane.name} (${where(lane)})`, undefined);
  if (width === undefined || wide.split('\n').every((line) => textWidth(line) <= width)) return wide;
  return laneTable(
    lanes,
    ({ name }) => name,
    width,
    lanes.map((lane) => `${lane.name}: ${where(lane)}`),
  );
}

function laneTable(
  lanes: readonly LanePlan[],
  nameOf: (lane: LanePlan) => string,
  width: number | undefined,
  below: readonly string[] = [],
): string {
  return renderTable({
    columns: [
      { title: 'Lane' },
      { title: 'Runs', align: 'right' },
      { title: 'to create', align: 'right' },
      { title: 'Points', align: 'right' },
      { title: 'Sends', align: 'right' },
      { title: 'takes about' },
    ],
    below,
    rows: lanes.map((lane) => [
      nameOf(lane),
      formatCount(lane.runs),
      formatCount(lane.runsToOpen),
      `${lane.isEstimated ? '~' : ''}${formatCount(lane.points)}`,
      lane.type === 'local' ? '-' : formatCount(lane.sends),
      takesText(lane),
    ]),
    width,
  });
}

function takesText({ bytes, pace, takesMs }: LanePlan): string {
  if (bytes === 0) return '-';
  if (takesMs !== undefined && pace !== undefined) return `${formatDuration(takesMs)}, by its last ${formatRate(pace.points, 'points')}`;
  return 'unknown, no rate measured yet';
}

const LOSSES: Readonly<Record<LossReason, string>> = {
  none: 'not stored',
  artifact: 'stored as artifacts, not as values',
  time: 'with wall times rounded to the millisecond',
  nan: 'that are NaN, which is not stored as a value',
  infinity: 'that are infinite, which is not stored as a value',
  wideInteger: 'that are large integers, rounded to a double',
  negativeZero: 'that are minus zero, which becomes zero',
};

function lossLines({ name, losses, leftOut }: LanePlan): string[] {
  const lines = losses.map(({ reason, kind, points }) => `${counted(points, 'point')} of ${kindWord(kind)} ${LOSSES[reason]}`);
  if (leftOut > 0) lines.push(`${counted(leftOut, 'point')} excluded by routes`);
  return lines.map((line) => `${visibleText(name)}: ${line}`);
}

function kindWord(kind: string): string {
  return visibleText(kind === 'other' ? 'other kinds' : kind.replaceAll('_', ' '));
}
