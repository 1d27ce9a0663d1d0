/**
 * Names and keys of events. A tag becomes two names, metric and variant. The server replaces an event by one with the
 * same task, step, metric, variant and `key`, which it joins by "-" (`EventBLL.id_fields` in
 * `apiserver/bll/event/event_bll.py`). So the key holds the position of the point in its file, ends in a part without
 * "-", and is the same after every restart. The key also holds what a number of an event cannot.
 */
import { fileHash as hashOfFile, type PointIdentity } from '../../backend-kit/exact-points/index.ts';
import { type RunRef, toMillis } from '../../model/index.ts';
import { MOST_MILLIS, MOST_VALUE, NAME_BYTES } from './limits.ts';

/** The metric and variant by which ClearML shows a series. */
export interface SeriesNames {
  readonly metric: string;
  readonly variant: string;
}

/**
 * Splits a tag at its last slash into metric and variant. Without a slash there is no variant. A tag that ends in a
 * slash stays whole.
 */
export function namesOf(tag: string): SeriesNames {
  const at = tag.lastIndexOf('/');
  if (at < 0) return { metric: tag, variant: '' };
  if (at === tag.length - 1) return { metric: tag, variant: '/' };
  return { metric: tag.slice(0, at), variant: tag.slice(at + 1) };
}

/** Undoes `namesOf`. */
export function tagOf(metric: string, variant: string): string {
  return variant === '' || variant === '/' ? metric : `${metric}/${variant}`;
}

/** True if an event can hold a tag. */
export function isName(tag: string): boolean {
  return tag.length * 3 <= NAME_BYTES ? tag.isWellFormed() : tag.isWellFormed() && Buffer.byteLength(tag) <= NAME_BYTES;
}

/** Returns a short name of a file of a run. */
export function fileHash(run: RunRef, file: string): string {
  return hashOfFile(run, file, 8);
}

/** Returns the part of a key that all points of a series and a file share. */
export function keyStart(metric: string, file: string): string {
  return `${metric.length}.${file}.`;
}

/** Returns the part of an event's key that tells the points of a file apart. */
export function keyEnd(offset: number, checksum: number, index: number): string {
  return `${offset.toString(36)}.${checksum.toString(16)}.${index}`;
}

/** Returns the same position as a part of a file's name. */
export function placeName(file: string, { offset, checksum, index }: Pick<PointIdentity, 'offset' | 'checksum' | 'index'>): string {
  return `${file}_${offset.toString(36)}_${checksum.toString(16)}_${index}`;
}

/** Returns a number as an event holds it, and the suffix for its key; most numbers need none. */
export function heldNumber(value: number | bigint): { readonly text: string; readonly suffix: string } {
  if (typeof value === 'bigint') {
    return { text: Number(value).toExponential(), suffix: value < 0n ? `.im${-value}` : `.i${value}` };
  }
  if (Number.isNaN(value)) return { text: 'null', suffix: '.nan' };
  if (value === Infinity) return { text: 'null', suffix: '.inf' };
  if (value === -Infinity) return { text: 'null', suffix: '.ninf' };
  if (Math.abs(value) > MOST_VALUE) return { text: 'null', suffix: `.x${bitsOf(value)}` };
  if (Object.is(value, -0)) return { text: '0', suffix: `.x${bitsOf(value)}` };
  // Plain digits beyond 2^53 are an integer to the server, and another number to some readers.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return { text: value.toExponential(), suffix: '' };
  return { text: String(value), suffix: '' };
}

/**
 * Returns a wall time as an event holds it. Times that are not whole milliseconds, or that no event can hold, are in
 * the key.
 */
export function heldTime(wallTime: number): { readonly millis: number; readonly suffix: string } {
  const ms = toMillis(wallTime);
  if (ms >= 0 && ms <= MOST_MILLIS && ms / 1000 === wallTime && !Object.is(wallTime, -0)) return { millis: ms, suffix: '' };
  const millis = Number.isNaN(ms) || ms <= 0 ? 0 : Math.min(ms, MOST_MILLIS);
  return { millis, suffix: `.t${bitsOf(wallTime)}` };
}

/** The facts about a point in its event's key. */
export interface ReadKey {
  /** The hash of the file. */
  readonly file: string;
  readonly offset: number;
  readonly checksum: number;
  readonly index: number;
  /** The value, if the event's own cannot be it. */
  readonly value: number | bigint | undefined;
  readonly wallTime: number | undefined;
}

const KEY = /^\d+\.([0-9a-f]{8})\.([0-9a-z]+)\.([0-9a-f]{1,8})\.(\d+)(?:\.(nan|inf|ninf|x[0-9a-f]{16}|im?\d+))?(?:\.t([0-9a-f]{16}))?$/;

/** Reads a key of ours. Returns undefined for what others wrote into the task. */
export function readKey(key: unknown): ReadKey | undefined {
  const found = typeof key === 'string' ? KEY.exec(key) : null;
  if (found === null) return undefined;
  const [, file = '', offset = '', checksum = '', index = '', value, time] = found;
  return {
    file,
    offset: Number.parseInt(offset, 36),
    checksum: Number.parseInt(checksum, 16),
    index: Number(index),
    value: value === undefined ? undefined : readValue(value),
    wallTime: time === undefined ? undefined : numberOf(time),
  };
}

function readValue(text: string): number | bigint {
  if (text === 'nan') return Number.NaN;
  if (text === 'inf') return Infinity;
  if (text === 'ninf') return -Infinity;
  if (text.startsWith('im')) return -BigInt(text.slice(2));
  return text.startsWith('i') ? BigInt(text.slice(1)) : numberOf(text.slice(1));
}

const bits = new DataView(new ArrayBuffer(8));

function bitsOf(x: number): string {
  bits.setFloat64(0, x);
  return bits.getBigUint64(0).toString(16).padStart(16, '0');
}

function numberOf(hex: string): number {
  bits.setBigUint64(0, BigInt(`0x${hex}`));
  return bits.getFloat64(0);
}
