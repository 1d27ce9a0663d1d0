/** The reader's thread: connects the work of `request-reader.ts` with the main thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { CallMark, markCalls, passOver } from '../calls/index.ts';
import { useMemory } from '../memory/index.ts';
import type { ReaderRequest, ReaderWork } from './reader-protocol.ts';
import { type PostReply, postFailure, walkFor } from './reader-walk.ts';
import type { RequestReader } from './request-reader.ts';

const port = parentPort;
if (port === null) throw new Error('the reader runs in a worker thread');
const work = workerData as ReaderWork;
useMemory(work.memory);
markCalls(new CallMark(work.mark));
for (const [path, reason] of work.passedOver) passOver(path, reason);

const post: PostReply = (reply, transfer) => port.postMessage(reply, transfer);
/** Loaded with the first request that reads: a pass with nothing new only walks. */
let reader: Promise<RequestReader> | undefined;
/** The request that is being answered. The next one follows it, even if the reader has to be loaded for that one. */
let last: Promise<void> = Promise.resolve();

port.on('message', (request: ReaderRequest) => {
  last = last.then(() => answer(request)).catch((error: unknown) => postFailure(error, post));
});

async function answer(request: ReaderRequest): Promise<void> {
  if (reader === undefined && request.kind === 'walk') {
    walkFor(request, post);
    return;
  }
  reader ??= import('./request-reader.ts').then(({ RequestReader }) => new RequestReader(work, post));
  (await reader).take(request);
}
