import type { ReadEvent, RunJob } from '../../src/reading/read-event.ts';
import { RunSession } from '../../src/reading/reader.ts';
import type { FileWindow } from '../../src/tail/index.ts';

/** Reads a run in this thread, with nothing kept of it. */
export function readRun(job: RunJob, window: FileWindow): Generator<ReadEvent, void, void> {
  return new RunSession(job).read(job, window);
}
