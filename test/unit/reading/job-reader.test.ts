import { expect, test } from '@jest/globals';
import { MOST_READERS } from '../../../src/memory/index.ts';
import { JobReader } from '../../../src/reading/job-reader.ts';
import type { PatientReaderOptions } from '../../../src/reading/patient-reader.ts';
import type { RunJob } from '../../../src/reading/read-event.ts';
import type { EventGroup } from '../../../src/reading/reader-thread.ts';
import { directoryAt } from '../../support/directory.ts';

/** Reads nothing: each file hangs until it is let go. */
class Hanging {
  readonly options: PatientReaderOptions;
  readonly #jobs: RunJob[] = [];

  constructor(options: PatientReaderOptions) {
    this.options = options;
  }

  request(jobs: readonly RunJob[]): void {
    for (const job of jobs) this.#jobs.push(job);
  }

  async *events(): AsyncGenerator<EventGroup, void, void> {
    const [job] = this.#jobs.splice(0, 1);
    if (job === undefined) return;
    this.options.fellSilent?.(pathOf(job.run.root), 1);
    const events = job.files.map(({ name: file }) => ({ kind: 'file', run: job.run, file, outcome: 'silent', size: 0 }) as const);
    yield { events, release: () => undefined };
  }

  stop(): void {
    return;
  }

  async close(): Promise<void> {
    return;
  }
}

const pathOf = (root: string): string => `/logs/${root}/events`;

function jobOf(root: string): RunJob {
  return { run: { root, path: '.' }, directory: directoryAt('/'), files: [{ name: 'events' }], series: [], settled: false };
}

test('reports for each root whether it answers, if there are more roots than threads', async () => {
  const roots = Array.from({ length: MOST_READERS + 1 }, (_, i) => `root${i}`);
  const readers: Hanging[] = [];
  const said: string[] = [];
  const jobs = new JobReader(
    {
      fellSilent: ({ root, path }) => said.push(`${root} hangs at ${path}`),
      answersAgain: ({ root, path, waiting }) => said.push(`${root} answers at ${path}, ${[...waiting].join(' and ')} waited`),
    },
    (options) => {
      const reader = new Hanging(options);
      readers.push(reader);
      return reader;
    },
  );
  await Promise.all(roots.map((root) => jobs.read(jobOf(root))));
  expect(said.splice(0).sort()).toEqual(roots.map((root) => `${root} hangs at ${pathOf(root)}`));
  const last = roots.at(-1) as string;
  for (const root of ['root0', last]) readers[0]?.options.answersAgain?.(pathOf(root));
  // Both waited for the first answer of their shared thread.
  expect(said).toEqual([`root0 answers at ${pathOf('root0')}, root0 and ${last} waited`, `${last} answers at ${pathOf(last)},  waited`]);
  await jobs.close();
});
