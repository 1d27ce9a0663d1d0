import type { Flags } from '../config/index.ts';
import { type ColorChoice, type Style, styleFor } from './terminal/index.ts';

export { writeOut } from './write-out.ts';

/** The options of every command. */
export interface GlobalOptions {
  readonly config?: string;
  readonly profile?: string;
  readonly store?: string;
  readonly state?: string;
  /** The rule for links below roots. */
  readonly links?: string;
  /** The rule for a run whose file holds other content. */
  readonly replaced?: string;
  readonly shard?: string;
  readonly memory?: string;
  /** The time between two scans of a root. */
  readonly scanInterval?: string;
  /** The time without growth after which a run has ended. */
  readonly runEndedAfter?: string;
  /** The time that a command may take to end after a signal. */
  readonly shutdownGrace?: string;
  readonly json?: boolean;
  readonly color?: ColorChoice;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly quiet?: number;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

/** The streams and the environment of a command, and its exit code. */
export interface CommandContext {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  exitCode: number;
}

/** Returns the style for a stream: with colours if it is a terminal and nothing forbids them. */
export function styleOf(stream: NodeJS.WriteStream, options: GlobalOptions, env: NodeJS.ProcessEnv): Style {
  return styleFor({ stream, env, choice: options.color ?? 'auto' });
}

/** Returns the program's name as it was called, for commands that a person may type. */
export function programName(env: NodeJS.ProcessEnv): string {
  return env['MIRRORBOARD_SELF'] || 'mirrorboard';
}

/** Returns a word of a command, quoted so that a shell reads it as one. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const CONFIG_FLAGS = [
  'config',
  'profile',
  'store',
  'state',
  'links',
  'replaced',
  'shard',
  'memory',
  'logLevel',
  'logFormat',
  'scanInterval',
  'runEndedAfter',
  'shutdownGrace',
  'include',
  'exclude',
] as const satisfies readonly (keyof Flags & keyof GlobalOptions)[];

/** Returns the flags that set the configuration. */
export function configFlags(options: GlobalOptions): Flags {
  return Object.fromEntries(CONFIG_FLAGS.map((name) => [name, options[name]]));
}
