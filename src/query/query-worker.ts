/** The thread that reads the store. It answers one question after the other, each in one snapshot. */
import { parentPort, workerData } from 'node:worker_threads';
import { MirrorError, messageOf } from '../errors.ts';
import type { QueryReply, QueryRequest, QueryWork } from './query-protocol.ts';
import { Stopped } from './scalars.ts';
import { StoreQuery } from './store-query.ts';

const { path } = workerData as QueryWork;
let query: StoreQuery | undefined;

parentPort?.on('message', ({ id, question, stop }: QueryRequest) => {
  const isStopped = (): boolean => Atomics.load(stop, 0) !== 0;
  parentPort?.postMessage(isStopped() ? ({ id, kind: 'stopped' } satisfies QueryReply) : replyTo({ id, question, stop }, isStopped));
});

function replyTo({ id, question }: QueryRequest, isStopped: () => boolean): QueryReply {
  try {
    query ??= new StoreQuery(path);
    return { id, kind: 'answer', answer: query.ask(question, isStopped) };
  } catch (error) {
    if (error instanceof Stopped) return { id, kind: 'stopped' };
    // The opened store may be what is broken.
    query?.close();
    query = undefined;
    if (!(error instanceof MirrorError)) return { id, kind: 'failed', code: 'MB9001', message: messageOf(error), details: {} };
    const { code, message, hint, command, retry, context } = error;
    const details = { ...(hint === undefined ? {} : { hint }), ...(command === undefined ? {} : { command }), retry, context };
    return { id, kind: 'failed', code, message, details };
  }
}
