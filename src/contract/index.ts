/**
 * What a backend is: the ground that sync, verify and every backend are on. It knows the model and the errors, and
 * nobody else. `backend.ts` is the place to begin; docs/adding-a-backend.md shows how the calls follow each other.
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
