import { dirname } from 'node:path';
import { realPath } from '../real-path.ts';
import type { Replaced } from '../route/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import type { Config } from './config.ts';

/** Which links are followed below a root, or below a directory of one: what a flag or a variable says, else what the file says of the root, else of all. */
export function linksOf({ roots, links, sources }: Pick<Config, 'roots' | 'links' | 'sources'>): LinkRules {
  return ofRoot({ roots, sources }, 'links', links);
}

/** The same of what becomes of a run whose file was replaced. */
export function replacedOf({ roots, replaced, sources }: Pick<Config, 'roots' | 'replaced' | 'sources'>): (path: string) => Replaced {
  return ofRoot({ roots, sources }, 'replaced', replaced);
}

function ofRoot<Key extends 'links' | 'replaced'>(
  { roots, sources }: Pick<Config, 'roots' | 'sources'>,
  key: Key,
  ofAll: Config[Key],
): (path: string) => Config[Key] {
  const source = sources.get(key);
  if (source === 'flag' || source === 'environment') return () => ofAll;
  const said = new Map<string, Config[Key]>();
  for (const root of roots) {
    const value = root[key] as Config[Key] | undefined;
    const path = value === undefined ? '' : realPath(root.path);
    if (value !== undefined && !said.has(path)) said.set(path, value);
  }
  return (path) => {
    if (said.size === 0) return ofAll;
    // Roots do not lie in each other: there is one at most that the path is in.
    for (let at = path; ; at = dirname(at)) {
      const own = said.get(at);
      if (own !== undefined) return own;
      if (at === dirname(at)) return ofAll;
    }
  };
}
