/**
 * The contract of a backend: sync, verify and every backend build on it. It imports only the model and the errors.
 * Start with `backend.ts`; docs/adding-a-backend.md shows the order of the calls.
 */
export type * from './artifacts.ts';
export type * from './backend.ts';
export type * from './backend-type.ts';
export type * from './capabilities.ts';
export type * from './journal.ts';
export type * from './outcome.ts';
export type * from './parcel.ts';
export type * from './position-owner.ts';
export type * from './run.ts';
