import { readFileSync } from 'node:fs';

/** Returns the version of the package. */
export function version(): string {
  for (const path of ['../../../package.json', '../../package.json']) {
    try {
      return String(JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version);
    } catch {
      // dist/src in a checkout, src when run by a test
    }
  }
  return 'unknown';
}
