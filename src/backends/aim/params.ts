/** Params of files beside the event files: a tree below `hparams`, as Aim's own users write them. */
import type { ParamOutcome, SideParam } from '../contract.ts';
import { wholeOf } from './map.ts';
import type { Key, Tree } from './tree.ts';

type Branch = Map<Key, Tree>;

/** Params put into the tree that is there. `keepsOld`: what is there with another value stays (a run of somebody else's). */
export function mergeParams(
  there: Tree | undefined,
  params: readonly SideParam[],
  keepsOld: boolean,
): { readonly merged: Tree; readonly outcomes: readonly ParamOutcome[] } {
  const root = copyOf(there);
  const outcomes = params.map((param): ParamOutcome => {
    const value = treeOfParam(param.value);
    const parts = param.name.split('.');
    // A name without parts, or one part of which is a value already, stays one name.
    const branch = parts.includes('') ? undefined : branchFor(root, parts.slice(0, -1));
    const last = parts.at(-1) ?? '';
    const isLeaf = branch !== undefined && !(branch.get(last) instanceof Map);
    const [place, key] = isLeaf ? [branch, last] : [root, param.name === '' ? '(no name)' : param.name];
    const old = place.get(key);
    if (keepsOld && old !== undefined && !Object.is(old, value)) return { kind: 'kept', value: shown(old) };
    place.set(key, value);
    return { kind: 'set' };
  });
  return { merged: root, outcomes };
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

function treeOfParam(value: SideParam['value']): Tree {
  return typeof value === 'bigint' ? wholeOf(value) : value;
}

function shown(value: Tree): string {
  return typeof value === 'object' && value !== null ? 'several values' : String(value);
}
