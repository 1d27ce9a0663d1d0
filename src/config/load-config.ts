import { readFile as readFileFromDisk } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MirrorError, messageOf, systemCode } from '../errors.ts';
import { suggestion } from './closest-name.ts';
import {
  type Config,
  defaultMediaPath,
  environmentName,
  type Flags,
  flagName,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogLevel,
  type Root,
  type Source,
} from './config.ts';
import type { Environment } from './expand-variables.ts';
import type { FileSettings } from './file-schema.ts';

const DEFAULT_FILE = './mirrorboard.yaml';
const DEFAULT_STORE = './mirrorboard.db';
const DEFAULT_STATE = './mirrorboard.state';

/** All that a configuration is made from. */
export interface Surroundings {
  readonly flags: Flags;
  readonly env: Environment;
  /** The working directory, where the file is looked for. */
  readonly cwd: string;
  /** Reads a text; fails with a system code (ENOENT). Default: from disk, as UTF-8. */
  readonly readFile?: (path: string) => Promise<string> | string;
  /** Default: `warn`, as fits a command that ends; services say `info`. */
  readonly defaultLogLevel?: LogLevel;
}

interface Chosen<T> {
  readonly value: T;
  readonly source: Source;
}

/** The configuration of one command: a flag wins over the environment, that over the file, that over the default. */
export async function loadConfig(surroundings: Surroundings): Promise<Config> {
  const named = given(surroundings, 'config');
  const settings = await readSettings(surroundings, named?.value);
  const sources = new Map<string, Source>();
  const note = <T>(field: string, chosen: Chosen<T>): T => {
    sources.set(field, chosen.source);
    return chosen.value;
  };
  const file = note('config', named ?? { value: settings === undefined ? undefined : DEFAULT_FILE, source: 'default' });
  const local = settings?.lanes?.local;
  const store = given(surroundings, 'store') ?? inFile(local?.path) ?? byDefault(DEFAULT_STORE);
  const state = given(surroundings, 'state') ?? byDefault(DEFAULT_STATE);
  // A media folder named in the file belongs to the file's store, not to another one that a flag names.
  const isFilesStore = store.source === 'file' || store.source === 'default';
  const media = (isFilesStore ? inFile(local?.media_path) : undefined) ?? byDefault(defaultMediaPath(store.value));
  const level = givenWord(surroundings, 'logLevel', LOG_LEVELS) ?? inFile(settings?.log?.level);
  const format = givenWord(surroundings, 'logFormat', LOG_FORMATS) ?? inFile(settings?.log?.format);
  if (settings?.project !== undefined) sources.set('project', 'file');
  return {
    file,
    ...(settings?.project === undefined ? {} : { project: settings.project }),
    roots: note('roots', chosenRoots(surroundings.flags, settings)),
    lanes: { local: { path: note('lanes.local.path', store), mediaPath: note('lanes.local.media_path', media) } },
    state: { path: note('state', state) },
    log: {
      level: note('log.level', level ?? byDefault(surroundings.defaultLogLevel ?? 'warn')),
      format: note('log.format', format ?? byDefault(undefined)),
    },
    sources,
  };
}

/** The settings of the file, undefined where there is none. Without a name, none is no error. */
async function readSettings({ env, cwd, readFile }: Surroundings, named: string | undefined): Promise<FileSettings | undefined> {
  const file = named ?? DEFAULT_FILE;
  let text: string;
  try {
    text = await (readFile ?? fromDisk)(resolve(cwd, file));
  } catch (cause) {
    if (named === undefined && systemCode(cause) === 'ENOENT') return undefined;
    throw new MirrorError('MB1003', `reading the configuration ${file}: ${reasonOf(cause)}`, {
      hint: named === undefined ? `Make ${file} readable, or move it away.` : 'Check the path given with --config or MIRRORBOARD_CONFIG.',
      cause,
      context: { file },
    });
  }
  // Here and not at the top: most commands have no file, and need not wait for the parser.
  const { parseConfigFile } = await import('./config-file.ts');
  return parseConfigFile(file, text, env);
}

function fromDisk(path: string): Promise<string> {
  return readFileFromDisk(path, 'utf8');
}

function reasonOf(cause: unknown): string {
  switch (systemCode(cause)) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EISDIR':
      return 'it is a directory';
    case 'EACCES':
      return 'no permission';
    default:
      return messageOf(cause);
  }
}

/** What the command line or the environment says. An empty variable says nothing, as everywhere; an empty flag is a slip. */
function given({ flags, env }: Surroundings, name: 'config' | 'store' | 'state' | 'logLevel' | 'logFormat'): Chosen<string> | undefined {
  const flag = flags[name];
  if (flag === '')
    throw new MirrorError('MB1001', `${flagName(name)}: found an empty text, expected a value`, { context: { flag: flagName(name) } });
  if (flag !== undefined) return { value: flag, source: 'flag' };
  const variable = env[environmentName(name)];
  return variable === undefined || variable === '' ? undefined : { value: variable, source: 'environment' };
}

function givenWord<Word extends string>(
  from: Surroundings,
  name: 'logLevel' | 'logFormat',
  words: readonly Word[],
): Chosen<Word> | undefined {
  const said = given(from, name);
  if (said === undefined) return undefined;
  const value = words.find((word) => word === said.value);
  if (value !== undefined) return { value, source: said.source };
  const [code, place] = said.source === 'flag' ? (['MB1001', flagName(name)] as const) : (['MB1002', environmentName(name)] as const);
  const found = JSON.stringify(said.value);
  throw new MirrorError(code, `${place}: found ${found}, expected one of ${words.join(', ')}${suggestion(said.value, words)}`, {
    context: { field: place, found: said.value, expected: words.join(', ') },
  });
}

function chosenRoots(flags: Flags, settings: FileSettings | undefined): Chosen<readonly Root[]> {
  if (flags.roots !== undefined && flags.roots.length > 0) return { value: flags.roots, source: 'flag' };
  if (settings?.roots === undefined) return byDefault([]);
  return { value: settings.roots.map(({ path, name }) => (name === undefined ? { path } : { path, name })), source: 'file' };
}

function inFile<T>(value: T | undefined): Chosen<T> | undefined {
  return value === undefined ? undefined : { value, source: 'file' };
}

function byDefault<T>(value: T): Chosen<T> {
  return { value, source: 'default' };
}
