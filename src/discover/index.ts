/** Finds the event files, and the run that each belongs to. */

export { isWithin, type LinkRule } from '../untrusted/index.ts';
export { DirectoryCache } from './directory-cache.ts';
export { DirectoryNotifications } from './directory-notifications.ts';
export { isCompanion, isEventFileName, whyPassedOver } from './event-file-name.ts';
export { fileSystemName, hasNotifications, notificationLimits } from './file-system.ts';
export { nextScanDelay, pollInterval } from './heat.ts';
export { Listener, type WatchDirectory } from './listener.ts';
export type { DiscoverFact, SeenFile } from './protocol.ts';
export { LISTED_ONLY, namesIn } from './read-entries.ts';
export { type ChangedFile, isHidden, MOST_WATCHES, RootWatch, type RunChange } from './root-watch.ts';
export { type ResolvedRoot, type RootRequest, resolveRoots } from './roots.ts';
export { type RunFilter, runFilter } from './run-filter.ts';
export { ALL_RUNS, filterOf, globsOf, isLetThrough, type RootRules, type RunGlobs, type RunRules } from './run-rules.ts';
export { unitNames, unitShard } from './shard-rule.ts';
export { silentRoots, unseenRoots } from './silent-roots.ts';
export { DiscoverThreads } from './thread.ts';
export type { UnseenRoots } from './unseen-roots.ts';
export {
  DANGLING,
  type FoundFile,
  type FoundRun,
  type IsKnown,
  isKnownTo,
  type PassedOver,
  readOnce,
  visit,
  type WalkObstacle,
  type WalkOptions,
  type WalkResult,
} from './walk.ts';
