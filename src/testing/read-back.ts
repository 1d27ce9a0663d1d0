import type { Backend, Handle, HeldPoint, Refusal } from '../contract/index.ts';
import { heldBy } from '../verify/compare/index.ts';
import { type Draft, pointsOf } from './parcels.ts';

/** The contents of points, each with its number of occurrences. */
export type HeldPoints = ReadonlyMap<string, number>;

function contentOf(tag: string, plugin: string, { step, wallTime, value }: HeldPoint): string {
  // Steps are integers in any notation; numbers are compared by their bits.
  const number = (x: number | bigint): string => (typeof x === 'bigint' || !Object.is(x, -0) ? String(x) : '-0');
  return JSON.stringify([tag, plugin, number(step), number(wallTime), typeof value === 'string' ? { text: value } : number(value)]);
}

function add(held: Map<string, number>, content: string): void {
  held.set(content, (held.get(content) ?? 0) + 1);
}

/** Returns everything that a backend reads back from a tracker run. */
export async function readHeld(backend: Backend, handle: Handle): Promise<HeldPoints> {
  const held = new Map<string, number>();
  for await (const { tag, plugin, points } of backend.readBack(handle)) {
    for (const point of points) add(held, contentOf(tag, plugin, point));
  }
  return held;
}

/** Returns the points that a backend must read back after these drafts are delivered, without the refused ones. */
export function expectedOf(
  backend: Backend,
  drafts: readonly Draft[],
  refusals: readonly (Refusal & { readonly file: string })[] = [],
): HeldPoints {
  const refused = new Set(refusals.map(({ file, offset, index }) => `${file}/${offset}/${index}`));
  const held = new Map<string, number>();
  for (const { tag, plugin, file, offset, index, step, wallTime, value } of drafts.flatMap(pointsOf)) {
    if (refused.has(`${file}/${offset}/${index}`)) continue;
    const point = { step, wallTime, value };
    // A backend's `asHeld` counts only within its capabilities, here as in `verify`.
    const there = heldBy(backend, backend.describe(), { tag, plugin }, point);
    if (there !== undefined) add(held, contentOf(tag, plugin, there));
  }
  return held;
}

/**
 * Returns the differences, one line each; empty if both are the same. Equal points may be one if the tracker merges
 * them.
 */
export function differences(backend: Backend, expected: HeldPoints, found: HeldPoints): string[] {
  const { equalPoints } = backend.describe().keeps;
  const lines: string[] = [];
  for (const content of new Set([...expected.keys(), ...found.keys()])) {
    const want = expected.get(content) ?? 0;
    const have = found.get(content) ?? 0;
    const least = equalPoints ? want : Math.min(want, 1);
    if (have < least || have > want) lines.push(`${have} instead of ${want}: ${content.slice(0, 400)}`);
  }
  return lines;
}
