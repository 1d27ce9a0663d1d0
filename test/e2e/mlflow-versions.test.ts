// Two cells of `npm run compat`, where their environments are in the cache: nobody installs them for a test.
import { afterEach, describe, expect, it } from '@jest/globals';
import { runCell } from '../compat/cell.ts';
import { isCached, type Version } from '../compat/servers.ts';
import { endAll } from './command.ts';

const CELLS: readonly (readonly [version: Version, what: string, store: string | undefined, verdict: string])[] = [
  ['2.9.2', 'SQLite', 'sqlite:///mlflow.db', 'exact'],
  ['2.22.2', 'the files it keeps by itself', undefined, 'at least once'],
];

describe('an older MLflow server', () => {
  afterEach(endAll);

  for (const [version, what, store, verdict] of CELLS) {
    const name = `${version} over ${what} holds each point once, though answers and the state were lost`;
    if (isCached(version)) it(name, async () => expect(await runCell(version, store)).toEqual({ verdict }));
    else it.skip(`${name} (not installed: npm run compat)`, () => {});
  }
});
