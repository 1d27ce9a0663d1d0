import { describe, expect, test } from '@jest/globals';
import stringWidth from 'string-width';
import { type Finding, findingLines } from '../../../src/cli/finding.ts';
import { plainStyle } from '../../../src/cli/terminal/index.ts';

const FINDINGS: readonly Finding[] = [
  {
    area: 'root',
    name: 'runs',
    state: 'ok',
    text: 'runs is there, on ext4, watched by notifications; at least 12,345 event files of 2,000 runs',
    more: ['The look was short: more may be below it, and what is there is found by a backfill all the same.'],
  },
  {
    area: 'lane',
    name: 'mlflow',
    state: 'unreachable',
    text: 'POST http://127.0.0.1:5000/: ECONNREFUSED',
    hint: 'Nothing listens there: start it, or correct tracking_uri.',
  },
];

describe('the lines of findings', () => {
  test.each([40, 60, 80])('fit %i columns, and lose no word', (width) => {
    const lines = findingLines(FINDINGS, plainStyle, width).flatMap((text) => text.split('\n'));
    expect(lines.filter((line) => stringWidth(line) > width)).toEqual([]);
    const words = (text: string): string => text.split(/\s+/).join(' ');
    expect(words(lines.join(' '))).toBe(words(findingLines(FINDINGS, plainStyle).join(' ')));
  });

  test('are one line each if the output is a file', () => {
    expect(findingLines(FINDINGS, plainStyle)).toHaveLength(4);
  });
});
