import { counted, formatBytes, formatCount, formatDuration, formatRate, formatStep } from '../../format.ts';
import { compareNames, isPending, runLabel } from '../../model/index.ts';
import type { FoundDamage, LaneReport, Report, RunReport } from '../../status/index.ts';
import { wrapText } from '../../wrap-text.ts';
import { nextLine } from './next-line.ts';
import { damageBytes, damageText, incidentText } from './plain-words.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';
import { visibleText } from './visible-text.ts';

/** The layout of a summary. */
interface ReportOptions {
  /** The columns of the terminal; no limit if missing. */
  readonly width?: number | undefined;
  readonly style: Style;
  /** A command that is useful now; it becomes the last line. */
  readonly next?: string;
  /** The runs and files that globs exclude, if nothing was found that is included. */
  readonly leftOut?: { readonly runs: number; readonly files: number } | undefined;
}

const MOST_RUNS = 30;
const MOST_PLACES = 20;
const MOST_LINKS = 5;

/** Returns the result of a pass, as lines for a person, ending in a line end. */
export function renderReport(report: Report, options: ReportOptions): string {
  const { style } = options;
  const sections = [
    runTable(report, options),
    totals(report, options),
    places(
      'Damage',
      style.red,
      'not readable as records',
      report.damage.filter((damage) => !isPending(damage)),
      damageText,
    ),
    places('Waiting', style.dim, 'incomplete, which is normal while a writer is running', report.damage.filter(isPending), damageText),
    incidents(report, style),
    lanes(report, style),
    closing(report, options),
  ];
  const { next, width } = options;
  const paragraphs = sections.filter((section) => section !== '').map((section) => wrapText(section, width, 2));
  return `${paragraphs.join('\n\n')}${next === undefined ? '' : `\n${nextLine(next, style)}`}\n`;
}

function runTable({ runs }: Report, { width, style }: ReportOptions): string {
  if (runs.length === 0) return '';
  const hasBefore = runs.some((run) => run.pointsBefore > 0);
  const columns: Column[] = [
    { title: 'Run' },
    { title: 'Tags', align: 'right' },
    { title: 'New points', align: 'right' },
    ...(hasBefore ? [{ title: 'Already there', align: 'right' } as const] : []),
    { title: 'Last step', align: 'right' },
    { title: 'Files', align: 'right' },
  ];
  const rows = biggest(runs).map((run) => [
    runLabel(run.run),
    formatCount(run.tags),
    formatCount(newPointsOf(run)),
    ...(hasBefore ? [formatCount(run.pointsBefore)] : []),
    formatStep(run.lastStep),
    formatCount(run.files),
  ]);
  const table = renderTable({ columns, rows, width, style });
  const more = runs.length - rows.length;
  return more === 0 ? table : `${table}\n… and ${counted(more, 'more run')}`;
}

/** Returns the runs with the most data, in the order of their names. */
function biggest(runs: readonly RunReport[]): readonly RunReport[] {
  const bySize = runs.toSorted((a, b) => newPointsOf(b) - newPointsOf(a) || b.pointsBefore - a.pointsBefore || b.bytes - a.bytes);
  return bySize.slice(0, MOST_RUNS).sort((a, b) => compareNames(a.run.root, b.run.root) || compareNames(a.run.path, b.run.path));
}

function newPointsOf(run: RunReport): number {
  return Object.values(run.newPoints).reduce((sum, count) => sum + count, 0);
}

function totals({ totals: t }: Report, { style, leftOut }: ReportOptions): string {
  const nothing =
    leftOut === undefined
      ? 'No event files were found.'
      : `Nothing to mirror: include, exclude and ignore skip ` +
        `${leftOut.runs === 1 ? 'the only run' : `all ${counted(leftOut.runs, 'run')}`} (${counted(leftOut.files, 'file')}).`;
  if (t.files === 0 && t.filesGone === 0) return nothing;
  const unchanged = t.filesUnchanged === 0 ? '' : ` (${formatCount(t.filesUnchanged)} unchanged)`;
  const lines = [
    style.bold(`${counted(t.newPoints, 'new point')}${kinds(t.newPointsByKind)}`),
    ...(t.filesGone === 0
      ? []
      : [`${counted(t.filesGone, 'file')} mirrored earlier no longer ${t.filesGone === 1 ? 'exists' : 'exist'}; the points are kept`]),
    ...(t.pointsBefore === 0 ? [] : [`${counted(t.pointsBefore, 'point')} already there`]),
    `${counted(t.runs, 'run')}, ${counted(t.files, 'file')}${unchanged}, ${formatBytes(t.bytes)}; read in this pass: ` +
      `${counted(t.records, 'record')}, ${formatBytes(t.bytesRead)}`,
  ];
  return lines.join('\n');
}

function kinds(byKind: Readonly<Record<string, number>>): string {
  const known = Object.entries(byKind).filter(([, count]) => count > 0);
  const last = (kind: string): number => (kind === 'other' ? 1 : 0);
  known.sort(([a, x], [b, y]) => last(a) - last(b) || y - x || compareNames(a, b));
  return known.length === 0 ? '' : `: ${known.map(([kind, count]) => `${visibleText(kind)} ${formatCount(count)}`).join(', ')}`;
}

function places(
  title: string,
  color: (text: string) => string,
  meaning: string,
  damage: readonly FoundDamage[],
  text: (damage: FoundDamage) => string,
): string {
  if (damage.length === 0) return '';
  const known = damage.filter((item) => damageBytes(item) !== undefined);
  const bytes = known.reduce((sum, { start, end }) => sum + end - start, 0);
  const head = `${title}: ${counted(damage.length, 'place')}${known.length === 0 ? '' : `, ${formatBytes(bytes)}`}: ${meaning}`;
  return [color(head), ...firstFew(damage.map(text))].join('\n');
}

function incidents(report: Report, style: Style): string {
  if (report.incidents.length === 0) return '';
  return [style.yellow('Incidents:'), ...firstFew(report.incidents.map(incidentText))].join('\n');
}

const STATES: Readonly<Record<LaneReport['state'], string>> = {
  done: 'up to date',
  incomplete: 'up to date except for some runs',
  parked: 'parked',
  paused: 'paused',
  stuck: 'no progress',
  interrupted: 'interrupted',
};

/** Returns the lanes of trackers: the data that they accepted, and why they are blocked. */
function lanes(report: Report, style: Style): string {
  return report.lanes.map((lane) => laneLines(lane, style).join('\n')).join('\n');
}

function laneLines(lane: LaneReport, style: Style): string[] {
  const {
    name,
    where,
    state,
    points,
    refused,
    refusedInAll,
    refusedFiles,
    unsupportedFiles,
    unsupported,
    leftOut,
    pendingBytes,
    reason,
    remedy,
    refusal,
    stoppedRuns,
    links,
  } = lane;
  const facts = [
    counted(points, 'new point'),
    ...(refused > 0 ? [`${formatCount(refused)} refused`] : []),
    ...(refusedInAll > refused ? [`${formatCount(refusedInAll - refused)} refused earlier`] : []),
    ...(refusedFiles.length > 0 ? [`${counted(refusedFiles.length, 'artifact')} refused`] : []),
    ...(unsupportedFiles.length > 0 ? [`${counted(unsupportedFiles.length, 'artifact')} unsupported`] : []),
    ...(unsupported > 0 ? [`${formatCount(unsupported)} unsupported`] : []),
    ...(leftOut > 0 ? [`${formatCount(leftOut)} excluded by routes`] : []),
    ...(pendingBytes > 0 ? [`${formatBytes(pendingBytes)} pending`] : []),
  ];
  const head = `Lane ${visibleText(name)} (${visibleText(where)}): ${STATES[state]}, ${facts.join(', ')}`;
  return [
    state === 'done' && refusedInAll + refusedFiles.length === 0 ? head : style.yellow(head),
    ...(reason === undefined ? [] : [`  ${visibleText(reason)}`]),
    ...(remedy === undefined ? [] : [`  ${visibleText(remedy)}`]),
    ...(refusal === undefined ? [] : [`  refused: ${visibleText(refusal)}`]),
    ...firstFew(refusedFiles.map(refusedFileText)),
    ...firstFew(unsupportedFiles.map(unsupportedFileText)),
    ...firstFew(stoppedRuns.map(({ run, reason: why }) => `${runLabel(run)}: ${visibleText(why)}`)),
    // Many runs mostly have the same remedy.
    ...firstFew([
      ...new Set(stoppedRuns.flatMap(({ remedy: what }) => (what === undefined || what === remedy ? [] : [visibleText(what)]))),
    ]),
    ...links.slice(0, MOST_LINKS).map(({ run, url }) => `  ${visibleText(runLabel(run))}: ${visibleText(url)}`),
    ...(links.length > MOST_LINKS ? [`  … and ${counted(links.length - MOST_LINKS, 'more run')} (--json has all links)`] : []),
  ];
}

/** Describes an artifact or a param file that a tracker refused, and the reason. */
export function refusedFileText({ run, path, reason }: LaneReport['refusedFiles'][number]): string {
  return visibleText(`${runLabel(run)}/${path} refused: ${reason}`);
}

/** Describes a file, or something made from it, that a tracker cannot store. */
export function unsupportedFileText({ run, path, reason }: LaneReport['unsupportedFiles'][number]): string {
  return visibleText(`${runLabel(run)}/${path}: ${reason}`);
}

/** Returns as many lines as a person reads, and how many more there are. */
export function firstFew(lines: readonly string[]): string[] {
  const shown = lines.slice(0, MOST_PLACES).map((line) => `  ${line}`);
  return lines.length === shown.length ? shown : [...shown, `  … and ${formatCount(lines.length - shown.length)} more`];
}

function closing(report: Report, { style }: ReportOptions): string {
  const { totals: t, elapsedMs, interrupted } = report;
  const lines: string[] = [];
  const seconds = elapsedMs / 1000;
  const rates =
    seconds > 0 && t.newPoints > 0 ? `: ${formatRate(t.newPoints / seconds, 'points')}, ${formatBytes(t.bytesRead / seconds)}/s` : '';
  if (interrupted) {
    const kept = t.newPoints === 1 ? 'the new point above is' : `the ${formatCount(t.newPoints)} new points above are`;
    lines.push(
      style.yellow(`Interrupted: ${t.newPoints === 0 ? 'nothing new was read yet' : `${kept} kept`}; run the same command to resume.`),
    );
  }
  lines.push(`Took ${formatDuration(elapsedMs)}${rates}`);
  for (const { lane, where, bytes } of report.stores) {
    lines.push(`Store ${visibleText(lane)}: ${visibleText(where)} (${formatBytes(bytes)})`);
  }
  return lines.join('\n');
}
