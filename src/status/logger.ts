import type { Logger, LoggerOptions as PinoOptions } from 'pino';
import { cutText, MirrorError, messageOf } from '../errors.ts';
import type { LogFormat, LogLevel } from '../log-levels.ts';
import { inSources } from '../source-places.ts';

export type { Logger } from 'pino';
export type { LogFormat, LogLevel } from '../log-levels.ts';

/** The target of log lines: standard error, or a replacement in tests. */
interface LogStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** The level, format and target of log lines. */
export interface LoggerOptions {
  /** Default: `warn`, as fits a command that ends; services use `info`. */
  readonly level?: LogLevel | undefined;
  /** Default: `pretty` if the stream is a terminal, otherwise `json`. */
  readonly format?: LogFormat | undefined;
  /** Default: standard error. Never standard output, which belongs to data. */
  readonly stream?: LogStream;
}

/**
 * Names whose values are never written, at any depth, in lower case. They include everything that `config` treats as
 * a secret.
 */
const SECRET_FIELDS = new Set([
  ...['api_key', 'apikey', 'access_key', 'secret_key', 'private_key', 'secret', 'password', 'passwd', 'token', 'credentials'],
  ...['authorization', 'cookie', 'set-cookie', 'x-api-key', 'proxy-authorization'],
]);
/**
 * The greatest depth of logged values. Log fields are flat; an error's context and a request's headers are two levels
 * deep.
 */
const DEEPEST = 4;
const REDACTED = '[redacted]';

/**
 * The limits for untrusted names, params and answers: the longest text in a field, the most entries of an object or a
 * list, and the longest line of a stack.
 */
const MOST_TEXT = 2000;
const MOST_ENTRIES = 100;
const MOST_STACK = 8000;

/** Creates the logger of a process. Loads pino only now: a command that logs nothing starts without it. */
export async function createLogger(options: LoggerOptions = {}): Promise<Logger> {
  const { pino } = await import('pino');
  const stream: LogStream = options.stream ?? process.stderr;
  const isPretty = formatFor(stream, options.format) === 'pretty';
  const settings: PinoOptions = {
    level: options.level ?? 'warn',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: (fields) => cutFields(fields) },
    hooks: {
      logMethod(args, method) {
        for (const [i, arg] of args.entries()) if (typeof arg === 'string') args[i] = short(arg);
        // biome-ignore lint/plugin/no-spread-into-calls: what one call of the logger was given
        method.apply(this, args);
      },
    },
    // pino's `redact` is too slow: it scans every line once for each path. With 4,000 scanned roots it cost a second.
    serializers: { err: describeError },
  };
  const logger: Logger = pino(settings, {
    write: (line: string) => {
      const safe = withoutUserInfo(line);
      stream.write(isPretty ? prettyLine(safe) : safe);
    },
  });
  // pino passes the fields of a child to no formatter. Children inherit this override.
  const { child } = logger;
  logger.child = function (this: Logger, bindings, options) {
    return child.call(this, cutFields(bindings), options);
  } as typeof child;
  return logger;
}

/** Returns the format of the lines on a stream: the requested one, or the one that fits the stream. */
export function formatFor(stream: LogStream, asked: LogFormat | undefined): LogFormat {
  return asked ?? (stream.isTTY === true ? 'pretty' : 'json');
}

/** Removes user info from URLs: values may contain secrets that no field name reveals. */
function withoutUserInfo(line: string): string {
  return line.includes('://') ? line.replace(/([a-z0-9+.-]:\/\/)[^\s/"'\\@]+@/gi, `$1${REDACTED}@`) : line;
}

/** The fields of a line, each within bounds, without secrets. Errors have a form of their own. */
function cutFields(fields: object, depth = DEEPEST): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, MOST_ENTRIES);
  return Object.fromEntries(
    entries.map(([name, value]) => [
      cutText(name, MOST_TEXT),
      SECRET_FIELDS.has(name.toLowerCase()) && value !== undefined ? REDACTED : cutValue(value, depth),
    ]),
  );
}

/** Cut only behind what a user's name and password may be in: half a password must not be left. */
function short(text: string): string {
  return text.length <= MOST_TEXT ? text : cutText(withoutUserInfo(text.slice(0, 2 * MOST_TEXT)), MOST_TEXT);
}

function cutValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return short(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return describeError(value);
  if ('toJSON' in value && typeof value.toJSON === 'function') return depth === 0 ? '…' : cutValue(value.toJSON(), depth - 1);
  if (depth === 0) return '…';
  if (Array.isArray(value)) return value.slice(0, MOST_ENTRIES).map((item) => cutValue(item, depth - 1));
  return cutFields(value, depth - 1);
}

/** What is worth writing of an error. The stack of a foreseen one only hides what it says. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const isForeseen = error instanceof MirrorError && error.code !== 'MB9001';
  return {
    type: error.name,
    message: short(error.message),
    ...(error instanceof MirrorError
      ? {
          code: error.code,
          hint: error.hint === undefined ? undefined : short(error.hint),
          retry: error.retry,
          context: cutFields(error.context),
        }
      : {}),
    ...(error.cause === undefined ? {} : { cause: short(messageOf(error.cause)) }),
    ...(isForeseen ? {} : { stack: cutText(inSources(error.stack ?? ''), MOST_STACK) }),
  };
}

/** A line of JSON as people read it; a stack follows on lines of its own. */
function prettyLine(line: string): string {
  const { time, level, msg, err, ...fields } = parseLine(line);
  const { stack, message, ...rest } = isRecord(err) ? err : { message: err };
  const named = { ...fields, ...(message === undefined ? {} : { err: message }), ...flat(rest) };
  const pairs = Object.entries(named).flatMap(([key, value]) =>
    value === undefined || value === null ? [] : [` ${safe(key)}=${prettyValue(value)}`],
  );
  const trace =
    typeof stack === 'string'
      ? stack
          .split('\n')
          .slice(1)
          .map((frame) => `\n    ${safe(frame.trim())}`)
      : [];
  return `${prettyTime(time)} ${String(level).padEnd(5)} ${safe(String(msg ?? ''))}${pairs.join('')}${trace.join('')}\n`;
}

/** The fields of an error that a person needs besides its message. */
function flat({ code, hint, cause, context }: Record<string, unknown>): Record<string, unknown> {
  return { code, ...(isRecord(context) ? context : {}), cause, hint };
}

function parseLine(line: string): Record<string, unknown> {
  const value: unknown = JSON.parse(line);
  return isRecord(value) ? value : { msg: line };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The local time of day: a terminal is watched, not archived. */
function prettyTime(time: unknown): string {
  const date = new Date(String(time));
  const digits = (value: number, count: number): string => String(value).padStart(count, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => digits(value, 2)).join(':');
  return `${clock}.${digits(date.getMilliseconds(), 3)}`;
}

function prettyValue(value: unknown): string {
  const text = typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return safe(text);
}

/**
 * Writes out control and direction characters: names of runs and files are untrusted, and must not control the
 * terminal.
 */
function safe(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}
