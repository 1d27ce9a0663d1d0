// A point as one line of JSON from which every number comes back bit for bit.
import type { DraftPoint } from '../../../src/testing/parcels.ts';

export function pointLine({ tag, plugin, file, offset, index, step, wallTime, value }: DraftPoint): string {
  return JSON.stringify({ tag, plugin, file, offset, index, step: packed(step), wallTime: packed(wallTime), value: packed(value) });
}

export function readPointLine(line: string): Omit<DraftPoint, 'checksum'> {
  const { tag, plugin, file, offset, index, step, wallTime, value } = JSON.parse(line) as Record<string, unknown>;
  const text = { tag: String(tag), plugin: String(plugin), file: String(file) };
  const place = { offset: Number(offset), index: Number(index) };
  return { ...text, ...place, step: unpacked(step) as number | bigint, wallTime: Number(unpacked(wallTime)), value: unpacked(value) };
}

/** JSON has no NaN, no infinities and no negative zero, and many readers have no integers beyond 2^53. */
function packed(value: number | bigint | string): unknown {
  if (typeof value === 'string') return { text: value };
  if (typeof value === 'bigint') return { integer: String(value) };
  return Number.isFinite(value) && !Object.is(value, -0) ? value : { number: Object.is(value, -0) ? '-0' : String(value) };
}

function unpacked(value: unknown): number | bigint | string {
  if (typeof value === 'number') return value;
  const { text, integer, number } = value as { text?: string; integer?: string; number?: string };
  if (text !== undefined) return text;
  return integer === undefined ? Number(number) : BigInt(integer);
}
