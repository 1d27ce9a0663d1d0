/**
 * `mirrorboard`: the engine as a library. It does what the command line does: `loadConfig` reads a configuration,
 * `makeLanes` makes its trackers' backends, `backfill`, `watch`, `verify` and `migrate` work on them, `openStore`
 * reads the local store.
 */

export type { ArtifactRule, ArtifactRules, JoinRule, ParamRule } from './artifacts/index.ts';
export { type ListedInStore, openStore, type StoredRun, type StoredSeries, type StoreReader } from './backends/local/index.ts';
export type { Clock, StopTimer, TimerOptions } from './clock.ts';
export {
  type Config,
  type Flags,
  type Lanes,
  type LocalLane,
  type LogFormat,
  type LogLevel,
  linksOf,
  loadConfig,
  type Moved,
  parseRoot,
  type Reload,
  type Root,
  type RunRules as ConfiguredRunRules,
  replacedOf,
  type SettingOrigin,
  type ShardRule,
  type Source,
  type Surroundings,
  type TrackerLaneConfig,
  type UnitRule,
  type WrittenSetting,
} from './config/index.ts';
export type * from './contract/index.ts';
export type { RootRequest, RootRules, RunRules } from './discover/index.ts';
export type { Environment } from './environment.ts';
export { type ErrorCode, type ErrorDetails, ExitCode, errorCodes, MirrorError } from './errors.ts';
export {
  type LaneRouting,
  type LaneWarning,
  type MakeLanesOptions,
  makeTrackerLanes as makeLanes,
  type RunNames,
  type StoreOptions,
  type TrackerLaneOptions,
} from './lanes/index.ts';
export { type ForeignMetric, type MigrateOptions, type Migration, migrate, type Verdict } from './migrate/index.ts';
export type {
  Batch,
  Damage,
  DamageReason,
  DataClass,
  FileState,
  Gap,
  Guard,
  IncompleteLook,
  Kind,
  LanePause,
  Mark,
  MarkKind,
  ObjectPoint,
  PointForm,
  Position,
  RecordMark,
  RunRef,
  ScalarColumns,
  Series,
  Shard,
  TrailMark,
  WrittenPoint,
} from './model/index.ts';
export type { Random } from './random.ts';
export type {
  Around,
  Assignment,
  Fold,
  FoldRules,
  LaneFacts,
  LaneRoute,
  LaneRouteOptions,
  Place,
  Rename,
  Replaced,
  RouteRule,
  RunRoute,
  SeriesRoute,
} from './route/index.ts';
export type {
  FactLog,
  FoundDamage,
  Incident,
  KnownDamage,
  LaneCondition,
  LaneProgress,
  LaneProgressOptions,
  LaneReport,
  LaneSnapshot,
  LoadedConfig,
  PassCounters,
  PendingFile,
  Progress,
  Report,
  RootCondition,
  RootStatus,
  RunAhead,
  RunReport,
  Silence,
  StatusWatcher,
  Verified,
  WatchStatus,
  WatchStatusOptions,
} from './status/index.ts';
export { type BackfillOptions, backfill, type WatchOptions, watch } from './sync/index.ts';
export type { LinkRule, LinkRules } from './untrusted/index.ts';
export {
  type Absence,
  type Absences,
  type ArtifactCounts,
  type DamagedBytes,
  type Difference,
  exitCodeOf,
  type LaneCounts,
  type ListingDifference,
  type Losses,
  type MediaCounts,
  type MediaDifference,
  type Obstacle,
  type PointDifference,
  type PointPlace,
  type PointValue,
  type Repairs,
  type RunVerdict,
  type Sample,
  type StoredArtifactDifference,
  type Totals,
  type TroubledFile,
  totalsOf,
  type UncomparedRun,
  type Unjudged,
  type Verification,
} from './verify/compare/index.ts';
export {
  type ForeignCounts,
  type ForeignFindings,
  type VerifyLanesOptions as VerifyOptions,
  verifyBetween,
  verifyLanes as verify,
} from './verify/index.ts';
