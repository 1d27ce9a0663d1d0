import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { filesSource } from '../../src/cli/files-source.ts';
import { findTarget } from '../../src/cli/survey.ts';
import { writeTruthJson } from '../../src/export/index.ts';
import { corpus, repository } from '../e2e/command.ts';
import { compareTruth, type Json, parseExport, type TruthText } from '../support/compare-truth.ts';

/** An export, open to changes. */
interface Export {
  runs: Record<string, { files: { records: number }[]; tags: Record<string, Series> }>;
}

interface Series {
  plugin: string;
  data_class: string;
  points: [step: number | string, wallTime: number | string, value: Json][];
}

/** The truth of one log directory, and an export of it that can be spoiled. */
async function pair(name: string): Promise<{ truth: TruthText; exported: Export }> {
  const chunks: string[] = [];
  const directory = name === 'damaged' ? join(repository, 'test/damaged') : corpus(name);
  await writeTruthJson(filesSource(await findTarget(directory)), (chunk) => void chunks.push(chunk));
  const truth = JSON.parse(readFileSync(join(repository, 'test/golden/truth', `${name}.json`), 'utf8')) as TruthText;
  return { truth, exported: parseExport(chunks.join('')) as unknown as Export };
}

/** What the comparison says after a mutation; it says nothing before it. */
async function spoiled(name: string, mutate: (exported: Export) => void): Promise<readonly string[]> {
  const { truth, exported } = await pair(name);
  expect(compareTruth(truth, exported as unknown as TruthText).differences).toEqual([]);
  mutate(exported);
  return compareTruth(truth, exported as unknown as TruthText).differences;
}

function series(exported: Export, run: string, tag: string): Series {
  const found = exported.runs[run]?.tags[tag];
  if (found === undefined) throw new Error(`no tag ${tag} in run ${run}: ${Object.keys(exported.runs[run]?.tags ?? exported.runs)}`);
  return found;
}

/** The next double. */
function oneBitMore(x: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setBigUint64(0, view.getBigUint64(0) + 1n);
  return view.getFloat64(0);
}

describe('the comparison with the truth', () => {
  const cases: [what: string, name: string, mutate: (exported: Export) => void][] = [];
  const add = (...one: (typeof cases)[number]): void => void cases.push(one);
  const points = (e: Export): Series['points'] => series(e, '.', 'loss').points;

  add('a step that is off by one', 'clu_metric_writers', (e) => {
    points(e)[3]![0] = Number(points(e)[3]![0]) + 1;
  });
  add('a missing point', 'clu_metric_writers', (e) => void points(e).splice(4, 1));
  add('a missing last point', 'clu_metric_writers', (e) => void points(e).pop());
  add('a doubled point', 'clu_metric_writers', (e) => void points(e).splice(4, 0, points(e)[4]!));
  add('a doubled last point', 'clu_metric_writers', (e) => void points(e).push(points(e).at(-1)!));
  add('reordered points', 'clu_metric_writers', (e) => void points(e).splice(2, 2, points(e)[3]!, points(e)[2]!));
  add('another plugin', 'clu_metric_writers', (e) => {
    series(e, '.', 'loss').plugin = 'text';
  });
  add('another data class', 'clu_metric_writers', (e) => {
    series(e, '.', 'loss').data_class = 'tensor';
  });
  add('one bit of a value', 'clu_metric_writers', (e) => {
    points(e)[3]![2] = oneBitMore(points(e)[3]![2] as number);
  });
  add('one bit of a wall time', 'clu_metric_writers', (e) => {
    points(e)[3]![1] = oneBitMore(points(e)[3]![1] as number);
  });
  add('a missing tag', 'clu_metric_writers', (e) => {
    delete e.runs['.']!.tags['loss'];
  });
  add('a tag that is made up', 'clu_metric_writers', (e) => {
    e.runs['.']!.tags['lose'] = series(e, '.', 'loss');
  });
  add('a missing run', 'clu_metric_writers', (e) => {
    delete e.runs['.'];
  });
  add('a run that is made up', 'clu_metric_writers', (e) => {
    e.runs['other'] = e.runs['.']!;
  });
  add('a missing file', 'clu_metric_writers', (e) => void e.runs['.']!.files.pop());
  add('a record not counted', 'clu_metric_writers', (e) => {
    e.runs['.']!.files[0]!.records--;
  });
  add('a lost sign of zero, and a gained one', 'tf2_dtypes', (e) => flipZeroes(e));
  add('a wide step that was rounded', 'tbx_steps', (e) => {
    for (const s of Object.values(e.runs['.']!.tags)) for (const p of s.points) p[0] = Number(p[0]);
  });
  add('one byte of an image', 'tf2_media', (e) => {
    const value = series(e, '.', 'pictures/several').points[0]![2] as { images: { sha256: string }[] };
    value.images[1]!.sha256 = value.images[1]!.sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  });
  add('one bucket of a histogram', 'tf2_media', (e) => {
    const value = series(e, '.', 'dist/normal').points[0]![2] as { buckets: number[][] };
    value.buckets[2]![0] = oneBitMore(value.buckets[2]![0]!);
  });
  add('the minimum of an old histogram', 'made_edge_files', (e) => {
    const tags = Object.values(e.runs['old_histograms']!.tags);
    const value = tags.find(({ plugin }) => plugin === 'histograms')!.points[0]![2] as { proto: { min: Json } };
    value.proto.min = 0.125;
  });
  add('a text', 'tf2_media', (e) => {
    (series(e, '.', 'notes/array').points[0]![2] as { strings: string[] }).strings[1] = 'r0c2';
  });
  add('more points behind damage than there are records', 'damaged', (e) => {
    const s = series(e, 'flip_in_data', 'loss');
    s.points.push(...s.points);
  });
  add('a point lost before damage', 'damaged', (e) => void series(e, 'flip_in_data', 'loss').points.splice(2, 1));
  add('records lost behind damage', 'damaged', (e) => {
    e.runs['head_missing']!.files[0]!.records = 0;
  });

  it.each(cases)('reports %s', async (_, name, mutate) => {
    expect(await spoiled(name, mutate)).not.toEqual([]);
  });

  it('reports a name that occurs twice in the text', async () => {
    const text = '{"format":1,"runs":{"a":{"files":[],"tags":{"x":{"points":[\n[1,1,1]]},\n"x":{"points":[\n[2,2,2]]}}}}}';
    expect(() => parseExport(text)).toThrow('2 lines of points, and 1 points');
  });
});

/** Turns every zero among the scalars around; there has to be one. */
function flipZeroes(exported: Export): void {
  let flipped = 0;
  for (const { tags } of Object.values(exported.runs)) {
    for (const { plugin, points } of Object.values(tags)) {
      for (const point of points) {
        if (plugin !== 'scalars' || point[2] !== 0) continue;
        point[2] = Object.is(point[2], 0) ? -0 : 0;
        flipped++;
        return;
      }
    }
  }
  if (flipped === 0) throw new Error('no zero to turn');
}
