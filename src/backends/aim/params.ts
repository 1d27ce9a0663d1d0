/** Params of files next to the event files: a tree below `hparams`, as Aim's own users write them. */
import type { ArtifactDifference, ParamOutcome, RunParam } from '../../contract/index.ts';
import { wholeOf } from './map.ts';
import type { Key, Tree } from './tree.ts';

type Branch = Map<Key, Tree>;

/**
 * Merges params into the existing tree. `keepsOld`: existing different values stay (in a run that another program
 * made).
 */
export function mergeParams(
  there: Tree | undefined,
  params: readonly RunParam[],
  keepsOld: boolean,
): { readonly merged: Tree; readonly outcomes: readonly ParamOutcome[] } {
  const root = copyOf(there);
  const outcomes = params.map((param): ParamOutcome => {
    const value = treeOfParam(param.value);
    const [place, key] = placeOf(root, param.name);
    const old = place.get(key);
    if (keepsOld && old !== undefined && !Object.is(old, value)) return { kind: 'kept', value: shown(old) };
    place.set(key, value);
    return { kind: 'set' };
  });
  return { merged: root, outcomes };
}

/**
 * Returns the params that are missing in the tree, or have another value. `keepsOld`: another value may stay, as
 * above.
 */
export function paramDifferences(there: Tree | undefined, params: readonly RunParam[], keepsOld: boolean): readonly ArtifactDifference[] {
  // Searching for a place may create branches.
  const root = copyOf(there);
  return params.flatMap(({ name, value }): ArtifactDifference[] => {
    const [place, key] = placeOf(root, name);
    const held = place.get(key);
    if (held !== undefined && (keepsOld || isSame(held, treeOfParam(value)))) return [];
    return [{ kind: 'param', name, found: held === undefined ? undefined : shown(held) }];
  });
}

/** Returns the other entries of the tree, without params of these names; empty branches may remain. */
export function withoutParams(there: Tree | undefined, names: readonly string[]): Tree {
  const root = copyOf(there);
  // The place of each depends on the others, so all of them are found before any is removed.
  for (const [place, key] of names.map((name) => placeOf(root, name))) place.delete(key);
  return root;
}

/**
 * True if two values are equal. Hparams of event files are doubles in the same tree: they are 64.0 if a file says 64.
 */
function isSame(a: Tree, b: Tree): boolean {
  return isNumber(a) && isNumber(b) ? Object.is(Number(a), Number(b)) : a === b;
}

function isNumber(value: Tree): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** Returns the place of a param. A name stays whole if it has no parts, or if one of its parts already is a value. */
function placeOf(root: Branch, name: string): readonly [place: Branch, key: string] {
  const parts = name.split('.');
  const branch = parts.includes('') ? undefined : branchFor(root, parts.slice(0, -1));
  const last = parts.at(-1) ?? '';
  const isLeaf = branch !== undefined && !(branch.get(last) instanceof Map);
  if (isLeaf) return [branch, last];
  // If params exist below the name, it must not replace them.
  const isBranch = root.get(name) instanceof Map;
  return [root, name === '' ? '(no name)' : isBranch ? `(${name})` : name];
}

function branchFor(root: Branch, parts: readonly string[]): Branch | undefined {
  let branch = root;
  for (const part of parts) {
    const next = branch.get(part);
    if (next instanceof Map) branch = next as Branch;
    else if (next === undefined) {
      const made: Branch = new Map();
      branch.set(part, made);
      branch = made;
    } else return undefined;
  }
  return branch;
}

function copyOf(tree: Tree | undefined): Branch {
  if (!(tree instanceof Map)) return new Map();
  return new Map([...(tree as ReadonlyMap<Key, Tree>)].map(([key, value]) => [key, value instanceof Map ? copyOf(value) : value] as const));
}

function treeOfParam(value: RunParam['value']): Tree {
  return typeof value === 'bigint' ? wholeOf(value) : value;
}

function shown(value: Tree): string {
  return typeof value === 'object' && value !== null ? 'several values' : String(value);
}
