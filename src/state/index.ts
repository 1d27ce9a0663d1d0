/** What outlives the process beside the stores themselves; for now, the lock. */
export { FileLock } from './lock.ts';
