import { counted, formatBytes, formatCount, formatDuration, formatRate } from '../../format.ts';
import type { Progress } from '../../status/index.ts';
import { fitText } from './fit-text.ts';
import { laneShare, passParts, percentText } from './lane-line.ts';
import { visibleText } from './visible-text.ts';

/** The rate; undefined if it is too early to tell. */
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
  looking: 'Looking for data that never was in event files',
  draining: 'Finishing',
  done: 'Done',
};

/**
 * Returns the block for a terminal, each line at most `width` columns: parts that do not fit are left out, numbers
 * are never cut.
 */
export function progressLines(progress: Progress, speed: Speed, width: number): string[] {
  const { phase, files, runs, lanes = [] } = progress;
  if (phase === 'scanning') return [joined([PHASES[phase], ...found(progress)], width)];
  if (phase === 'looking') return [joined([PHASES[phase], ...looked(progress)], width), ...shown(silence(progress), width)];
  const counts = [
    `${formatCount(files.done)} of ${counted(files.total, 'file')}`,
    `${formatCount(runs.done)} of ${counted(runs.total, 'run')}`,
  ];
  const whole = share(progress);
  const lines = [
    joined([headOf(progress, whole), percentText(whole).padStart(7), bar(whole), ...(lanes.length > 0 ? [] : [amount(progress)])], width),
    ...(lanes.length > 0
      ? laneLines(progress, speed).map((parts) => fitText(joined(parts, width), width))
      : [joined([points(progress), ...speeds(speed), ...damage(progress)], width)]),
    joined([...counts, ...(lanes.length > 0 ? damage(progress) : [])], width),
  ];
  for (const line of shown(silence(progress), width)) lines.push(line);
  if (progress.current !== '') lines.push(fitText(`now ${visibleText(progress.current)}`, width));
  return lines.filter((line) => line !== '');
}

/** Returns the progress in one line, for logs. */
export function progressLine(progress: Progress, speed: Speed): string {
  const { phase, files, current, lanes = [] } = progress;
  if (phase === 'scanning') return `${PHASES[phase]}: ${found(progress).join(', ')}`;
  const silent = silence(progress);
  if (phase === 'looking') return `${PHASES[phase]}: ${[...looked(progress), ...(silent === undefined ? [] : [silent])].join(', ')}`;
  const whole = share(progress);
  const parts = [
    percentText(whole),
    ...(lanes.length > 0
      ? laneLines(progress, speed).map(([name = '', ...rest]) => `${name} ${rest.join(', ')}`)
      : [amount(progress), points(progress), ...speeds(speed)]),
    `${formatCount(files.done)} of ${counted(files.total, 'file')}`,
    ...damage(progress),
    ...(silent === undefined ? [] : [silent]),
    ...(current === '' ? [] : [`now ${visibleText(current)}`]),
  ];
  return `${headOf(progress, whole)}: ${parts.join(lanes.length > 0 ? '; ' : ', ')}`;
}

/** Returns a line in parts for each lane, its name first. */
function laneLines(progress: Progress, speed: Speed): string[][] {
  const { lanes = [], hasStore = false } = progress;
  const isThere = progress.bytes.read >= progress.bytes.total;
  const done = percentText(storeShare(progress));
  const store = isThere ? ['up to date', points(progress)] : [done, amount(progress), points(progress), ...speeds(speed)];
  return [...(hasStore ? [['local:', ...store]] : []), ...lanes.map((lane) => [`${visibleText(lane.name)}:`, ...passParts(lane)])];
}

/**
 * Returns the head of the block. With trackers, a store that is at its end is not the end of the pass; nor is it the
 * end when all points are there, but files are not.
 */
function headOf({ phase, lanes = [] }: Progress, whole: number): string {
  if (lanes.length === 0 || (phase !== 'mirroring' && phase !== 'draining')) return PHASES[phase];
  return whole === 1 ? PHASES.draining : PHASES.mirroring;
}

/** Describes a tracker that does not answer. */
function silence({ unanswered }: Progress): string | undefined {
  return unanswered === undefined ? undefined : `${visibleText(unanswered.lane)}: ${unanswered.words}`;
}

function shown(line: string | undefined, width: number): string[] {
  return line === undefined ? [] : [fitText(line, width)];
}

function looked({ runs, found: things = 0 }: Progress): string[] {
  return [`${formatCount(runs.done)} of ${counted(runs.total, 'run')}`, `${formatCount(things)} found`];
}

function found({ files, bytes }: Progress): string[] {
  return [`${counted(files.total, 'file')} found`, formatBytes(bytes.total)];
}

/** Returns the progress of the lane that is furthest behind: a pass is over when all are at the end. */
function share(progress: Progress): number {
  const { lanes = [], hasStore = false } = progress;
  const own = lanes.length === 0 || hasStore ? [storeShare(progress)] : [];
  return [...own, ...lanes.map(laneShare)].reduce((least, each) => Math.min(least, each), 1);
}

/**
 * Returns the progress of the store. A live file can grow past the total noted at its scan: a share is never more
 * than 1, and only 1 when everything is read.
 */
function storeShare({ bytes }: Progress): number {
  return bytes.total === 0 ? 1 : Math.min(1, bytes.read / bytes.total);
}

function bar(whole: number): string {
  const full = Math.floor(whole * BAR_WIDTH);
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

/**
 * Joins as many parts as fit, the first ones first; a part that does not fit is skipped, and a shorter one after it
 * may fit.
 */
function joined(parts: readonly string[], width: number): string {
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? part : line + GAP + part;
    if (longer.length <= width) line = longer;
  }
  return line;
}
