/**
 * How pieces of work stand to one another: some at a time, in line by their keys, and waited for only as long as the
 * caller wants to.
 */
export { each } from './each.ts';
export { LineByKey } from './line-by-key.ts';
export { OnceByKey } from './once-by-key.ts';
export { Room } from './room.ts';
export { withSignal } from './with-signal.ts';
