/** The thread that reads the store. It answers one question after the other, each in one snapshot. */
import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { MirrorError, messageOf } from '../errors.ts';
import type { QueryReply, QueryRequest, QueryWork } from './query-protocol.ts';
import { Stopped } from './scalars.ts';
import { StoreQuery } from './store-query.ts';

const { path } = workerData as QueryWork;
let query: StoreQuery | undefined;
/** What was at the store's path before it was opened: another file may replace it. */
let opened = '';
/** Codes of errors in a question: a run that does not exist, an invalid filter or page, too large an answer. */
const OF_QUESTIONS: ReadonlySet<string> = new Set(['MB3021', 'MB3024', 'MB5004']);

parentPort?.on('message', ({ id, question, stop }: QueryRequest) => {
  const isStopped = (): boolean => Atomics.load(stop, 0) !== 0;
  parentPort?.postMessage(isStopped() ? ({ id, kind: 'stopped' } satisfies QueryReply) : replyTo({ id, question, stop }, isStopped));
});

function replyTo({ id, question }: QueryRequest, isStopped: () => boolean): QueryReply {
  try {
    return { id, kind: 'answer', answer: current().ask(question, isStopped) };
  } catch (error) {
    if (error instanceof Stopped) return { id, kind: 'stopped' };
    // The opened store may be what is broken, unless the question is.
    if (!(error instanceof MirrorError && OF_QUESTIONS.has(error.code))) {
      query?.close();
      query = undefined;
    }
    if (!(error instanceof MirrorError)) return { id, kind: 'failed', code: 'MB9001', message: messageOf(error), details: {} };
    const { code, message, hint, command, retry, context } = error;
    const details = { ...(hint === undefined ? {} : { hint }), ...(command === undefined ? {} : { command }), retry, context };
    return { id, kind: 'failed', code, message, details };
  }
}

function current(): StoreQuery {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false, bigint: true });
  const file = stats === undefined ? '' : `${stats.dev}:${stats.ino}`;
  const state = `${file} ${stats?.mtimeNs}:${stats?.size} ${wal?.mtimeNs}:${wal?.size}`;
  const isSame = query?.isFrozen === true ? state === opened : opened.startsWith(`${file} `);
  if (!isSame || query?.isOutdated === true) {
    query?.close();
    query = undefined;
  }
  if (query === undefined) {
    query = new StoreQuery(path);
    // As it was before it was opened: what changes in between must not be missed.
    opened = state;
  }
  return query;
}
