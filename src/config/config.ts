/** What every command knows once flags, environment and file are read. Paths stay as they were written; relative ones are relative to the working directory. */
export interface Config {
  /** The configuration file that was read; undefined where there is none. */
  readonly file: string | undefined;
  /** A name that lanes with projects or experiments share. Default: none. */
  readonly project?: string;
  /** The log directories. Default: none. */
  readonly roots: readonly Root[];
  readonly lanes: Lanes;
  /** The state file of services. Default: `./mirrorboard.state`. */
  readonly state: { readonly path: string };
  readonly log: {
    /** Default: the command's own, see `Surroundings.defaultLogLevel`. */
    readonly level: LogLevel;
    /** Default: undefined, which is `pretty` on a terminal and `json` elsewhere. */
    readonly format: LogFormat | undefined;
  };
  /** Where each value came from, by its path in the file (`lanes.local.path`); `config` stands for the choice of the file. */
  readonly sources: ReadonlyMap<string, Source>;
}

/** The lanes to mirror into: those listed in the file, `local` alone where none are. */
export interface Lanes {
  readonly local: LocalLane;
}

export interface LocalLane {
  /** The SQLite file. Default: `./mirrorboard.db`. */
  readonly path: string;
  /** The folder of media. Default: beside the store, `.media` in place of `.db`. */
  readonly mediaPath: string;
}

/** A log directory as it was asked for. */
export interface Root {
  readonly path: string;
  /** Default: the last part of the path. */
  readonly name?: string;
}

/** Who decided a value. */
export type Source = 'flag' | 'environment' | 'file' | 'default';

/** From silence to all; each level includes those before it. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What a command line can say; undefined is not said. */
export interface Flags {
  /** `--config FILE`. */
  readonly config?: string | undefined;
  /** `--store FILE`: the local lane's path. */
  readonly store?: string | undefined;
  /** `--state FILE`. */
  readonly state?: string | undefined;
  /** `--log-level LEVEL`. */
  readonly logLevel?: string | undefined;
  /** `--log-format FORMAT`. */
  readonly logFormat?: string | undefined;
  /** The roots of the command line, see `parseRoot`: they replace those of the file. None given is an empty list. */
  readonly roots?: readonly Root[] | undefined;
}

/** The variable that stands for a flag: `logLevel` is `MIRRORBOARD_LOG_LEVEL`. */
export function environmentName(flag: string): string {
  return `MIRRORBOARD_${kebab(flag).replaceAll('-', '_').toUpperCase()}`;
}

/** A flag as it is typed: `logLevel` is `--log-level`. */
export function flagName(flag: string): string {
  return `--${kebab(flag)}`;
}

function kebab(flag: string): string {
  return flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Where media of a store lie unless something else is said. */
export function defaultMediaPath(storePath: string): string {
  return storePath.endsWith('.db') ? `${storePath.slice(0, -3)}.media` : `${storePath}.media`;
}
