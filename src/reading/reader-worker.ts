/** The reader's thread: connects the work of `reader-desk.ts` with the main thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { CallMark, markCalls, passOver } from '../calls/index.ts';
import { useMemory } from '../memory/index.ts';
import { ReaderDesk } from './reader-desk.ts';
import type { ReaderRequest, ReaderWork } from './reader-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('the reader runs in a worker thread');
const work = workerData as ReaderWork;
useMemory(work.memory);
markCalls(new CallMark(work.mark));
for (const [path, reason] of work.passedOver) passOver(path, reason);

const desk = new ReaderDesk(work, (reply, transfer) => port.postMessage(reply, transfer));
port.on('message', (request: ReaderRequest) => desk.take(request));
