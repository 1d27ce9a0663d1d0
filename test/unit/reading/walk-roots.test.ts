import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeEach, expect, it } from '@jest/globals';
import { walkRoots } from '../../../src/reading/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
it('walks many roots with few threads, and reports their runs in the order of each root', async () => {
  const roots = Array.from({ length: 40 }, (_, i) => join(folder, `root-${i}`));
  for (const [i, root] of roots.entries()) {
    mkdirSync(join(root, `run-${i}`), { recursive: true });
    writeFileSync(join(root, `run-${i}`, 'events.out.tfevents.1'), '');
  }
  const first = await nextThread();
  const walked = await walkRoots(roots.map((root) => ({ root, links: 'owner' })));
  expect(walked.map(({ runs }) => runs.map(({ path }) => path))).toEqual(roots.map((_, i) => [`run-${i}`]));
  const threads = (await nextThread()) - first - 1;
  expect(threads).toBeGreaterThan(0);
  expect(threads).toBeLessThanOrEqual(8);
});

/** Threads are numbered as they are made. */
async function nextThread(): Promise<number> {
  const worker = new Worker('', { eval: true });
  const { threadId } = worker;
  await worker.terminate();
  return threadId;
}
