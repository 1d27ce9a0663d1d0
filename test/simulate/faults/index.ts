import { DELIVERY } from './delivery.ts';
import { FILES } from './files.ts';
import type { KnownFault } from './known-fault.ts';
import { STATE } from './state.ts';

export { has, type KnownFault, withFault } from './known-fault.ts';

/** All faults that the simulator must find. */
export const KNOWN_FAULTS: readonly KnownFault[] = [...DELIVERY, ...STATE, ...FILES];
