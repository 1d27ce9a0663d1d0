import type { Flags } from '../config/index.ts';
import { type ColorChoice, type Style, styleFor } from './terminal/index.ts';

export { writeOut } from './write-out.ts';

/** Options every command has. */
export interface GlobalOptions {
  readonly config?: string;
  readonly profile?: string;
  readonly store?: string;
  readonly state?: string;
  /** Which links below roots are followed. */
  readonly links?: string;
  /** What becomes of a run whose file holds other content. */
  readonly replaced?: string;
  readonly shard?: string;
  readonly memory?: string;
  /** Between two scans of a root. */
  readonly scanInterval?: string;
  /** A run that did not grow for so long has ended. */
  readonly runEndedAfter?: string;
  /** How long the end may take once a signal asked for it. */
  readonly shutdownGrace?: string;
  readonly json?: boolean;
  readonly color?: ColorChoice;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly quiet?: number;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

/** Where a command reads from and writes to, and how it ends. */
export interface CommandContext {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  exitCode: number;
}

/** The style for a stream: colours when it is a terminal and nothing forbids them. */
export function styleOf(stream: NodeJS.WriteStream, options: GlobalOptions, env: NodeJS.ProcessEnv): Style {
  return styleFor({ stream, env, choice: options.color ?? 'auto' });
}

/** The program as it was called, for commands that are shown to be typed. */
export function programName(env: NodeJS.ProcessEnv): string {
  return env['MIRRORBOARD_SELF'] || 'mirrorboard';
}

/** A word of a command, so that a shell reads it as one. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What flags say of the configuration. */
export function configFlags({
  config,
  profile,
  store,
  state,
  links,
  replaced,
  shard,
  memory,
  logLevel,
  logFormat,
  scanInterval,
  runEndedAfter,
  shutdownGrace,
  include,
  exclude,
}: GlobalOptions): Flags {
  return {
    config,
    profile,
    store,
    state,
    links,
    replaced,
    shard,
    memory,
    logLevel,
    logFormat,
    scanInterval,
    runEndedAfter,
    shutdownGrace,
    include,
    exclude,
  };
}
