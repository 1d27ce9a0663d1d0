import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * Returns a path without links, so that two names of one file become one; `otherwise` if nothing is there (any more).
 */
export function realPath(path: string, otherwise = resolve(path)): string {
  try {
    return realpathSync(path);
  } catch {
    return otherwise;
  }
}
