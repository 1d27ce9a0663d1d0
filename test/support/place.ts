import { realpathSync } from 'node:fs';
import type { LinkRule, Place } from '../../src/untrusted/index.ts';

/** A directory that is its own root. */
export function placeAt(directory: string, links: LinkRule = 'owner'): Place {
  return { root: realpathSync(directory), path: '', links };
}
