/** Runs tasks: a limited number at a time, or in order by key. Waits only as long as the caller wants. */
export { each } from './each.ts';
export { inOrder } from './in-order.ts';
export { LineByKey } from './line-by-key.ts';
export { OnceByKey } from './once-by-key.ts';
export { Room } from './room.ts';
export { withSignal } from './with-signal.ts';
