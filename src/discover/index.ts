/** Says which event files exist, and to which run they belong. */
export { type ResolvedRoot, resolveRoots, type RootRequest } from './roots.ts';
export { type Found, type FoundFile, type FoundRun, isEventFileName, isWithin, type Obstacle, walk } from './walk.ts';
