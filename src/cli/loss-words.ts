import type { Capabilities } from '../contract/index.ts';
import { formatCount } from './terminal/index.ts';

/** What is lost in a tracker, a sentence each; empty where nothing is. */
export function lossSentences({ holds, keeps, caps, readBack, replacesByKey }: Capabilities): string[] {
  const kinds = (holding: string): string =>
    Object.entries(holds)
      .filter(([, held]) => held === holding)
      .map(([kind]) => kind.replaceAll('_', ' '))
      .join(', ');
  const [beside, nowhere] = [kinds('artifact'), kinds('none')];
  const sentences: readonly (readonly [isLost: boolean, sentence: string])[] = [
    [nowhere !== '', `Not kept there at all: ${nowhere}.`],
    [beside !== '', `Kept in files beside the run, not as values: ${beside}.`],
    [!keeps.step, 'Steps are not kept as they are.'],
    [!keeps.wallTime, 'Wall times are not kept to the last bit.'],
    [!keeps.nan, 'NaN and infinities are not kept as values.'],
    [!keeps.negativeZero, 'Minus zero becomes zero.'],
    [!keeps.repeatedSteps, 'Of several points of one step, one is kept.'],
    [!keeps.equalPoints && replacesByKey, 'Points that are equal in tag, step, time and value are kept once.'],
    [
      !keeps.equalPoints && !replacesByKey,
      'Of points that are equal in tag, step, time and value only one is sent; it may be there more than once.',
    ],
    [caps.seriesPerRun !== undefined, `A run has at most ${formatCount(caps.seriesPerRun ?? 0)} series.`],
    [caps.pointsPerSeries !== undefined, `A series has at most ${formatCount(caps.pointsPerSeries ?? 0)} points.`],
    [readBack === 'sampled', 'Only a sample can be read back: verify can not prove all of it.'],
    [readBack === 'none', 'Nothing can be read back: verify can not judge it.'],
  ];
  return sentences.filter(([isLost]) => isLost).map(([, sentence]) => sentence);
}
