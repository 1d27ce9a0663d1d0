import { realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { LinkRule, LinkRules } from '../untrusted/index.ts';
import type { Config } from './config.ts';

/** Which links are followed below a root, or below a directory of one: what a flag or a variable says, else what the file says of the root, else of all. */
export function linksOf({ roots, links, sources }: Pick<Config, 'roots' | 'links' | 'sources'>): LinkRules {
  const source = sources.get('links');
  if (source === 'flag' || source === 'environment') return () => links;
  const said = new Map<string, LinkRule>();
  for (const root of roots) {
    const path = root.links === undefined ? '' : realPath(root.path);
    if (root.links !== undefined && !said.has(path)) said.set(path, root.links);
  }
  return (path) => {
    if (said.size === 0) return links;
    // Roots do not lie in each other: there is one at most that the path is in.
    for (let at = path; ; at = dirname(at)) {
      const own = said.get(at);
      if (own !== undefined) return own;
      if (at === dirname(at)) return links;
    }
  };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path); // not there now
  }
}
