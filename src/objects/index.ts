/** Keep files in an object store that speaks S3, under names that make a repeated upload harmless. */
export { type ObjectContent, ObjectStore } from './object-store.ts';
export { type ObjectAddress, parseObjectUrl } from './object-url.ts';
export type { ObjectStoreOptions } from './options.ts';
