/** Answers every question about a local store, fast, and never on the writer's thread. */
export { type OpenMediaFile, openMediaFile } from './media-file.ts';
export type * from './questions.ts';
export { StoreQueries, type StoreQueriesOptions } from './store-queries.ts';
export { StoreQuery } from './store-query.ts';
