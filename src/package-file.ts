import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

/** Returns the path of a file of the package: of the nearest folder above this code that has a package.json. */
export function packageFile(path: string): string {
  const manifest = findPackageJSON(import.meta.url);
  if (manifest === undefined) throw new Error(`no package.json above ${import.meta.url}`);
  return join(dirname(manifest), path);
}
