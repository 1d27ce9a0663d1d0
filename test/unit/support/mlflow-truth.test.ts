import { describe, expect, it } from '@jest/globals';
import type { TruthText } from '../../support/compare-truth.ts';
import type { ReadBackRun } from '../../support/mlflow-server.ts';
import { compareHeld } from '../../support/mlflow-truth.ts';

const truth: TruthText = {
  runs: {
    a: {
      files: [],
      tags: {
        loss: {
          plugin: 'scalars',
          points: [
            [1, 1.5004, 0.25],
            [2, 2, -0],
          ],
        },
        note: { plugin: 'text', points: [[3, 3.25, { shape: [], strings: ['hello'] }]] },
      },
    },
  },
};
const line = (offset: number, tag: string, plugin: string, step: number, wallTime: number, value: string): string =>
  `{"run":"a","file":"f","offset":${offset},"checksum":1,"index":0,"tag":"${tag}","plugin":"${plugin}","step":${step},"wall_time":${wallTime},"value":${value}}`;
const zero = line(10, 'loss', 'scalars', 2, 2, '-0');
const note = line(20, 'note', 'text', 3, 3.25, '{"shape":[],"strings":["hello"]}');
const run = (lines: readonly string[], loss: ReadBackRun['metrics'][string], more: Partial<ReadBackRun> = {}): ReadBackRun => ({
  id: 'i',
  datasets: [],
  versions: [],
  name: 'a',
  status: 'FINISHED',
  params: {},
  tags: { 'mirrorboard.run_path': 'a' },
  artifacts: [],
  files: [],
  metrics: { loss },
  lines,
  ...more,
});
const both = [
  ['1', '1500', '0.25'],
  ['2', '2000', '0.0'],
] as const;

describe('the comparison of MLflow with the truth', () => {
  it('accepts the losses in the loss table, even if a line is in two segments', () => {
    expect(compareHeld(truth, [run([zero, note, note], both)])).toEqual({ checked: 3, differences: [] });
  });

  it.each([
    ['a point that is missing', [run([zero, note], both.slice(0, 1))]],
    ['a point that is there twice', [run([zero, note], [...both, both[0]])]],
    ['a number that was changed', [run([zero, note], [both[0], ['2', '2000', '0.5']])]],
    ['a time that was changed', [run([zero, note], [['1', '1501', '0.25'], both[1]])]],
    ['a number that is nowhere exact', [run([note], both)]],
    ['a value that is missing', [run([zero], both)]],
    ['a value that was changed', [run([zero, note.replace('hello', 'hullo')], both)]],
    ['a series that is made up', [run([zero, note], both, { metrics: { loss: both, other: both } })]],
    ['a run that is there twice', [run([zero, note], both), run([zero, note], both)]],
    ['a run that is made up', [run([zero, note], both), run([], [], { tags: { 'mirrorboard.run_path': 'b' } })]],
    ['a run that is missing', []],
    [
      'a file that is not what it was',
      [run([zero, note.replace('"value"', '"artifacts":[["images/x.png",3]],"value"')], both, { files: [['images/x.png', 3, 'ab']] })],
    ],
  ])('finds %s', (_, runs) => expect(compareHeld(truth, runs).differences).not.toEqual([]));
});
