import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/** A path without links, so that two names of one file are one; if nothing is there (any more), `otherwise`. */
export function realPath(path: string, otherwise = resolve(path)): string {
  try {
    return realpathSync(path);
  } catch {
    return otherwise;
  }
}
