/**
 * The registry of error codes, and the one error class that carries them. Each code has an entry in docs/errors.md.
 */

/** The exit codes, on which a program that calls mirrorboard can rely: see docs/commands.md. */
export const ExitCode = {
  done: 0,
  notMirrored: 1,
  wrongUse: 2,
  couldNotJudge: 3,
  locked: 4,
  interrupted: 130,
} as const;

/** One of `ExitCode`. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

interface CodeEntry {
  readonly title: string;
  readonly exit: ExitCode;
}

/**
 * The codes by their first digits: MB1… wrong use and configuration, MB2… log directories, MB3… the local store and
 * the state, MB4… backends, MB5… the API, MB9… mirrorboard itself.
 */
export const errorCodes = {
  MB1001: { title: 'the command line is not valid', exit: ExitCode.wrongUse },
  MB1002: { title: 'the configuration is not valid', exit: ExitCode.wrongUse },
  MB1003: { title: 'the configuration file cannot be read', exit: ExitCode.wrongUse },
  MB1004: { title: 'an environment variable in the configuration is not set', exit: ExitCode.wrongUse },
  MB1030: { title: 'no such profile', exit: ExitCode.wrongUse },
  MB2001: { title: 'a log directory does not exist', exit: ExitCode.wrongUse },
  MB2002: { title: 'a log directory is not a directory', exit: ExitCode.wrongUse },
  MB2003: { title: 'a log directory cannot be read', exit: ExitCode.wrongUse },
  MB2004: { title: 'two log directories have the same name', exit: ExitCode.wrongUse },
  MB2005: { title: 'a log directory is inside another one', exit: ExitCode.wrongUse },
  MB2006: { title: 'a log directory contains one that is already mirrored', exit: ExitCode.wrongUse },
  MB2007: { title: 'the name of a log directory is already taken', exit: ExitCode.wrongUse },
  MB2008: { title: 'a file changed while it was read', exit: ExitCode.notMirrored },
  MB2010: { title: 'a link is not followed', exit: ExitCode.notMirrored },
  MB2011: { title: 'something in a log directory is not a regular file', exit: ExitCode.notMirrored },
  MB2012: { title: 'a params or join file is too large', exit: ExitCode.notMirrored },
  MB2013: { title: 'a file keeps changing', exit: ExitCode.notMirrored },
  MB2030: { title: 'a file system does not answer', exit: ExitCode.couldNotJudge },
  MB3001: { title: 'the local store cannot be opened', exit: ExitCode.notMirrored },
  MB3002: { title: 'the file is not a mirrorboard store', exit: ExitCode.wrongUse },
  MB3003: { title: 'the local store was created by a newer mirrorboard', exit: ExitCode.wrongUse },
  MB3004: { title: 'another mirrorboard writes to the local store', exit: ExitCode.locked },
  MB3005: { title: 'the local store cannot be written', exit: ExitCode.notMirrored },
  MB3006: { title: 'the local store is damaged', exit: ExitCode.notMirrored },
  MB3007: { title: 'no local store', exit: ExitCode.wrongUse },
  MB3008: { title: 'the local store has no such root', exit: ExitCode.wrongUse },
  MB3009: { title: 'the output cannot be written', exit: ExitCode.notMirrored },
  MB3010: { title: 'a file is not safe for a store or a state', exit: ExitCode.wrongUse },
  MB3020: { title: 'a log directory was moved', exit: ExitCode.wrongUse },
  MB3021: { title: 'no such root or run', exit: ExitCode.wrongUse },
  MB3022: { title: 'a root cannot have this name', exit: ExitCode.wrongUse },
  MB3023: { title: 'a confirmation is needed', exit: ExitCode.wrongUse },
  MB3024: { title: 'a filter of runs is not valid', exit: ExitCode.wrongUse },
  MB3030: { title: 'TensorBoard cannot be started', exit: ExitCode.notMirrored },
  MB3101: { title: 'the state file cannot be opened or written', exit: ExitCode.notMirrored },
  MB3102: { title: 'the file is not a mirrorboard state', exit: ExitCode.wrongUse },
  MB3103: { title: 'the state file was created by a newer mirrorboard', exit: ExitCode.wrongUse },
  MB3104: { title: 'the state file is damaged', exit: ExitCode.notMirrored },
  MB3105: { title: 'no state file', exit: ExitCode.wrongUse },
  MB3106: { title: 'another mirrorboard uses the state file', exit: ExitCode.locked },
  MB3107: { title: 'the state belongs to another shard', exit: ExitCode.wrongUse },
  MB3108: { title: 'two states know the same run', exit: ExitCode.wrongUse },
  MB4001: { title: 'a tracker cannot be reached', exit: ExitCode.notMirrored },
  MB4002: { title: 'a tracker rejects the credentials', exit: ExitCode.notMirrored },
  MB4003: { title: 'an address does not lead to the tracker', exit: ExitCode.notMirrored },
  MB4004: { title: 'the target in a tracker is not usable', exit: ExitCode.notMirrored },
  MB4005: { title: 'a tracker answered with an error', exit: ExitCode.notMirrored },
  MB4006: { title: 'a tracker run cannot be resumed', exit: ExitCode.notMirrored },
  MB4007: { title: 'a tracker refused points', exit: ExitCode.notMirrored },
  MB4008: { title: 'a program that a lane needs is missing or failed', exit: ExitCode.notMirrored },
  MB4009: { title: 'the package of a backend is not usable', exit: ExitCode.wrongUse },
  MB4010: { title: 'no such lane', exit: ExitCode.wrongUse },
  MB4011: { title: 'a tracker gives an unusable address', exit: ExitCode.notMirrored },
  MB4030: { title: 'an answer of a tracker is too large', exit: ExitCode.notMirrored },
  MB4031: { title: 'a tracker returns an unusable answer', exit: ExitCode.notMirrored },
  MB5001: { title: 'a request to the API is not valid', exit: ExitCode.wrongUse },
  MB5002: { title: 'a request to the API is not allowed', exit: ExitCode.wrongUse },
  MB5003: { title: 'the API has no such resource', exit: ExitCode.wrongUse },
  MB5004: { title: 'an answer of the API would be too large', exit: ExitCode.wrongUse },
  MB5005: { title: 'the API is busy', exit: ExitCode.couldNotJudge },
  MB9001: { title: 'a bug in mirrorboard', exit: ExitCode.notMirrored },
} as const satisfies Record<string, CodeEntry>;

/** A code of `errorCodes`; docs/errors.md explains each. */
export type ErrorCode = keyof typeof errorCodes;

/** The parts of an error besides its message. */
export interface ErrorDetails {
  /** The operator's next action, in one sentence. */
  readonly hint?: string;
  /** The complete command to type instead, if there is one. */
  readonly command?: string;
  /** The time at which a retry can help: at once, later, or never (the default). */
  readonly retry?: 'now' | 'later' | 'never';
  readonly cause?: unknown;
  /** The place of the error: path, offset, run, backend, field. Never a secret. */
  readonly context?: Readonly<Record<string, string | number | boolean>>;
}

/** The longest message, hint or value of a context: they may contain names and answers from outside. */
const MOST_MESSAGE = 8000;
const MOST_VALUE = 1000;

/** Cuts a text from outside to `most` characters; if it is longer, `…` replaces the rest. */
export function cutText(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text;
}

/**
 * An error that code outside this room may see; every failure that leaves a room is one. Its message says what
 * mirrorboard was doing, on what, and what it found.
 */
export class MirrorError extends Error {
  override readonly name = 'MirrorError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly command: string | undefined;
  readonly retry: 'now' | 'later' | 'never';
  readonly context: Readonly<Record<string, string | number | boolean>>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(cutText(message, MOST_MESSAGE), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint === undefined ? undefined : cutText(details.hint, MOST_MESSAGE);
    this.command = details.command;
    this.retry = details.retry ?? 'never';
    const entries = Object.entries(details.context ?? {});
    this.context = Object.fromEntries(
      entries.map(([name, value]) => [name, typeof value === 'string' ? cutText(value, MOST_VALUE) : value]),
    );
  }

  get exitCode(): ExitCode {
    return errorCodes[this.code].exit;
  }
}

/** Returns the message and the hint of an error as one text. */
export function reasonOf({ message, hint }: MirrorError): string {
  return hint === undefined ? message : `${message} (${hint})`;
}

/** True if an error of a lane concerns only one tracker run: all others continue. */
export function isAboutRun({ code }: { readonly code: ErrorCode }): boolean {
  return code === 'MB4006' || code === 'MB4030';
}

/** The most causes that a search follows: errors may be wrapped several times. */
const MOST_CAUSES = 20;

/**
 * Returns how long a server asked us to wait, in milliseconds; 0 if it did not ask. Reads the server's own error or
 * one that wraps it.
 */
export function askedWaitMs(error: MirrorError): number {
  let cause: unknown = error;
  for (let left = MOST_CAUSES; left > 0 && cause instanceof Error; left--) {
    const asked = cause instanceof MirrorError ? cause.context['retryAfterMs'] : undefined;
    if (typeof asked === 'number') return asked;
    cause = cause.cause;
  }
  return 0;
}

/**
 * Returns the `code` of a system or SQLite error (ENOENT, ENOSPC, ERR_SQLITE_ERROR, …), without trusting its class.
 */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Returns the text of anything that was thrown. */
export function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return cutText(typeof message === 'string' ? message : textOf(message), MOST_MESSAGE);
}

/** Returns the text of a thrown value, which may be anything, even a value without a text. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `a thrown ${typeof value}`;
  }
}
