import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { DirectoryCache } from '../../../src/discover/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { walk } from '../../support/walk.ts';

const ENTRIES = [{ name: 'events.out.tfevents.1', kind: 'file' as const }];

let folder = '';
let cache: DirectoryCache;
/** The time of a test: it stands still, however long that takes. */
let nowMs = 0;
beforeEach(() => {
  nowMs = Date.now();
  folder = temporaryFolder();
  cache = new DirectoryCache();
});
/** Makes the directory one that did not change for so many seconds. */
function age(seconds: number): void {
  const at = nowMs / 1000 - seconds;
  utimesSync(folder, at, at);
}

describe('DirectoryCache', () => {
  it('returns the entries of a directory that has not changed', () => {
    age(60);
    cache.set(folder, ENTRIES, nowMs);
    expect(cache.get(folder)).toEqual(ENTRIES);
    cache.clear();
    expect(cache.get(folder)).toBeUndefined();
  });

  it('returns entries of several kinds as they were, for hundreds of directories, and forgets those not read again', () => {
    const kinds = ['directory', 'file', 'link', 'passedOver'] as const;
    const entriesOf = (n: number) =>
      Array.from({ length: n % 4 }, (_, i) => ({ name: `e${i}`, kind: kinds[(n + (n % 3) * i) % 4] ?? 'file' }));
    const paths = Array.from({ length: 600 }, (_, n) => join(folder, `d${n}`));
    for (const path of paths) {
      mkdirSync(path);
      utimesSync(path, nowMs / 1000 - 60, nowMs / 1000 - 60);
    }
    for (const [n, path] of paths.entries()) cache.set(path, entriesOf(n), nowMs);
    for (const [n, path] of paths.entries()) expect(cache.get(path)).toEqual(entriesOf(n));
    // Every second one is read again, with entries of other kinds.
    for (let round = 1; round <= 2; round++) {
      cache.clear();
      for (let n = 0; n < 600; n += 2) cache.set(paths[n] ?? '', entriesOf(n + 4 * round), nowMs);
    }
    for (let n = 0; n < 600; n++) expect(cache.get(paths[n] ?? '')).toEqual(n % 2 === 0 ? entriesOf(n + 8) : undefined);
    for (let n = 1; n < 600; n += 2) cache.set(paths[n] ?? '', entriesOf(n), nowMs);
    for (let n = 0; n < 600; n++) expect(cache.get(paths[n] ?? '')).toEqual(entriesOf(n % 2 === 0 ? n + 8 : n));
  });

  it('returns no entries of one that changed just before it was read: more may arrive in the same tick of its clock', () => {
    age(9);
    cache.set(folder, ENTRIES, nowMs);
    expect(cache.get(folder)).toBeUndefined();
    age(-3600); // a clock that is ahead
    cache.set(folder, ENTRIES, nowMs);
    expect(cache.get(folder)).toBeUndefined();
  });

  it('returns no entries of one that changed while it was read', () => {
    age(60);
    writeFileSync(join(folder, 'events.out.tfevents.2'), '');
    cache.set(folder, ENTRIES, nowMs);
    expect(cache.get(folder)).toBeUndefined();
  });

  it('forgets earlier entries when the directory turns out to be unsettled', () => {
    age(60);
    cache.set(folder, ENTRIES, nowMs);
    writeFileSync(join(folder, 'events.out.tfevents.2'), '');
    cache.set(folder, ENTRIES, nowMs);
    age(60);
    expect(cache.get(folder)).toBeUndefined();
  });

  it.each([
    ['made', (): void => writeFileSync(join(folder, 'new'), '')],
    ['renamed', (): void => renameSync(join(folder, 'old'), join(folder, 'new'))],
    ['removed', (): void => rmSync(join(folder, 'old'))],
    ['made as a directory', (): void => mkdirSync(join(folder, 'new'))],
  ])('notices that something was %s', (_, change) => {
    writeFileSync(join(folder, 'old'), '');
    age(60);
    cache.set(folder, ENTRIES, nowMs);
    change();
    expect(cache.get(folder)).toBeUndefined();
  });

  it('throws if the directory is gone', () => {
    age(60);
    cache.set(folder, ENTRIES, nowMs);
    rmSync(folder, { recursive: true });
    expect(() => cache.get(folder)).toThrow(/ENOENT/);
    mkdirSync(folder);
  });
});

describe('a DirectoryCache on a share', () => {
  const MORE = [...ENTRIES, { name: 'new', kind: 'directory' as const }];
  let nowMs = 0;
  const onShare = (): DirectoryCache => new DirectoryCache({ isLocal: () => false, nowMs: () => nowMs });
  /** Reads the directory as so many scans a minute apart do, and says whether the last of them had to. */
  const scans = (entries: typeof ENTRIES | typeof MORE, times: number): boolean => {
    let isRead = false;
    for (let i = 0; i < times; i++) {
      nowMs += 60_000;
      isRead = cache.get(folder) === undefined;
      if (isRead) cache.set(folder, entries, Date.now());
    }
    return isRead;
  };

  it('trusts a time only after it has changed together with the entries', () => {
    cache = onShare();
    age(3600);
    expect(scans(ENTRIES, 5)).toBe(true);
    age(60);
    expect(scans(MORE, 1)).toBe(true);
    expect([scans(MORE, 3), cache.belief(folder)]).toEqual([false, 'believed']);
  });

  it('never trusts one that did not change although an entry was added', () => {
    cache = onShare();
    age(3600);
    expect(scans(ENTRIES, 3)).toBe(true);
    expect(scans(MORE, 3)).toBe(true);
    expect(cache.belief(folder)).toBe('doubted');
    age(60);
    expect(scans(ENTRIES, 5)).toBe(true);
  });
});

describe('a walk with a cache', () => {
  it('finds a run that was put into a directory whose time was set back', () => {
    const old = Date.now() / 1000 - 3600;
    utimesSync(folder, old, old);
    const runs = (): string[] => walk(folder, '', { cache }).runs.map(({ path }) => path);
    expect(runs()).toEqual([]);
    mkdirSync(join(folder, 'run'));
    writeFileSync(join(folder, 'run', 'events.out.tfevents.1'), 'x');
    utimesSync(folder, old, old);
    expect(runs()).toEqual(['run']);
  });

  it('finds a file that is added to an old directory, and one that grew in it', () => {
    const run = join(folder, 'run');
    mkdirSync(run);
    writeFileSync(join(run, 'events.out.tfevents.1'), 'x');
    const old = Date.now() / 1000 - 3600;
    for (const path of [run, folder]) utimesSync(path, old, old);
    const sizes = (): object =>
      Object.fromEntries(walk(folder, '', { cache }).runs.flatMap(({ files }) => files.map((f) => [f.name, f.size])));
    expect(sizes()).toEqual({ 'events.out.tfevents.1': 1 });
    writeFileSync(join(run, 'events.out.tfevents.1'), 'longer');
    expect(sizes()).toEqual({ 'events.out.tfevents.1': 6 });
    writeFileSync(join(run, 'events.out.tfevents.2'), 'xx');
    expect(sizes()).toEqual({ 'events.out.tfevents.1': 6, 'events.out.tfevents.2': 2 });
    mkdirSync(join(folder, 'other'));
    writeFileSync(join(folder, 'other', 'events.out.tfevents.3'), 'xxx');
    expect(sizes()).toEqual({ 'events.out.tfevents.1': 6, 'events.out.tfevents.2': 2, 'events.out.tfevents.3': 3 });
  });
});
