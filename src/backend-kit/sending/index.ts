/**
 * The way from parcels to requests: an outcome for each parcel, groups of bounded size, and the search for refused
 * items.
 */
export { type BatchEntry, type BatchSteps, Search, writeBatch } from './batch.ts';
export { halvesOf, inParts, type Parts } from './in-parts.ts';
export { Job, type SendSteps, sendByRun, sendParcels } from './parcels.ts';
