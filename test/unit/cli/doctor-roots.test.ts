import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeEach, expect, it } from '@jest/globals';
import { rootFindings } from '../../../src/cli/doctor-roots.ts';
import { ALL_RUNS } from '../../../src/discover/index.ts';
import { MOST_READERS } from '../../../src/memory/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
it('reads many roots with few threads, and reports each', async () => {
  const roots = Array.from({ length: 3 * MOST_READERS }, (_, i) => ({ name: `root-${i}`, path: join(folder, `root-${i}`) }));
  for (const [i, { path }] of roots.entries()) {
    mkdirSync(path);
    for (let file = 0; file <= i; file++) writeFileSync(join(path, `events.out.tfevents.${file}`), '');
  }
  const first = await nextThread();
  const findings = await rootFindings(roots, ALL_RUNS, () => 'owner');
  expect(findings.filter(({ name }) => name !== '').map(({ name, facts }) => [name, facts?.['event_files']])).toEqual(
    roots.map(({ name }, i) => [name, i + 1]),
  );
  expect((await nextThread()) - first - 1).toBeLessThanOrEqual(MOST_READERS);
});

/** Threads are numbered as they are made. */
async function nextThread(): Promise<number> {
  const worker = new Worker('', { eval: true });
  const { threadId } = worker;
  await worker.terminate();
  return threadId;
}
