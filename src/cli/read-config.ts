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

/** Reads a file of the configuration as text. */
export type ConfigReader = NonNullable<Surroundings['readFile']>;

/** Reads each file once, however often it is asked for: a pipe gives nothing the second time. */
export function readingOnce(): ConfigReader {
  const texts = new Map<string, Promise<string>>();
  return (path) => {
    const text = texts.get(path) ?? readText(path);
    texts.set(path, text);
    return text;
  };
}

/** What a command's flags say of the configuration. */
interface ReadConfigOptions {
  readonly defaultLogLevel?: LogLevel;
  /** What only this command's flags say. */
  readonly flags?: Pick<Flags, 'lanes' | 'roots'>;
  /** Default: from the disk. */
  readonly readFile?: ConfigReader;
  /** The command says by itself what should be known of how the configuration was read. */
  readonly isSilent?: boolean;
  /** The command only reads the state: one that was named and is not there is a slip. */
  readonly readsState?: boolean;
  /** The command mirrors: it has to be told its shard, rather than take that of the state. */
  readonly isMirroring?: boolean;
}

/** The configuration of a command; what should be known of how it was read is reported on standard error. */
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

/** The state says whose runs it knows: a command that is told nothing else is about those. */
async function ofShard(config: Config): Promise<Config> {
  if (config.rules.shard !== undefined || !existsSync(config.state.path)) return config;
  const { shardOfState } = await import('../state/index.ts');
  const shard = shardOfState(config.state.path);
  return shard === undefined ? config : withShard(config, shard);
}

/** The note about a named state that does not exist: all trackers would look as if nothing had begun. */
function stateNotices({ state, locations, sources, lanes }: Config): string[] {
  const location = locations.get('state');
  if (location === undefined || existsSync(state.path)) return [];
  // An image names a state for all that may be run in it: without trackers there need be none.
  if (sources.get('state') === 'environment' && lanes.trackers.length === 0) return [];
  return [`${location}: no state file ${state.path}, so the content of trackers is unknown`];
}

/** The local lane, for commands that are about it. */
export function localLane({ lanes }: Config): LocalLane {
  if (lanes.local !== undefined) return lanes.local;
  const names = lanes.trackers.map(({ name }) => name).join(', ');
  throw new MirrorError('MB4010', `no lane named local: the configuration lists ${names}`, {
    hint: 'List local too, or set MIRRORBOARD_LANES=local for this command.',
  });
}
