// biome-ignore-all lint/plugin/no-spread-into-calls: the arguments of a call, five at most
/**
 * The calls of `node:fs` that read other people's file systems, each noted while it is open, so that another thread
 * can see one that does not come back. In a thread without a mark they are the plain ones.
 */
import * as fs from 'node:fs';
import { nameOfBytes, nameOfText } from '../model/index.ts';
import type { CallMark } from './call-mark.ts';
import { noAnswer } from './silence.ts';

let mark: CallMark | undefined;
/** Paths of open files, for calls that name a descriptor. */
const paths = new Map<number, string>();
/** Not asked again until they answered elsewhere, with the reason. */
const silent = new Map<string, string>();

/** From now on the calls of this thread are noted. */
export function markCalls(where: CallMark): void {
  mark = where;
}

/** A path that hung another thread is not asked in this one: it fails at once, with this reason. */
export function passOver(path: string, reason: string): void {
  silent.set(path, reason);
}

/** A path answers again: calls to it are made as before. */
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

/** Two names that are not UTF-8 would else be the same text. */
const itself = (path: fs.PathLike): string => (Buffer.isBuffer(path) ? nameOfBytes(path) : nameOfText(String(path)));
const ofFile = (fd: number): string => paths.get(fd) ?? '';

// The overloads of `node:fs` are kept; what is called is what `node:fs` has at that moment.
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

/** Closing may wait for a server, too. */
export const closeSync = marked((fd: number) => {
  paths.delete(fd);
  fs.closeSync(fd);
}, ofFile);
