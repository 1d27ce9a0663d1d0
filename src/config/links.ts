import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { isWithin, type LinkRules } from '../untrusted/index.ts';
import type { Config } from './config.ts';

/** Which links are followed below a root, or below a directory of one: what a flag or a variable says, else what the file says of the root, else of all. */
export function linksOf({ roots, links, sources }: Pick<Config, 'roots' | 'links' | 'sources'>): LinkRules {
  const source = sources.get('links');
  if (source === 'flag' || source === 'environment') return () => links;
  const said = roots.flatMap((root) => (root.links === undefined ? [] : [{ path: realPath(root.path), links: root.links }]));
  return (path) => said.find((root) => isWithin(path, root.path))?.links ?? links;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path); // not there now
  }
}
