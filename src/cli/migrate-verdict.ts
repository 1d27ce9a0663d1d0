import { suggestion } from '../closest-name.ts';
import { ExitCode, MirrorError } from '../errors.ts';
import { KINDS } from '../model/index.ts';
import type { Report } from '../status/index.ts';
import type { ForeignFindings } from '../verifying/index.ts';
import { exitCodeOf, kindSums, type Totals, totalsOf, type Verification, worstOf } from '../verify/index.ts';
import { counted, formatBytes, formatCount } from './terminal/index.ts';

/** What a lane can lose of another one: points of a kind, the steps or values of points, or what never was in event files. */
const LOSSES = [...KINDS, 'steps', 'values', 'foreign'] as const;

export interface Verdict {
  readonly exitCode: ExitCode;
  /** Why the first lane has to stay. */
  readonly reasons: readonly string[];
  /** What would be lost with the first lane, by kind: points. */
  readonly losses: Readonly<Record<string, number>>;
  /** What `--accept-losses` has to name so that nothing of it is a reason any more. */
  readonly toAccept: readonly string[];
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
  foreign?: ForeignFindings,
): Verdict {
  if (report.interrupted || own === undefined || between === undefined) {
    return {
      exitCode: ExitCode.interrupted,
      reasons: ['it was interrupted before everything was compared'],
      losses: {},
      toAccept: [],
      but: '',
    };
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
  const others = foreignWords(foreign);
  const isKept = others !== '' && !accepted.includes('foreign');
  say(
    isKept,
    `${from} holds ${others} that never were in event files; they are not brought over. --accept-losses foreign says that this is fine`,
  );
  for (const { kind, name, in: run } of isKept ? (foreign?.examples ?? []) : [])
    reasons.push(`${kind} ${name}${run === undefined ? '' : ` of ${run}`}`);
  for (const { what, reason } of [...own.obstacles, ...between.obstacles]) reasons.push(`${what}: ${reason}`);
  return {
    exitCode: worstOf(codes),
    reasons,
    losses,
    toAccept: isKept || words !== '' ? [...Object.keys(losses), ...(others === '' ? [] : ['foreign'])] : [],
    but: [butOf(losses, both), isKept ? '' : others].filter((part) => part !== '').join(', '),
  };
}

function foreignWords(foreign: ForeignFindings | undefined): string {
  const { run = 0, param = 0, file = 0 } = foreign?.counts ?? {};
  const counts = [
    ...(run > 0 ? [counted(run, 'run')] : []),
    ...(param > 0 ? [counted(param, 'param')] : []),
    ...(file > 0 ? [counted(file, 'file')] : []),
  ];
  return counts.length < 2 ? counts.join('') : `${counts.slice(0, -1).join(', ')} and ${counts.at(-1)}`;
}

function lossesOf({ absent, losses: { step, value } }: Totals): Record<string, number> {
  return {
    ...kindSums([absent.noPlace, absent.leftOut, absent.gone]),
    ...(step > 0 ? { steps: step } : {}),
    ...(value > 0 ? { values: value } : {}),
  };
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
