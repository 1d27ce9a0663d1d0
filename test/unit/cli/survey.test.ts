import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { filesSource } from '../../../src/cli/files-source.ts';
import { findTarget, type RunSurvey, type SurveyTarget, survey } from '../../../src/cli/survey.ts';
import { corpus, repository } from '../../e2e/command.ts';
import { bigLog, bigLogRun, event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function surveyed(target: SurveyTarget, jobs?: number): Promise<RunSurvey[]> {
  const runs: RunSurvey[] = [];
  for await (const run of survey(target, jobs)) runs.push(run);
  return runs;
}

/** All sample logs and all damaged files, as runs of one tree. */
function everything(): string {
  const folder = temporaryFolder();
  for (const name of readdirSync(join(repository, 'test/logs'))) cpSync(corpus(name), join(folder, 'logs', name), { recursive: true });
  cpSync(join(repository, 'test/damaged'), join(folder, 'damaged'), { recursive: true });
  return folder;
}

test('reads with three threads what one reads, in the same order', async () => {
  const target = await findTarget(everything());
  expect(target.runs.length).toBeGreaterThan(60);
  const one = await surveyed(target, 1);
  expect(await surveyed(target, 3)).toEqual(one);
  expect(one.map(({ path }) => path)).toEqual(target.runs.map(({ path }) => path));
  expect(one.filter(({ files }) => files.some(({ state }) => (state?.damage.length ?? 0) > 0)).length).toBeGreaterThan(20);
});

test('counts the points and steps that an export has', async () => {
  const target = await findTarget(everything());
  const runs = await surveyed(target, 2);
  let at = 0;
  for await (const { run, series, files } of filesSource(target).runs()) {
    const found = runs[at++];
    expect(found?.path).toBe(run);
    const counted = [...series].map((each) => {
      const steps = [...each.points()].map(({ step }) => step);
      const last = steps.reduce((a, b) => (b > a ? b : a), -Infinity);
      return [each.tag, steps.length, steps.reduce((a, b) => (b < a ? b : a), Infinity), last];
    });
    expect(found?.series.map(({ series: { tag }, points, firstStep, lastStep }) => [tag, points, firstStep, lastStep])).toEqual(counted);
    expect(found?.files.flatMap(({ state }) => state ?? [])).toEqual(files);
  }
  expect(at).toBe(runs.length);
});

test('adds up the parts of a large run, and of several files', async () => {
  const folder = temporaryFolder();
  const { points } = bigLog({ dir: folder, tags: 1, steps: 1_200_000 });
  const more = eventFile(event({ wallTime: 2, step: -5, summary: [simpleValue('acc', 1)] }));
  writeFileSync(join(folder, bigLogRun(0), 'events.out.tfevents.9'), more);
  const target = await findTarget(folder);
  expect(target.runs).toHaveLength(1);
  const [run] = await surveyed(target, 2);
  expect(run?.series.map(({ points, firstStep, lastStep }) => [points, Number(firstStep), Number(lastStep)])).toEqual([
    [points, 0, points - 1],
    [1, -5, -5],
  ]);
});
