/** Drives lanes: parcels go to a backend in order, within its limits, until they are stored. */
export { type AnswerEvents, AnswerWatch, SILENT_MS } from './answer-watch.ts';
export { type Clock, realClock } from './clock.ts';
export type { GateEvents } from './gate.ts';
export { Lane } from './lane.ts';
export type { Begun, LaneBook, Settled } from './lane-book.ts';
export { isEmpty } from './split-batch.ts';
export { CONFIRMATIONS, type Delivery, TrackerLane, type Undelivered } from './tracker-lane.ts';
