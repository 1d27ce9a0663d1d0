import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const page = readFileSync(`${root}docs/promises.md`, 'utf8');
/** Each promise, and the paths in its row. A file without a folder is in the folder of the previous path. */
const promises = [...page.matchAll(/^\| \*\*(P\d+) [^|]*\|[^|]*\| (.*) \|$/gm)].map(([, promise = '', cell = '']) => {
  const paths: string[] = [];
  for (const [, name = ''] of cell.matchAll(/`([\w./-]+)`/g)) {
    const folder = paths.at(-1)?.replace(/[^/]+$/, '') ?? '';
    if (/^(?:test|src)\//.test(name)) paths.push(name);
    else if (/\.test\.ts$/.test(name)) paths.push(`${folder}${name}`);
  }
  return { promise, paths, isMeasured: cell.includes('`npm run bench') };
});

describe('docs/promises.md', () => {
  it('names tests of every promise', () => {
    expect(promises.map(({ promise }) => promise)).toEqual(Array.from({ length: 8 }, (_, i) => `P${i + 1}`));
    expect(promises.filter(({ paths, isMeasured }) => paths.length === 0 && !isMeasured)).toEqual([]);
  });

  it.each(promises)('names for $promise only tests and folders that exist', ({ paths }) => {
    expect(paths.filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
  });
});
