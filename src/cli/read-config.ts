import { type Config, type Flags, type LocalLane, type LogLevel, loadConfig, readText, type Surroundings } from '../config/index.ts';
import { MirrorError } from '../errors.ts';
import { memoryOf, useMemory } from '../memory/index.ts';
import { setOwnUmask } from '../own-files/index.ts';
import { type CommandContext, configFlags, type GlobalOptions, styleOf } from './context.ts';
import { visibleText } from './terminal/index.ts';

export type ReadFile = NonNullable<Surroundings['readFile']>;

/** Reads each file once, however often it is asked for: a pipe gives nothing the second time. */
export function readingOnce(): ReadFile {
  const texts = new Map<string, Promise<string>>();
  return (path) => {
    const text = texts.get(path) ?? readText(path);
    texts.set(path, text);
    return text;
  };
}

export interface ReadConfigOptions {
  readonly defaultLogLevel?: LogLevel;
  /** What only this command's flags say. */
  readonly flags?: Pick<Flags, 'lanes' | 'roots'>;
  /** Default: from the disk. */
  readonly readFile?: ReadFile;
  /** The command says by itself what should be known of how the configuration was read. */
  readonly isSilent?: boolean;
}

/** The configuration of a command; what should be known of how it was read is said on standard error. */
export async function readConfig(flags: GlobalOptions, context: CommandContext, options: ReadConfigOptions = {}): Promise<Config> {
  const { env, stderr } = context;
  const { defaultLogLevel, flags: more, readFile, isSilent = false } = options;
  const config = await loadConfig({
    flags: { ...configFlags(flags), ...more },
    env,
    cwd: process.cwd(),
    ...(defaultLogLevel === undefined ? {} : { defaultLogLevel }),
    ...(readFile === undefined ? {} : { readFile }),
  });
  setOwnUmask(config.umask);
  useMemory({ limit: memoryOf(config.memory), trackers: config.lanes.trackers.length });
  if (!isSilent && (flags.quiet ?? 0) < 2) {
    const style = styleOf(stderr, flags, env);
    for (const unknown of config.unknownVariables) stderr.write(`${style.yellow('warning:')} ${visibleText(unknown)}\n`);
    for (const notice of config.notices) stderr.write(`${style.yellow('note:')} ${visibleText(notice)}\n`);
  }
  return config;
}

/** The local lane, for commands that are about it. */
export function localLane({ lanes }: Config): LocalLane {
  if (lanes.local !== undefined) return lanes.local;
  const names = lanes.trackers.map(({ name }) => name).join(', ');
  throw new MirrorError('MB4010', `there is no lane local: the configuration lists ${names}`, {
    hint: 'List local too, or set MIRRORBOARD_LANES=local for this command.',
  });
}
