/** The walks of a reader's thread. They need nothing of what reads and decodes. */
import { steadyMs } from '../clock.ts';
import { type FoundRun, type PassedOver, runFilter, visit } from '../discover/index.ts';
import type { ReaderReply, ReaderRequest } from './reader-protocol.ts';

/** A walk reports what it found in pieces of this many runs, or after this time. */
const REPORT_RUNS = 1000;
const REPORT_MS = 100;

/** Sends a reply to the main thread; the buffers move there. */
export type PostReply = (reply: ReaderReply, transfer: ArrayBuffer[]) => void;

/** Walks a root. Sends what was found so far while the walk continues: a large root takes minutes. */
export function walkFor(
  { root, below, include, exclude, ignore, shard, links, isNaming }: Extract<ReaderRequest, { kind: 'walk' }>,
  post: PostReply,
): void {
  const filter = runFilter(include, exclude, ignore, shard);
  let runs: FoundRun[] = [];
  let directories = 0;
  let reportedAtMs = steadyMs();
  const report = (): void => {
    if (runs.length < REPORT_RUNS && steadyMs() - reportedAtMs < REPORT_MS) return;
    post({ kind: 'found', found: { runs, obstacles: [], directories }, isLast: false }, []);
    runs = [];
    reportedAtMs = steadyMs();
  };
  const passedOver: PassedOver[] = [];
  const onPassedOver = isNaming === true ? (passed: PassedOver) => passedOver.push(passed) : undefined;
  const onDirectory = (): void => {
    directories++;
    report();
  };
  const { obstacles } = visit(root, below, { links, onPassedOver, onDirectory, ...(filter === undefined ? {} : { filter }) }, (run) => {
    runs.push(run);
    report();
  });
  post({ kind: 'found', found: { runs, obstacles, passedOver, directories }, isLast: true }, []);
}

/** Sends an error as the reply to a request. */
export function postFailure(error: unknown, post: PostReply): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  post({ kind: 'failed', message, stack: stack ?? '' }, []);
}
