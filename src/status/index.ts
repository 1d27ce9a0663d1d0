/** Counts facts about everything that happens, and reports the state of lanes and roots. */
export type { FactLog } from './fact-log.ts';
export { type HealthSource, type MetricsPage, serveHealth } from './health-server.ts';
export { KeptLag, MOST_KEPT, type PendingFile } from './kept-lag.ts';
export { KnownDamage } from './known-damage.ts';
export { type LaneCondition, LaneProgress, type LaneProgressOptions, pausedJson, type Verified } from './lane-progress.ts';
export { type LaneSnapshot, readSnapshot, waitingWords } from './lane-snapshot.ts';
export { limitedServer } from './limited-server.ts';
export { isLoopback, listenFailure, parseListen } from './listen-address.ts';
export { createLogger, formatFor, type LogFormat, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export { type HostRules, isOwnHost } from './own-host.ts';
export type { FoundDamage, Incident, LaneReport, LiveFacts, Progress, Report, RunReport } from './progress.ts';
export { PassCounters, type RunAhead } from './tracker.ts';
export {
  type LanePosture,
  type LoadedConfig,
  type RootCondition,
  type RootStatus,
  type Silence,
  type StatusWatcher,
  WatchStatus,
  type WatchStatusOptions,
} from './watch-status.ts';
