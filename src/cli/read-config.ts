import { existsSync } from 'node:fs';
import {
  type Config,
  type Flags,
  type LocalLane,
  type LogLevel,
  loadConfig,
  readText,
  type Surroundings,
  withShard,
} from '../config/index.ts';
import { MirrorError } from '../errors.ts';
import { memoryOf, useMemory } from '../memory/index.ts';
import { setOwnUmask } from '../own-files/index.ts';
import { type CommandContext, configFlags, type GlobalOptions, styleOf } from './context.ts';
import { visibleText } from './terminal/index.ts';

/** A call that reads a file of the configuration as text. */
export type ConfigReader = NonNullable<Surroundings['readFile']>;

/**
 * Returns a reader that reads each file once, however often it is asked for: a pipe gives nothing the second time.
 */
export function readingOnce(): ConfigReader {
  const texts = new Map<string, Promise<string>>();
  return (path) => {
    const text = texts.get(path) ?? readText(path);
    texts.set(path, text);
    return text;
  };
}

/** The options of reading a configuration for a command. */
interface ReadConfigOptions {
  readonly defaultLogLevel?: LogLevel;
  /** The values of flags that only this command has. */
  readonly flags?: Pick<Flags, 'lanes' | 'roots'>;
  /** The reader of files. Default: from the disk. */
  readonly readFile?: ConfigReader;
  /** True if the command itself reports the notices of the configuration. */
  readonly isSilent?: boolean;
  /** True if the command only reads the state: a named state that does not exist is a mistake. */
  readonly readsState?: boolean;
  /** True if the command mirrors: it must name its shard, instead of taking that of the state. */
  readonly isMirroring?: boolean;
}

/** Returns the configuration of a command; prints its notices to standard error. */
export async function readConfig(flags: GlobalOptions, context: CommandContext, options: ReadConfigOptions = {}): Promise<Config> {
  const { env, stderr } = context;
  const { defaultLogLevel, flags: more, readFile, isSilent = false, readsState = false, isMirroring = false } = options;
  const loaded = await loadConfig({
    flags: { ...configFlags(flags), ...more },
    env,
    cwd: process.cwd(),
    ...(defaultLogLevel === undefined ? {} : { defaultLogLevel }),
    ...(readFile === undefined ? {} : { readFile }),
  });
  const config = isMirroring ? loaded : await ofShard(loaded);
  setOwnUmask(config.umask);
  useMemory({ limit: memoryOf(config.memory), trackers: config.lanes.trackers.length });
  if (!isSilent && (flags.quiet ?? 0) < 2) {
    const style = styleOf(stderr, flags, env);
    for (const unknown of config.unknownVariables) stderr.write(`${style.yellow('warning:')} ${visibleText(unknown)}\n`);
    const notices = [...config.notices, ...(readsState ? stateNotices(config) : [])];
    for (const notice of notices) stderr.write(`${style.yellow('note:')} ${visibleText(notice)}\n`);
  }
  return config;
}

/**
 * Takes the shard from the state, unless the configuration names one: the command is about the runs that the state
 * knows.
 */
async function ofShard(config: Config): Promise<Config> {
  if (config.rules.shard !== undefined || !existsSync(config.state.path)) return config;
  const { shardOfState } = await import('../state/index.ts');
  const shard = shardOfState(config.state.path);
  return shard === undefined ? config : withShard(config, shard);
}

/** Returns the note about a named state that does not exist: all trackers would look as if nothing had begun. */
function stateNotices({ state, locations, sources, lanes }: Config): string[] {
  const location = locations.get('state');
  if (location === undefined || existsSync(state.path)) return [];
  // An image names a state for every program that runs in it: without trackers, the file need not exist.
  if (sources.get('state') === 'environment' && lanes.trackers.length === 0) return [];
  return [`${location}: no state file ${state.path}, so the content of trackers is unknown`];
}

/** Returns the local lane, for commands that are about it. Throws if there is none. */
export function localLane({ lanes }: Config): LocalLane {
  if (lanes.local !== undefined) return lanes.local;
  const names = lanes.trackers.map(({ name }) => name).join(', ');
  throw new MirrorError('MB4010', `no lane named local: the configuration lists ${names}`, {
    hint: 'List local too, or set MIRRORBOARD_LANES=local for this command.',
  });
}
