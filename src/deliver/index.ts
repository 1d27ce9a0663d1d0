/** Drives lanes: each hands its parcels to one backend, in order, and says what was accepted. */
export { Lane, type LaneEvents } from './lane.ts';
