// biome-ignore-all lint/plugin/no-spread-into-calls: the arguments of a call, five at most
/**
 * Wraps the calls of `node:fs` that read other people's file systems. Each is noted while it is open, so that another
 * thread can see a call that does not return. In a thread without a mark, they are the plain calls.
 */
import * as fs from 'node:fs';
import { nameOfBytes, nameOfText } from '../name-bytes.ts';
import type { CallMark } from './call-mark.ts';
import { noAnswer } from './silence.ts';

let mark: CallMark | undefined;
/** Paths of open files, for calls that name a descriptor. */
const paths = new Map<number, string>();
/** Paths that are not called again until they answer elsewhere, with the reason. */
const silent = new Map<string, string>();

/** Notes the calls of this thread from now on. */
export function markCalls(where: CallMark): void {
  mark = where;
}

/** Makes calls to a path that hung another thread fail at once, with this reason. */
export function passOver(path: string, reason: string): void {
  silent.set(path, reason);
}

/** Makes calls to a path as before, because it answers again. */
export function answersAgain(path: string): void {
  silent.delete(path);
}

function marked<Args extends readonly unknown[], Result>(call: (...args: Args) => Result, pathOf: (...args: Args) => string) {
  return (...args: Args): Result => {
    if (mark === undefined) return call(...args);
    const path = pathOf(...args);
    const reason = silent.size === 0 ? undefined : silent.get(path);
    if (reason !== undefined) throw noAnswer(path, reason);
    mark.begin(path);
    try {
      return call(...args);
    } finally {
      mark.end();
    }
  };
}

/** Returns the path as text. Otherwise two names that are not UTF-8 could become the same text. */
const itself = (path: fs.PathLike): string => (Buffer.isBuffer(path) ? nameOfBytes(path) : nameOfText(String(path)));
const ofFile = (fd: number): string => paths.get(fd) ?? '';

// The types keep the overloads of `node:fs`; each call uses the function that `node:fs` has at that moment.
/** As in `node:fs`, marked while it runs. */
export const statSync = marked((...args: Parameters<typeof fs.statSync>) => fs.statSync(...args), itself) as typeof fs.statSync;
/** As in `node:fs`, marked while it runs. */
export const lstatSync = marked((...args: Parameters<typeof fs.lstatSync>) => fs.lstatSync(...args), itself) as typeof fs.lstatSync;
/** As in `node:fs`, marked while it runs. */
export const statfsSync = marked((...args: Parameters<typeof fs.statfsSync>) => fs.statfsSync(...args), itself) as typeof fs.statfsSync;
/** As in `node:fs`, marked while it runs. */
export const readlinkSync = marked(
  (...args: Parameters<typeof fs.readlinkSync>) => fs.readlinkSync(...args),
  itself,
) as typeof fs.readlinkSync;
/** As in `node:fs`, marked while it runs. */
export const existsSync = marked((path: fs.PathLike) => fs.existsSync(path), itself);
/** As in `node:fs`, marked while it runs. */
export const accessSync = marked((path: fs.PathLike, mode?: number) => fs.accessSync(path, mode), itself);
/** As in `node:fs`, marked while it runs. */
export const realpathSync = marked(
  (...args: Parameters<typeof fs.realpathSync>) => fs.realpathSync(...args),
  itself,
) as unknown as typeof fs.realpathSync;
/** As in `node:fs`, marked while it runs. */
export const readdirSync = marked(
  (...args: Parameters<typeof fs.readdirSync>) => fs.readdirSync(...args),
  itself,
) as unknown as typeof fs.readdirSync;

/** As in `node:fs`, marked while it runs; calls on the descriptor are marked with the path. */
export const openSync = marked((path: fs.PathLike, flags: number) => {
  const fd = fs.openSync(path, flags);
  if (mark !== undefined) paths.set(fd, itself(path));
  return fd;
}, itself);
/** As in `node:fs`, marked while it runs. */
export const fstatSync = marked((...args: Parameters<typeof fs.fstatSync>) => fs.fstatSync(...args), ofFile) as typeof fs.fstatSync;
/** As in `node:fs`, marked while it runs. */
export const readSync = marked(
  (fd: number, buffer: NodeJS.ArrayBufferView, offset: number, length: number, position: number) =>
    fs.readSync(fd, buffer, offset, length, position),
  ofFile,
);

/** Closes a file, marked while it runs: closing may also wait for a server. */
export const closeSync = marked((fd: number) => {
  paths.delete(fd);
  fs.closeSync(fd);
}, ofFile);
