/** Hears of everything that happens, counts it, and says how things stand. */
export type { FoundDamage, Incident, Progress, Report, RunReport } from './progress.ts';
export { PassTracker, type RunAhead } from './tracker.ts';
