/** The contract suite for backends, with its parts: event files, runs that grow, a small delivery, faults. */
export { assertError, assertOutcomes, Bench, contractCase, until } from './bench.ts';
export type { CaseContext, Runner, SuiteOptions } from './case-context.ts';
export { contractSuite } from './contract-suite.ts';
export * as events from './events/index.ts';
export { type Fault, type FaultKind, FaultQueue, untilAborted } from './fault.ts';
export type { Harness, Target } from './harness.ts';
export { HOSTILE_NAMES, HOSTILE_RUNS } from './hostile-names.ts';
export { lossy } from './lossy-backend.ts';
export { makeBackend } from './make-backend.ts';
export { Mirror, type MirrorScene, mirrorScene, type SceneLane } from './mirror-scene.ts';
export { type Draft, GrowingRun } from './parcels.ts';
export { differences, expectedOf, type HeldPoints, readHeld } from './read-back.ts';
export { type Ledger, newLedger, SmallDelivery } from './small-delivery.ts';
export { type StubAnswer, type StubOptions, type StubRequest, StubServer } from './stub-server.ts';
