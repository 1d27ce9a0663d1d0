/** Turns flags, the environment and the configuration file into checked options. */
export { closestName } from './closest-name.ts';
export {
  type Config,
  environmentName,
  type Flags,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFormat,
  type LogLevel,
  type Root,
  type Source,
} from './config.ts';
export { loadConfig, type Surroundings } from './load-config.ts';
export { parseRoot } from './parse-root.ts';
export { isSecretName, SECRET_NAMES } from './secrets.ts';
