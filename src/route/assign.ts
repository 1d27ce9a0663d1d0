import { createHash } from 'node:crypto';

/** A rule that assigns runs at random to groups of lanes. */
export interface Assignment {
  /** The unit that is drawn together: `run`, or a template of the run's path: `{path[0]}`. */
  readonly by: string;
  /** The lanes of each group. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** The weight of each group, compared with the others. Default 1. */
  readonly weights: Readonly<Record<string, number>>;
  /** The tag of tracker runs that names the group. */
  readonly tag: string;
}

/**
 * Returns the group of a run: each group draws a number from the key, and the highest wins (rendezvous hashing). The
 * result is the same on every machine and after every restart. A new group takes runs from the others, but moves none
 * between them.
 */
export function assignedGroup({ groups, weights }: Pick<Assignment, 'groups' | 'weights'>, key: string): string {
  let best: { readonly group: string; readonly score: number } | undefined;
  for (const group of Object.keys(groups).sort()) {
    const weight = weights[group] ?? 1;
    if (weight <= 0) continue;
    const score = -weight / Math.log(uniform(JSON.stringify([group, key])));
    if (best === undefined || score > best.score) best = { group, score };
  }
  return best?.group ?? '';
}

/** Returns a number above 0 and below 1. */
function uniform(text: string): number {
  return (createHash('sha256').update(text).digest().readUIntBE(0, 6) + 0.5) / 2 ** 48;
}
