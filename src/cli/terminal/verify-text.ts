import { compareNames, jsonText, type RunRef, runLabel } from '../../model/index.ts';
import type {
  Absence,
  BesideCounts,
  BesideDifference,
  Difference,
  MediaCounts,
  RunVerdict,
  Totals,
  Verification,
} from '../../verify/compare/index.ts';
import { wrapText } from '../../wrap-text.ts';
import { counted, formatBytes, formatCount, formatDuration, formatRate } from './format.ts';
import { nextLine } from './next-line.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';
import { visibleText } from './visible-text.ts';

/** What the text of a verification is made from. */
export interface VerificationText {
  readonly totals: Totals;
  /** The first differences that were found. */
  readonly examples: readonly Difference[];
  /** The lane, where it is not plain which one is meant. */
  readonly head?: string | undefined;
  readonly width?: number | undefined;
  readonly style: Style;
  /** A word on what to do, before the command. */
  readonly note?: string | undefined;
  /** A command that is of use now; it becomes the last line. */
  readonly next?: string | undefined;
}

const MOST_RUNS = 30;
const MOST_LINES = 20;

/** What a verification came to, as lines for a person, ending in a line end. */
export function renderVerification(verification: Verification, text: VerificationText): string {
  const { style } = text;
  const sections = [
    text.head === undefined ? '' : style.bold(visibleText(text.head)),
    runTable(verification, text),
    list(style.red('Differences:'), text.examples.map(differenceText), text.totals.differences - text.examples.length),
    list(
      style.yellow('Not compared:'),
      verification.troubled.map(
        ({ run, file, why, reason }) => `${visibleText(`${runLabel(run)}/${file}`)}: ${WHY[why]}${because(reason)}`,
      ),
    ),
    list(
      style.red('Could not be judged:'),
      verification.obstacles.map(({ what, reason }) => visibleText(`${what}: ${reason}`)),
    ),
    repairs(verification, style),
    closing(verification, text),
  ];
  const { next, width } = text;
  const said = sections.filter((section) => section !== '').map((section) => wrapText(section, width, 2));
  return `${said.join('\n\n')}${next === undefined ? '' : `\n${nextLine(next, style)}`}\n`;
}

const WHY = {
  gone: 'what was mirrored of it is no longer there',
  replaced: 'it held something else when that was mirrored',
  stale: 'the file is owed a new pass',
  unreadable: 'the file cannot be read',
} as const;

function because(reason: string | undefined): string {
  return reason === undefined ? '' : ` (${visibleText(reason)})`;
}

function runTable({ runs }: Verification, { totals, width, style }: VerificationText): string {
  if (runs.length === 0) return '';
  const { refused, unsupported, leftOut, notYet } = totals;
  // Columns that nearly always are empty: the table has to fit into a terminal.
  const rare = [
    ...(refused > 0 ? (['refused'] as const) : []),
    ...(unsupported > 0 ? (['unsupported'] as const) : []),
    ...(leftOut > 0 ? (['leftOut'] as const) : []),
    ...(notYet > 0 ? (['notYet'] as const) : []),
  ];
  const rareTitles = rare.map((name) => ({ refused: 'Refused', unsupported: 'Unsupported', leftOut: 'Left out', notYet: 'Not yet' })[name]);
  const columns: Column[] = [
    { title: 'Run' },
    ...['Points', 'Equal'].map((title) => ({ title, align: 'right' }) as const),
    ...['Missing', 'Extra', 'Changed', 'Allowed', ...rareTitles, 'Owed', 'Pending'].map(
      (title) => ({ title, align: 'right', isSpare: true }) as const,
    ),
  ];
  const cells = (run: Omit<RunVerdict, 'run' | 'unjudged' | 'media' | 'beside'>): string[] => [
    formatCount(run.points),
    formatCount(run.points - run.missing - run.changed - run.allowed - run.refused - run.unsupported - run.notYet),
    formatCount(run.missing),
    formatCount(run.extra),
    formatCount(run.changed),
    formatCount(run.allowed),
    ...rare.map((name) => formatCount(run[name])),
    formatBytes(run.owedBytes),
    formatBytes(run.pendingBytes),
  ];
  const shown = worst(runs);
  const rows = shown.map((run) => [runLabel(run.run), ...cells(run)]);
  if (runs.length > 1) rows.push(['all runs', ...cells(totals)]);
  const table = renderTable({ columns, rows, width, style });
  return shown.length === runs.length ? table : `${table}\n… and ${counted(runs.length - shown.length, 'more run')}`;
}

/** The runs with most to tell, in the order of their names. */
function worst(runs: readonly RunVerdict[]): readonly RunVerdict[] {
  const weight = ({ missing, extra, changed, listing, media, beside }: RunVerdict): number =>
    missing + extra + changed + listing + media.missing + media.changed + beside.missing + beside.changed + beside.refused;
  return runs
    .toSorted((a, b) => weight(b) - weight(a) || b.owedBytes + b.pendingBytes - a.owedBytes - a.pendingBytes || b.points - a.points)
    .slice(0, MOST_RUNS)
    .sort((a, b) => compareNames(a.run.root, b.run.root) || compareNames(a.run.path, b.run.path));
}

function differenceText(difference: Difference): string {
  const { run, tag, kind } = difference;
  const where = `${kind}: ${seriesLabel(run, tag)}`;
  switch (difference.kind) {
    case 'media':
      return `${where}, media ${visibleText(difference.path)}: ${difference.theirs === undefined ? 'there is no such file' : 'other bytes'}`;
    case 'beside':
      return `${where}, ${difference.what} ${visibleText(difference.name)}: ${besideText(difference)}`;
    case 'listing':
      return `${where}, ${difference.field}: the points say ${number(difference.mine)}, the listing ${number(difference.theirs)}`;
    default: {
      const { step, place, mine, theirs, theirStep, theirWallTime } = difference;
      const at = place === undefined ? '' : `, ${visibleText(place.file)} offset ${place.offset}`;
      const also = [
        ...(theirStep === undefined ? [] : [`step ${theirStep}`]),
        ...(theirWallTime === undefined ? [] : [`wall time ${number(theirWallTime)}`]),
      ];
      const there = [valueText(theirs), ...also].join(', ');
      if (kind === 'missing') return `${where} step ${step}${at}: ${valueText(mine)}`;
      if (kind === 'extra') return `${where} step ${step}${at}: ${valueText(theirs)}`;
      return `${where} step ${step}${at}: the file has ${valueText(mine)}, the lane ${there}`;
    }
  }
}

function besideText({ theirs, refused }: BesideDifference): string {
  if (refused !== undefined) return visibleText(`refused: ${refused}`);
  return theirs === undefined ? 'it is not there' : `there is ${valueText(theirs)}`;
}

function seriesLabel(run: RunRef, tag: string | undefined): string {
  return visibleText(tag === undefined ? runLabel(run) : `${runLabel(run)} ${tag}`);
}

const MOST_VALUE = 60;

function valueText(value: number | bigint | string | undefined): string {
  if (value === undefined) return 'nothing';
  if (typeof value !== 'string') return number(value);
  return visibleText(value.length > MOST_VALUE ? `${value.slice(0, MOST_VALUE)}…` : value);
}

function number(x: number | bigint | null): string {
  return typeof x === 'bigint' ? String(x) : x === null ? 'none' : jsonText(x).replaceAll('"', '');
}

function list(head: string, lines: readonly string[], unknown = 0): string {
  if (lines.length === 0) return '';
  const shown = lines.slice(0, MOST_LINES).map((line) => `  ${line}`);
  const more = lines.length - shown.length + unknown;
  return [head, ...shown, ...(more > 0 ? [`  … and ${formatCount(more)} more`] : [])].join('\n');
}

function repairs({ repairs: done }: Verification, style: Style): string {
  if (done === undefined) return '';
  const lines = [
    ...(done.gaps === 0 ? [] : [`${counted(done.gaps, 'byte range')} noted as owed; the next backfill brings the points`]),
    ...(done.refused === 0 ? [] : [`${counted(done.refused, 'refused point')} among them: the tracker is asked again`]),
    ...done.distrusted.map(({ run, file }) => visibleText(`${runLabel(run)}/${file} will be mirrored anew by the next backfill`)),
    ...(done.listings === 0 ? [] : [`${counted(done.listings, 'listing')} counted anew`]),
    ...(done.media === 0 ? [] : [`${counted(done.media, 'media file')} written anew`]),
    ...(done.beside === 0
      ? []
      : [
          `${counted(done.beside, 'file')} beside the event files noted as not sent; the next backfill sends what ${done.beside === 1 ? 'it holds' : 'they hold'}`,
        ]),
    ...done.left.map(({ what, reason }) => style.red(visibleText(`${what} is left as it is: ${reason}`))),
  ];
  return list(style.bold('Repair:'), lines.length === 0 ? ['nothing to mend'] : lines);
}

function closing(verification: Verification, { totals, style, note }: VerificationText): string {
  const { sample, elapsedMs, interrupted, bytes } = verification;
  const lines: string[] = [];
  if (interrupted) lines.push(style.yellow('Interrupted: what was not compared yet is not in these numbers.'));
  if (sample !== undefined) lines.push(`A sample: ${sample.percent} % of the series, seed ${visibleText(sample.seed)}`);
  const { gone, replaced, stale, unreadable } = totals.unjudged;
  if (gone > 0) lines.push(`${counted(gone, 'point')} of files that are gone or were cut: nobody can judge ${gone === 1 ? 'it' : 'them'}`);
  if (replaced > 0)
    lines.push(
      `${counted(replaced, 'point')} that ${replaced === 1 ? 'is' : 'are'} there beside what the files hold, since files were replaced: nobody can judge ${replaced === 1 ? 'it' : 'them'}`,
    );
  if (stale + unreadable > 0) lines.push(`${counted(stale + unreadable, 'point')} of files that can't be compared now`);
  const absent = absenceText(verification, totals);
  if (absent !== '') lines.push(style.yellow(absent));
  const lost = lossText(totals);
  if (lost !== '') lines.push(lost);
  const media = mediaText(totals.media, 'media file');
  if (media !== '') lines.push(media);
  const beside = mediaText(totals.beside, 'file or param beside the points', 'files and params beside the points');
  if (beside !== '') lines.push(beside);
  if (totals.listing > 0) lines.push(`${counted(totals.listing, 'listing')} ${totals.listing === 1 ? 'is' : 'are'} wrong`);
  const head = `${counted(totals.points, 'point')} compared, ${counted(totals.differences, 'difference')}`;
  lines.push(totals.differences > 0 ? style.red(head) : style.bold(head));
  const seconds = elapsedMs / 1000;
  const rates =
    seconds > 0 && totals.points > 0 ? `: ${formatRate(totals.points / seconds, 'points')}, ${formatBytes(bytes / seconds)}/s` : '';
  lines.push(`Took ${formatDuration(elapsedMs)}${rates}`);
  if (note !== undefined) lines.push(style.yellow(visibleText(note)));
  return lines.join('\n');
}

const ABSENT: readonly (readonly [why: Absence, words: string])[] = [
  ['owed', 'still to be brought'],
  ['refused', 'refused'],
  ['noPlace', 'without a place there'],
  ['leftOut', 'kept from it by routes'],
  ['gone', 'that no event file holds'],
  ['foreign', 'of series that no event file has'],
];

/** What a lane has no place for, or all that the second of two lanes does not have of the first one. Few of it are differences, and none of it is equal. */
function absenceText({ lane, other }: Verification, { absent }: Totals): string {
  if (other === undefined) {
    const kinds = Object.entries(absent.noPlace).map(([kind, count]) => `${visibleText(kind)} ${formatCount(count)}`);
    const count = Object.values(absent.noPlace).reduce((sum, each) => sum + each, 0);
    return count === 0 ? '' : `${visibleText(lane)} has no place for ${counted(count, 'point')}: ${kinds.join(', ')}`;
  }
  const named = ABSENT.map(([why, words]) => [Object.values(absent[why]).reduce((sum, count) => sum + count, 0), words] as const).filter(
    ([count]) => count > 0,
  );
  const points = named.reduce((sum, [count]) => sum + count, 0);
  if (points === 0) return '';
  const parts = named.map(([count, words]) => `${formatCount(count)} ${words}`).join(', ');
  return `${visibleText(other)} does not have ${counted(points, 'point')} of ${visibleText(lane)}: ${parts}`;
}

/** What the allowed points lost: a point may be named twice. */
function lossText({ allowed, losses }: Totals): string {
  if (allowed === 0) return '';
  const { step, time, value, notHeld, merged } = losses;
  const parts = [
    [time, 'with another time'],
    [value, 'with another value'],
    [step, 'with another step'],
    [notHeld, 'not held'],
    [merged, 'as one of several that are equal'],
  ] as const;
  const named = parts.filter(([count]) => count > 0).map(([count, words]) => `${formatCount(count)} ${words}`);
  return `${counted(allowed, 'point')} held as the loss table says: ${named.join(', ')}`;
}

function mediaText(
  { named, missing, changed, refused = 0, unsupported = 0 }: MediaCounts & Partial<BesideCounts>,
  one: string,
  many = `${one}s`,
): string {
  if (named + refused + unsupported === 0) return '';
  const wrong = [
    ...(missing === 0 ? [] : [`${formatCount(missing)} missing`]),
    ...(changed === 0 ? [] : [`${formatCount(changed)} changed`]),
    ...(refused === 0 ? [] : [`${counted(refused, 'file')} refused`]),
    ...(unsupported === 0 ? [] : [`${counted(unsupported, 'file')} without a place there`]),
  ];
  return `${formatCount(named)} ${named === 1 ? one : many} looked at${wrong.length === 0 ? '' : `: ${wrong.join(', ')}`}`;
}
