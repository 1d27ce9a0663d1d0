import type { Capabilities } from '../contract/index.ts';
import { formatCount } from './terminal/index.ts';

/** Returns the losses in a tracker, a sentence each; empty if there are none. */
export function lossSentences({ holds, keeps, caps, readBack, replacesByKey }: Capabilities): string[] {
  const kinds = (holding: string): string =>
    Object.entries(holds)
      .filter(([, held]) => held === holding)
      .map(([kind]) => kind.replaceAll('_', ' '))
      .join(', ');
  const [artifacts, nowhere] = [kinds('artifact'), kinds('none')];
  const sentences: readonly (readonly [isLost: boolean, sentence: string])[] = [
    [nowhere !== '', `Not stored: ${nowhere}.`],
    [artifacts !== '', `Stored as artifacts of the run, not as values: ${artifacts}.`],
    [!keeps.step, 'Steps change.'],
    [!keeps.wallTime, 'Wall times are rounded.'],
    [!keeps.nan, 'NaN and infinities are not stored as values.'],
    [!keeps.negativeZero, 'Minus zero becomes zero.'],
    [!keeps.repeatedSteps, 'Only one of several points at the same step is stored.'],
    [!keeps.equalPoints && replacesByKey, 'Points with equal tag, step, time and value are stored once.'],
    [
      !keeps.equalPoints && !replacesByKey,
      'Of points with equal tag, step, time and value only one is sent; the server may store it more than once.',
    ],
    [caps.seriesPerRun !== undefined, `A run has at most ${formatCount(caps.seriesPerRun ?? 0)} series.`],
    [caps.pointsPerSeries !== undefined, `A series has at most ${formatCount(caps.pointsPerSeries ?? 0)} points.`],
    [readBack === 'sampled', 'Only a sample can be read back: verify cannot check everything.'],
    [readBack === 'none', 'Nothing can be read back: verify cannot check it.'],
  ];
  return sentences.filter(([isLost]) => isLost).map(([, sentence]) => sentence);
}
