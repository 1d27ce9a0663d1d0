/** Serves the local store and the state over HTTP: read-only, as JSON, for pages and programs. */
export { type ApiOptions, makeApi } from './app.ts';
export type { ConfiguredLane } from './lane-facts.ts';
export { BASE as API_BASE } from './route.ts';
