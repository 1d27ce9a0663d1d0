/** Keeps files in an object store with the S3 API, under names that make a repeated upload harmless. */
export { type ObjectContent, ObjectStore } from './object-store.ts';
export { isObjectEndpoint, OBJECT_ENDPOINT, type ObjectAddress, parseObjectUrl } from './object-url.ts';
export type { ObjectStoreOptions } from './options.ts';
