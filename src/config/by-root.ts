import { dirname, resolve } from 'node:path';
import { realPath } from '../real-path.ts';
import type { Replaced } from '../route/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import type { Config, Root } from './config.ts';

/**
 * Returns the rule for links below a root, or below a directory of one. A flag or a variable wins, then the file's
 * setting for the root, then the one for all roots.
 */
export function linksOf({ roots, links, sources }: Pick<Config, 'roots' | 'links' | 'sources'>): LinkRules {
  return ofRoot({ roots, sources }, 'links', links);
}

/** Returns the rule for a run whose file was replaced, in the same order. */
export function replacedOf({ roots, replaced, sources }: Pick<Config, 'roots' | 'replaced' | 'sources'>): (path: string) => Replaced {
  return ofRoot({ roots, sources }, 'replaced', replaced);
}

/** Returns how long a run must not have grown to count as ended, in milliseconds, in the same order. */
export function runEndedAfterOf({ roots, runEndedAfterMs, sources }: Pick<Config, 'roots' | 'runEndedAfterMs' | 'sources'>): RootTimes {
  return ofRoot({ roots, sources }, 'runEndedAfterMs', runEndedAfterMs, 'run_ended_after');
}

/** A time in milliseconds, by the path of a root. */
type RootTimes = (path: string) => number;

function ofRoot<Key extends 'links' | 'replaced' | 'runEndedAfterMs'>(
  { roots, sources }: Pick<Config, 'roots' | 'sources'>,
  key: Key,
  ofAll: Config[Key],
  field: string = key,
): (path: string) => Config[Key] {
  const source = sources.get(field);
  if (source === 'flag' || source === 'environment') return () => ofAll;
  const own = roots.filter((root) => root[key] !== undefined);
  if (own.length === 0) return () => ofAll;
  const named = byPath(roots, resolve);
  let real: ReadonlyMap<string, Root> | undefined;
  return (path) => {
    // A root that does not answer is found by its name, because its real path is unknown.
    let root = rootOf(path, named);
    if (root === undefined) {
      real ??= byPath(own, realPath);
      root = rootOf(path, real);
    }
    return (root?.[key] as Config[Key] | undefined) ?? ofAll;
  };
}

/** Returns the first root of each path. */
function byPath(roots: readonly Root[], pathOf: (path: string) => string): ReadonlyMap<string, Root> {
  return new Map(roots.map((root) => [pathOf(root.path), root] as const).reverse());
}

/** Returns the root that contains a path: at most one, since roots do not contain each other. */
function rootOf(path: string, roots: ReadonlyMap<string, Root>): Root | undefined {
  for (let at = path; ; at = dirname(at)) {
    const root = roots.get(at);
    if (root !== undefined || at === dirname(at)) return root;
  }
}
