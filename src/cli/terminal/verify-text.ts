import { counted, formatBytes, formatCount, formatDuration, formatRate } from '../../format.ts';
import { compareNames, jsonText, type RunRef, runLabel } from '../../model/index.ts';
import type {
  Absence,
  ArtifactCounts,
  Difference,
  MediaCounts,
  RunVerdict,
  StoredArtifactDifference,
  Totals,
  Verification,
} from '../../verify/compare/index.ts';
import { wrapText } from '../../wrap-text.ts';
import { nextLine } from './next-line.ts';
import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';
import { visibleText } from './visible-text.ts';

/** The inputs of a verification's text. */
interface VerificationText {
  readonly totals: Totals;
  /** The first differences found. */
  readonly examples: readonly Difference[];
  /** The lane, if it is not obvious which one is meant. */
  readonly head?: string | undefined;
  readonly width?: number | undefined;
  readonly style: Style;
  /** A sentence before the command. */
  readonly note?: string | undefined;
  /** A command that is useful now; it becomes the last line. */
  readonly next?: string | undefined;
}

const MOST_RUNS = 30;
const MOST_LINES = 20;

/** Returns the result of a verification, as lines for a person, ending in a line end. */
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
      style.red('Could not check:'),
      verification.obstacles.map(({ what, reason }) => visibleText(`${what}: ${reason}`)),
    ),
    repairs(verification, style),
    closing(verification, text),
  ];
  const { next, width } = text;
  const paragraphs = sections.filter((section) => section !== '').map((section) => wrapText(section, width, 2));
  return `${paragraphs.join('\n\n')}${next === undefined ? '' : `\n${nextLine(next, style)}`}\n`;
}

const WHY = {
  gone: 'its mirrored part no longer exists',
  replaced: 'its content has changed since it was mirrored',
  stale: 'the next pass must read it first',
  unreadable: 'the file cannot be read',
} as const;

function because(reason: string | undefined): string {
  return reason === undefined ? '' : ` (${visibleText(reason)})`;
}

function runTable({ runs }: Verification, { totals, width, style }: VerificationText): string {
  if (runs.length === 0) return '';
  const { refused, unsupported, leftOut, notYet } = totals;
  // Columns that are nearly always empty: the table must fit into a terminal.
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
    ...['Missing', 'Extra', 'Changed', 'Allowed', ...rareTitles, 'Pending', 'Incomplete'].map(
      (title) => ({ title, align: 'right', isSpare: true }) as const,
    ),
  ];
  const cells = (run: Omit<RunVerdict, 'run' | 'unjudged' | 'media' | 'artifacts'>): string[] => [
    formatCount(run.points),
    formatCount(run.points - run.missing - run.changed - run.allowed - run.refused - run.unsupported - run.notYet),
    formatCount(run.missing),
    formatCount(run.extra),
    formatCount(run.changed),
    formatCount(run.allowed),
    ...rare.map((name) => formatCount(run[name])),
    formatBytes(run.pendingBytes),
    formatBytes(run.incompleteBytes),
  ];
  const shown = worst(runs);
  const rows = shown.map((run) => [runLabel(run.run), ...cells(run)]);
  if (runs.length > 1) rows.push(['all runs', ...cells(totals)]);
  const table = renderTable({ columns, rows, width, style });
  return shown.length === runs.length ? table : `${table}\n… and ${counted(runs.length - shown.length, 'more run')}`;
}

/** Returns the runs with the most differences, in the order of their names. */
function worst(runs: readonly RunVerdict[]): readonly RunVerdict[] {
  const weight = ({ missing, extra, changed, listing, media, artifacts }: RunVerdict): number =>
    missing + extra + changed + listing + media.missing + media.changed + artifacts.missing + artifacts.changed + artifacts.refused;
  return runs
    .toSorted(
      (a, b) => weight(b) - weight(a) || b.pendingBytes + b.incompleteBytes - a.pendingBytes - a.incompleteBytes || b.points - a.points,
    )
    .slice(0, MOST_RUNS)
    .sort((a, b) => compareNames(a.run.root, b.run.root) || compareNames(a.run.path, b.run.path));
}

function differenceText(difference: Difference): string {
  const { run, tag, kind } = difference;
  const where = `${kind}: ${seriesLabel(run, tag)}`;
  switch (difference.kind) {
    case 'media':
      return `${where}, media ${visibleText(difference.path)}: ${difference.theirs === undefined ? 'file missing' : 'different bytes'}`;
    case 'artifact':
      return `${where}, ${difference.what} ${visibleText(difference.name)}: ${artifactText(difference)}`;
    case 'listing':
      return `${where}, ${difference.field}: ${number(difference.mine)} by the points, ${number(difference.theirs)} in the listing`;
    default: {
      const { step, position, mine, theirs, theirStep, theirWallTime } = difference;
      const at = position === undefined ? '' : `, ${visibleText(position.file)} offset ${position.offset}`;
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

function artifactText({ theirs, refused }: StoredArtifactDifference): string {
  if (refused !== undefined) return visibleText(`refused: ${refused}`);
  return theirs === undefined ? 'missing' : `found ${valueText(theirs)}`;
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
    ...(done.gaps === 0 ? [] : [`${counted(done.gaps, 'byte range')} marked as pending; the next backfill sends the points`]),
    ...(done.refused === 0 ? [] : [`${counted(done.refused, 'refused point')} among them: the next backfill retries them`]),
    ...done.distrusted.map(({ run, file }) => visibleText(`${runLabel(run)}/${file} marked for the next backfill to mirror again`)),
    ...(done.listings === 0 ? [] : [`${counted(done.listings, 'listing')} recounted`]),
    ...(done.media === 0 ? [] : [`${counted(done.media, 'media file')} rewritten`]),
    ...(done.artifacts === 0
      ? []
      : [
          `${counted(done.artifacts, 'artifact')} marked as pending; the next backfill sends ${done.artifacts === 1 ? 'it' : 'them'} again`,
        ]),
    ...done.left.map(({ what, reason }) => style.red(visibleText(`${what} was not repaired: ${reason}`))),
  ];
  return list(style.bold('Repair:'), lines.length === 0 ? ['nothing to repair'] : lines);
}

function closing(verification: Verification, { totals, style, note }: VerificationText): string {
  const { sample, elapsedMs, interrupted, bytes } = verification;
  const lines: string[] = [];
  if (interrupted) lines.push(style.yellow('Interrupted: these numbers cover only what was compared.'));
  if (sample !== undefined) lines.push(`Sample: ${sample.percent} % of the series, seed ${visibleText(sample.seed)}`);
  const { gone, replaced, stale, unreadable } = totals.unjudged;
  if (gone > 0) lines.push(`${counted(gone, 'point')} not compared: deleted or truncated files`);
  if (replaced > 0) lines.push(`${counted(replaced, 'point')} not compared: earlier content of replaced files`);
  if (stale + unreadable > 0) lines.push(`${counted(stale + unreadable, 'point')} not compared: files that cannot be compared now`);
  const absent = absenceText(verification, totals);
  if (absent !== '') lines.push(style.yellow(absent));
  const lost = lossText(totals);
  if (lost !== '') lines.push(lost);
  const media = mediaText(totals.media, 'media file');
  if (media !== '') lines.push(media);
  const artifacts = mediaText(totals.artifacts, 'artifact or param', 'artifacts and params');
  if (artifacts !== '') lines.push(artifacts);
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
  ['pending', 'pending'],
  ['refused', 'refused'],
  ['noPlace', 'unsupported'],
  ['leftOut', 'excluded by routes'],
  ['gone', 'not in any event file'],
  ['foreign', 'in series that no event file has'],
];

/**
 * Describes the points that a lane cannot hold, or those of the first of two lanes that the second one lacks. Few of
 * them are differences, and none of them is equal.
 */
function absenceText({ lane, other }: Verification, { absent }: Totals): string {
  if (other === undefined) {
    const kinds = Object.entries(absent.noPlace).map(([kind, count]) => `${visibleText(kind)} ${formatCount(count)}`);
    const count = Object.values(absent.noPlace).reduce((sum, each) => sum + each, 0);
    return count === 0 ? '' : `${visibleText(lane)} does not support ${counted(count, 'point')}: ${kinds.join(', ')}`;
  }
  const named = ABSENT.map(([why, words]) => [Object.values(absent[why]).reduce((sum, count) => sum + count, 0), words] as const).filter(
    ([count]) => count > 0,
  );
  const points = named.reduce((sum, [count]) => sum + count, 0);
  if (points === 0) return '';
  const parts = named.map(([count, words]) => `${formatCount(count)} ${words}`).join(', ');
  return `${visibleText(other)} lacks ${counted(points, 'point')} of ${visibleText(lane)}: ${parts}`;
}

/** Describes the losses of the allowed points: a point may be named twice. */
function lossText({ allowed, losses }: Totals): string {
  if (allowed === 0) return '';
  const { step, time, value, notHeld, merged } = losses;
  const parts = [
    [time, 'wall time'],
    [value, 'value'],
    [step, 'step'],
    [notHeld, 'not stored'],
    [merged, 'merged with equal points'],
  ] as const;
  const named = parts.filter(([count]) => count > 0);
  const isRounded = value + step + notHeld + merged === 0;
  const paragraphs = named.map(([count, words]) => (named.length === 1 && count === allowed ? words : `${words}: ${formatCount(count)}`));
  const verb = allowed === 1 ? 'matches' : 'match';
  return `${counted(allowed, 'point')} ${verb}, except for documented ${isRounded ? 'rounding' : 'losses'} (${paragraphs.join(', ')})`;
}

function mediaText(
  { named, missing, changed, refused = 0, unsupported = 0 }: MediaCounts & Partial<ArtifactCounts>,
  one: string,
  many = `${one}s`,
): string {
  if (named + refused + unsupported === 0) return '';
  const wrong = [
    ...(missing === 0 ? [] : [`${formatCount(missing)} missing`]),
    ...(changed === 0 ? [] : [`${formatCount(changed)} changed`]),
    ...(refused === 0 ? [] : [`${counted(refused, 'file')} refused`]),
    ...(unsupported === 0 ? [] : [`${counted(unsupported, 'file')} unsupported`]),
  ];
  return `${formatCount(named)} ${named === 1 ? one : many} compared${wrong.length === 0 ? '' : `: ${wrong.join(', ')}`}`;
}
