/** How parcels become requests: an outcome for each parcel, groups of bounded size, the search for what is refused. */
export { type BatchEntry, type BatchSteps, Search, writeBatch } from './batch.ts';
export { halvesOf, inParts, type Parts } from './in-parts.ts';
export { Job, type SendSteps, sendByRun, sendParcels } from './parcels.ts';
