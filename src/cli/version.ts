import { readFileSync } from 'node:fs';
import { packageFile } from '../package-file.ts';

/** Returns the version of the package. */
export function version(): string {
  return String(JSON.parse(readFileSync(packageFile('package.json'), 'utf8')).version);
}
