/** Drives lanes: parcels go to a backend in order, within its limits, until they are stored. */
export { AnswerWatch, SILENT_MS } from './answer-watch.ts';
export type { CheckpointStore, Settled, StartedSend } from './checkpoint-store.ts';
export type { BreakerEvents } from './circuit-breaker.ts';
export { Lane } from './lane.ts';
export { isEmpty } from './split-batch.ts';
export { CONFIRMATIONS, TrackerLane, type Undelivered } from './tracker-lane.ts';
