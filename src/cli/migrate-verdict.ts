import { suggestion } from '../closest-name.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import { KINDS } from '../model/index.ts';
import type { Report } from '../status/index.ts';
import { exitCodeOf, type Totals, totalsOf, type Verification, worstOf } from '../verify/index.ts';
import { counted, formatBytes, formatCount } from './terminal/index.ts';

/** What a lane can lose of another one: points of a kind, or the steps or values of points. */
const LOSSES = [...KINDS, 'steps', 'values'] as const;

export interface Verdict {
  readonly exitCode: ExitCode;
  /** Why the first lane has to stay. */
  readonly reasons: readonly string[];
  /** What would be lost with the first lane, by kind: points. */
  readonly losses: Readonly<Record<string, number>>;
  /** The losses that the user accepted, and what is rounded as the loss table says; empty where nothing is. */
  readonly but: string;
}

/** The kinds of `--accept-losses images,texts`. Throws MB1001 for a word that is none. */
export function acceptedLosses(text: string | undefined): readonly string[] {
  const words = (text ?? '').split(',').map((word) => word.trim());
  return words.filter((word) => {
    if (word !== '' && !(LOSSES as readonly string[]).includes(word)) {
      const found = `--accept-losses: found ${JSON.stringify(word)}, expected some of ${LOSSES.join(', ')}`;
      throw new MirrorError('MB1001', `${found}${suggestion(word, LOSSES)}`);
    }
    return word !== '';
  });
}

/** What the first lane has and the second one has not is a reason to keep it, unless that loss is accepted. What neither has is none. */
export function verdictOf(
  { from, to, accepted }: { readonly from: string; readonly to: string; readonly accepted: readonly string[] },
  report: Report,
  [own, between]: readonly Verification[],
): Verdict {
  if (report.interrupted || own === undefined || between === undefined) {
    return { exitCode: ExitCode.interrupted, reasons: ['it was interrupted before everything was compared'], losses: {}, but: '' };
  }
  const [mine, both] = [totalsOf(own), totalsOf(between)];
  const reasons: string[] = [];
  const codes: ExitCode[] = [exitCodeOf(own, false), exitCodeOf(between, false)];
  const say = (isReason: boolean, reason: string): void => {
    if (!isReason) return;
    reasons.push(reason);
    codes.push(ExitCode.notMirrored);
  };
  const { stand } = report.lanes.find(({ name }) => name === to) ?? { stand: 'done' };
  say(stand !== 'done' && stand !== undefined, `${to} did not take everything: ${stand}`);
  say(mine.refused > 0, `${to} refused ${counted(mine.refused, 'point')}`);
  say(mine.differences > 0, `${to} and the event files differ: ${counted(mine.differences, 'difference')}`);
  say(both.differences > 0, `${from} and ${to} differ: ${counted(both.differences, 'difference')}`);
  // Of the comparison with each other, what is owed and pending is that of the first lane.
  say(mine.owedBytes > both.owedBytes, `${to} is owed ${formatBytes(mine.owedBytes)}`);
  say(mine.pendingBytes > both.pendingBytes, `${formatBytes(mine.pendingBytes)} came meanwhile, or are not whole yet`);
  const losses = lossesOf(both);
  const open = Object.fromEntries(Object.entries(losses).filter(([kind]) => !accepted.includes(kind)));
  const words = lossWords(open);
  say(words !== '', `${to} does not hold ${words} of ${from}; --accept-losses ${Object.keys(open).join(',')} says that this is fine`);
  for (const { what, reason } of [...own.obstacles, ...between.obstacles]) reasons.push(`${what}: ${reason}`);
  return { exitCode: worstOf(codes), reasons, losses, but: butOf(losses, both) };
}

function lossesOf({ absent, losses: { step, value } }: Totals): Record<string, number> {
  return { ...absent, ...(step > 0 ? { steps: step } : {}), ...(value > 0 ? { values: value } : {}) };
}

/** `12 points (images 10, texts 2)`. */
function lossWords(losses: Readonly<Record<string, number>>): string {
  const kinds = Object.entries(losses);
  const points = kinds.reduce((sum, [, count]) => sum + count, 0);
  return points === 0 ? '' : `${counted(points, 'point')} (${kinds.map(([kind, count]) => `${kind} ${formatCount(count)}`).join(', ')})`;
}

/** Rounded times and equal points that became one are in the loss table, and cost nobody a curve: they are said, and no reason to stay. */
function butOf(losses: Readonly<Record<string, number>>, { losses: { time, merged } }: Totals): string {
  return [
    lossWords(losses),
    ...(time > 0 ? [`the exact time of ${counted(time, 'point')}, which is rounded`] : []),
    ...(merged > 0 ? [`${counted(merged, 'point')} that repeat others`] : []),
  ]
    .filter((part) => part !== '')
    .join(', ');
}
