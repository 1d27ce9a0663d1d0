import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Config } from '../../../src/config/config.ts';
import { linksOf, runEndedAfterOf } from '../../../src/config/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
const rulesOf = (roots: Config['roots']) => linksOf({ roots, links: 'owner', sources: new Map() });

describe('the rule for links of a root', () => {
  it('applies below it, under its name and under its real path, and nowhere else', () => {
    mkdirSync(join(folder, 'disk'));
    symlinkSync('disk', join(folder, 'logs'));
    const of = rulesOf([{ path: join(folder, 'logs'), links: 'all' }, { path: join(folder, 'more') }]);
    expect(['logs', 'logs/run', 'disk', 'disk/run', 'more', 'diskless'].map((path) => of(join(folder, path)))).toEqual([
      ...['all', 'all', 'all', 'all'],
      ...['owner', 'owner'],
    ]);
  });

  // Where a server does not answer, the question would not come back.
  it('needs no file system if the root is given by its name', () => {
    mkdirSync(join(folder, 'more', 'elsewhere'), { recursive: true });
    // A check of its real path would mistake the next root for it.
    symlinkSync(join('more', 'elsewhere'), join(folder, 'share'));
    const of = rulesOf([{ path: join(folder, 'share'), links: 'all' }, { path: join(folder, 'more') }]);
    expect(['share', 'more/elsewhere'].map((path) => of(join(folder, path)))).toEqual(['all', 'owner']);
  });
});

describe('the time after which runs of a root have ended', () => {
  it('is the setting of the root, unless a flag or a variable sets it for all', () => {
    const roots = [{ path: '/a', runEndedAfterMs: 1 }, { path: '/b' }];
    const of = (sources: Config['sources']) => ['/a', '/b'].map(runEndedAfterOf({ roots, runEndedAfterMs: 5, sources }));
    expect(of(new Map([['run_ended_after', 'file']]))).toEqual([1, 5]);
    expect(of(new Map([['run_ended_after', 'flag']]))).toEqual([5, 5]);
  });
});
