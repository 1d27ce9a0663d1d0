/** Turns flags, the environment and the configuration file into checked options. */

export { linksOf, replacedOf, runEndedAfterOf } from './by-root.ts';
export {
  type Config,
  type ConfiguredRunRules,
  defaultMediaPath,
  type Flags,
  type Lanes,
  LOG_FORMATS,
  LOG_LEVELS,
  type LocalLane,
  type LogFormat,
  type LogLevel,
  type Moved,
  type Reload,
  type Root,
  type SettingOrigin,
  type ShardRule,
  type TrackerLaneConfig,
  type UnitRule,
  type ValueSource,
} from './config.ts';
export { constantOf, expandTemplate, fillIn, literalTemplate, templateProblem } from './expand-template.ts';
export type { FileSettings } from './file-schema.ts';
export { GROUP_TEMPLATES, LANE_TYPES } from './lane-types.ts';
export { LANES_VARIABLES, loadConfig, type Surroundings } from './load-config.ts';
export { isRootName, parseRoot } from './parse-root.ts';
export { fieldName, type LocatedProblem, problemsError } from './problem.ts';
export { readText } from './read-text.ts';
export { reloadConfig } from './reload-config.ts';
export { isSecretName, SECRET_NAMES, withoutUserInfo } from './secrets.ts';
export { checkSameShard, unitRule, withShard } from './shard.ts';
export { TAKEN } from './tracker-lanes.ts';
export { unknownVariables } from './unknown-variables.ts';
export { FILE_SUFFIX, valueInFile } from './value-file.ts';
export type { WrittenSetting } from './written-setting.ts';
