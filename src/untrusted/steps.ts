/**
 * Describes work on files as a sequence of system calls, so that it is written once. Separate threads wait for each
 * call. The main thread must not, because a file server may never answer.
 */
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import * as calls from '../calls/index.ts';
import { nameOfBytes, systemPath } from '../name-bytes.ts';

/** One call, with its path or descriptor. */
export type Ask =
  | { readonly call: 'lstat' | 'readlink' | 'realpath' | 'open'; readonly path: string }
  | { readonly call: 'fstat' | 'close'; readonly fd: number };

/**
 * A sequence of calls, for threads that wait and for those that do not: the sequence yields each call, and receives
 * its result.
 */
export type Steps<Value> = Generator<Ask, Value, unknown>;

/**
 * Flags that never wait for the writer of a pipe, never follow a link in the last part, and never leak the descriptor
 * into another program.
 */
const FLAGS = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW;

/** Returns the facts of a path; for a link, those of the link itself. */
export function* lstat(path: string): Steps<fs.BigIntStats> {
  return (yield { call: 'lstat', path }) as fs.BigIntStats;
}

/** Returns the target of a link. */
export function* readlink(path: string): Steps<string> {
  return (yield { call: 'readlink', path }) as string;
}

/** Returns a path without links. */
export function* realpath(path: string): Steps<string> {
  return (yield { call: 'realpath', path }) as string;
}

/** Opens a path for reading; returns the descriptor. */
export function* open(path: string): Steps<number> {
  return (yield { call: 'open', path }) as number;
}

/** Returns the facts of an open file. */
export function* fstat(fd: number): Steps<fs.BigIntStats> {
  return (yield { call: 'fstat', fd }) as fs.BigIntStats;
}

/** Closes a descriptor. */
export function* close(fd: number): Steps<void> {
  yield { call: 'close', fd };
}

/** Performs the calls one after the other, and waits for each. */
export function doNow<Value>(steps: Steps<Value>): Value {
  let next = steps.next();
  while (next.done !== true) {
    let answer: unknown;
    try {
      answer = callNow(next.value);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(answer);
  }
  return next.value;
}

/** Performs the calls without blocking the thread. */
export async function doLater<Value>(steps: Steps<Value>, call = callLater): Promise<Value> {
  let next = steps.next();
  while (next.done !== true) {
    let answer: unknown;
    try {
      answer = await answerOf(next.value, call);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(answer);
  }
  return next.value;
}

async function answerOf(ask: Ask, call: typeof callLater): Promise<unknown> {
  const close = (fd: number): void => void call({ call: 'close', fd }).catch(() => undefined);
  // No caller waits for the close, and it is not refused if the path hangs elsewhere: otherwise the descriptor would
  // stay open.
  if (ask.call === 'close') return close(ask.fd);
  let work: Promise<unknown> | undefined;
  try {
    return await calls.inTime('path' in ask ? ask.path : `descriptor ${ask.fd}`, () => {
      work = call(ask);
      return work;
    });
  } catch (error) {
    // If a file opens after the caller gave up, it is closed.
    if (ask.call === 'open') void work?.then((fd) => close(fd as number)).catch(() => undefined);
    throw error;
  }
}

function callNow(ask: Ask): unknown {
  switch (ask.call) {
    case 'lstat':
      return calls.lstatSync(systemPath(ask.path), { bigint: true });
    case 'readlink':
      return nameOfBytes(calls.readlinkSync(systemPath(ask.path), { encoding: 'buffer' }));
    case 'realpath':
      return nameOfBytes(calls.realpathSync(systemPath(ask.path), { encoding: 'buffer' }));
    case 'open':
      return calls.openSync(systemPath(ask.path), FLAGS);
    case 'fstat':
      return calls.fstatSync(ask.fd, { bigint: true });
    case 'close':
      return calls.closeSync(ask.fd);
    default:
      return ask satisfies never;
  }
}

const openLater = promisify(fs.open);
const fstatLater = promisify(fs.fstat);
const closeLater = promisify(fs.close);

function callLater(ask: Ask): Promise<unknown> {
  switch (ask.call) {
    case 'lstat':
      return fs.promises.lstat(systemPath(ask.path), { bigint: true });
    case 'readlink':
      return fs.promises.readlink(systemPath(ask.path), { encoding: 'buffer' }).then(nameOfBytes);
    case 'realpath':
      return fs.promises.realpath(systemPath(ask.path), { encoding: 'buffer' }).then(nameOfBytes);
    case 'open':
      return openLater(systemPath(ask.path), FLAGS);
    case 'fstat':
      return fstatLater(ask.fd, { bigint: true });
    case 'close':
      return closeLater(ask.fd);
    default:
      return ask satisfies never;
  }
}
