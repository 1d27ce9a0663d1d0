import type { Backend, Handle, HeldPoint, Refusal } from '../contract/index.ts';
import { heldBy } from '../verify/compare/index.ts';
import { type Draft, pointsOf } from './parcels.ts';

/** Contents of points, each with how often it is there. */
export type HeldPoints = ReadonlyMap<string, number>;

function contentOf(tag: string, plugin: string, { step, wallTime, value }: HeldPoint): string {
  // Steps are integers however they are written down; numbers are told apart by their bits.
  const number = (x: number | bigint): string => (typeof x === 'bigint' || !Object.is(x, -0) ? String(x) : '-0');
  return JSON.stringify([tag, plugin, number(step), number(wallTime), typeof value === 'string' ? { text: value } : number(value)]);
}

function add(held: Map<string, number>, content: string): void {
  held.set(content, (held.get(content) ?? 0) + 1);
}

/** All that a backend reads back of a tracker run. */
export async function readHeld(backend: Backend, handle: Handle): Promise<HeldPoints> {
  const held = new Map<string, number>();
  for await (const { tag, plugin, points } of backend.readBack(handle)) {
    for (const point of points) add(held, contentOf(tag, plugin, point));
  }
  return held;
}

/** What a backend must read back once these drafts are delivered, but for the points that were refused. */
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
    // A backend's own word on what it holds counts as far as its capabilities go, here as in `verify`.
    const there = heldBy(backend, backend.describe(), { tag, plugin }, point);
    if (there !== undefined) add(held, contentOf(tag, plugin, there));
  }
  return held;
}

/** The differences, one line each; empty if both are the same. Equal points may be one if the tracker merges them. */
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
