/** The discovery thread: connects the work of `discovery.ts` with the main thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { CallMark, markCalls, passOver } from '../calls/index.ts';
import { collectGarbage } from '../memory/index.ts';
import { Discovery } from './discovery.ts';
import type { DiscoverRequest, DiscoverWork } from './protocol.ts';

const work = workerData as DiscoverWork;
markCalls(new CallMark(work.mark));
for (const [path, reason] of work.passedOver) passOver(path, reason);

const discovery = new Discovery(work, (fact) => parentPort?.postMessage(fact));
parentPort?.on('message', (request: DiscoverRequest) => {
  discovery.take(request);
  // The first scan is over. What it left behind would stay: later scans allocate little.
  if (request.kind === 'begin') collectGarbage();
});
