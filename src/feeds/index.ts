/** Bring the lanes to the ends of the files: one feed for the store, one for each tracker. */
export type { Feed, FeedEvents, FeedStatus } from './feed.ts';
export { FoundRuns } from './found-runs.ts';
export { HealSchedule } from './heal-schedule.ts';
export { LocalFeed } from './local-feed.ts';
export { LocalPass } from './local-pass.ts';
export { TrackerFeed } from './tracker-feed.ts';
