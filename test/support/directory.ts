import { realpathSync } from 'node:fs';
import type { Directory, LinkRule } from '../../src/untrusted/index.ts';

/** A directory that is its own root. */
export function directoryAt(directory: string, links: LinkRule = 'owner'): Directory {
  return { root: realpathSync(directory), path: '', links };
}
