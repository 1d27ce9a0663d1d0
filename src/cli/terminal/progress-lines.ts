import type { LaneProgress, Progress } from '../../status/index.ts';
import { fitText } from './fit-text.ts';
import { counted, formatBytes, formatCount, formatDuration, formatRate } from './format.ts';
import { visibleText } from './visible-text.ts';

/** How fast it goes; undefined where it is too early to tell. */
export interface Speed {
  readonly pointsPerSec: number | undefined;
  readonly bytesPerSec: number | undefined;
  readonly leftMs: number | undefined;
}

const BAR_WIDTH = 24;
const GAP = '  ';
const PHASES: Readonly<Record<Progress['phase'], string>> = {
  scanning: 'Scanning',
  mirroring: 'Mirroring',
  comparing: 'Comparing',
  draining: 'Finishing',
  done: 'Done',
};

/** The block for a terminal, each line at most `width` columns: what fits least is left out, numbers are never cut. */
export function progressLines(progress: Progress, speed: Speed, width: number): string[] {
  const { phase, files, runs } = progress;
  if (phase === 'scanning') return [joined([PHASES[phase], ...found(progress)], width)];
  const counts = [
    `${formatCount(files.done)} of ${counted(files.total, 'file')}`,
    `${formatCount(runs.done)} of ${counted(runs.total, 'run')}`,
  ];
  const lines = [
    joined([PHASES[phase], percentage(progress), bar(progress), amount(progress)], width),
    joined([points(progress), ...speeds(speed), ...damage(progress)], width),
    joined(counts, width),
  ];
  for (const lane of progress.lanes ?? []) lines.push(fitText(laneText(lane), width));
  if (progress.current !== '') lines.push(fitText(`now ${visibleText(progress.current)}`, width));
  return lines.filter((line) => line !== '');
}

/** The same in one line, for logs. */
export function progressLine(progress: Progress, speed: Speed): string {
  const { phase, files, current } = progress;
  if (phase === 'scanning') return `${PHASES[phase]}: ${found(progress).join(', ')}`;
  const parts = [
    `${percentage(progress).trim()}`,
    amount(progress),
    points(progress),
    ...speeds(speed),
    `${formatCount(files.done)} of ${counted(files.total, 'file')}`,
    ...damage(progress),
    ...(progress.lanes ?? []).map(laneText),
    ...(current === '' ? [] : [`now ${visibleText(current)}`]),
  ];
  return `${PHASES[phase]}: ${parts.join(', ')}`;
}

function laneText({ name, state, reason, points, lagBytes }: LaneProgress): string {
  const stand = state === 'active' ? (lagBytes > 0 ? `${formatBytes(lagBytes)} to go` : 'up to date') : `${state}: ${reason ?? ''}`;
  return visibleText(`${name}: ${formatCount(points)} points, ${stand}`);
}

function found({ files, bytes }: Progress): string[] {
  return [`${counted(files.total, 'file')} found`, formatBytes(bytes.total)];
}

/** A live file can grow past the total noted at its scan: a share is never more than 1, and only whole when all is read. */
function share({ bytes }: Progress): number {
  return bytes.total === 0 ? 1 : Math.min(1, bytes.read / bytes.total);
}

function percentage(progress: Progress): string {
  // Rounded down: 100 % is said when it is true.
  return `${(Math.floor(share(progress) * 1000) / 10).toFixed(1).padStart(5)} %`;
}

function bar(progress: Progress): string {
  const full = Math.floor(share(progress) * BAR_WIDTH);
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}]`;
}

function amount({ bytes }: Progress): string {
  return `${formatBytes(bytes.read)} of ${formatBytes(Math.max(bytes.total, bytes.read))}`;
}

function points(progress: Progress): string {
  return counted(progress.points, 'point');
}

function speeds({ pointsPerSec, bytesPerSec, leftMs }: Speed): string[] {
  return [
    ...(pointsPerSec === undefined ? [] : [formatRate(pointsPerSec, 'points')]),
    ...(bytesPerSec === undefined ? [] : [`${formatBytes(bytesPerSec)}/s`]),
    ...(leftMs === undefined ? [] : [`${formatDuration(leftMs)} left`]),
  ];
}

function damage({ damaged }: Progress): string[] {
  return damaged === 0 ? [] : [`${formatCount(damaged)} damaged`];
}

/** As many parts as fit, the first ones first; a part that does not fit is skipped, a shorter one after it may. */
function joined(parts: readonly string[], width: number): string {
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? part : line + GAP + part;
    if (longer.length <= width) line = longer;
  }
  return line;
}
