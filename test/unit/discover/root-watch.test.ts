import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CallMark, markCalls } from '../../../src/calls/index.ts';
import { RootWatch, type RunChange, runFilter } from '../../../src/discover/index.ts';
import { compareNames } from '../../../src/model/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { walk } from '../../support/walk.ts';

const ONE = 'events.out.tfevents.1';
const TWO = 'events.out.tfevents.2';
const isRoot = process.getuid?.() === 0;

let base = '';
let root = '';
let now = 0;
beforeEach(() => {
  base = temporaryFolder();
  root = join(base, 'logs');
  mkdirSync(root);
  now = Date.now();
});
function write(path: string, text = 'x'): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const watched = (options: { below?: string; include?: string[]; exclude?: string[] } = {}): RootWatch =>
  new RootWatch({ path: root, below: options.below ?? '', filter: runFilter(options.include ?? [], options.exclude ?? []) });
const named = (changes: readonly RunChange[]): string[] =>
  changes.flatMap(({ run, files }) => files.map(({ name, size }) => `${run}/${name} ${size}`)).sort(compareNames);
const goneFrom = (watch: RootWatch): string[] =>
  watch
    .scan(now)
    .gone.map(({ run, name }) => `${run}/${name}`)
    .sort();

/** Counts the calls to the file system. */
class CountingMark extends CallMark {
  count = 0;

  override begin(path: string): void {
    this.count++;
    super.begin(path);
  }
}

/** What a store would know of everything that is there now. */
function known(): { run: string; name: string; size: number; stamp: string }[] {
  return walk(root).runs.flatMap(({ path, files }) => files.map((file) => ({ run: path, ...file })));
}

it('skips the files of Unity next to event files, from a scan or from a notification', () => {
  write(`a/${ONE}`);
  write(`a/${ONE}.meta`);
  const watch = watched();
  expect(named(watch.scan(now).changes)).toEqual([`a/${ONE} 1`]);
  write(`a/${TWO}`);
  write(`a/${TWO}.meta`);
  expect(named(watch.look([join(root, 'a', TWO), join(root, 'a', `${TWO}.meta`)], now))).toEqual([`a/${TWO} 1`]);
});

describe('a scan', () => {
  it('reports files that are new, grew, shrank or were replaced, and no others', () => {
    write(ONE);
    write(`a/${ONE}`);
    write(`a/${TWO}`);
    const watch = watched();
    expect(named(watch.scan(now).changes)).toEqual([`./${ONE} 1`, `a/${ONE} 1`, `a/${TWO} 1`]);
    expect(watch.scan(now)).toMatchObject({ changes: [], gone: [], directories: 2, files: 3, isMissing: false });
    appendFileSync(join(root, ONE), 'more');
    expect(named(watch.scan(now).changes)).toEqual([`./${ONE} 5`]);
    write(ONE, 'xx');
    write('new/other', 'y');
    renameSync(join(root, 'new/other'), join(root, 'a', ONE));
    expect(named(watch.scan(now).changes)).toEqual([`./${ONE} 2`, `a/${ONE} 1`]);
  });

  it('reports deleted files, once', () => {
    write(ONE);
    write(`a/${ONE}`);
    const watch = watched();
    watch.scan(now);
    rmSync(join(root, 'a'), { recursive: true });
    expect(goneFrom(watch)).toEqual([`a/${ONE}`]);
    expect(goneFrom(watch)).toEqual([]);
    write(`a/${ONE}`);
    expect(named(watch.scan(now).changes)).toEqual([`a/${ONE} 1`]);
  });

  it('treats a file that became a directory as gone, and finds the files in it', () => {
    write(`a/${ONE}`);
    const watch = watched();
    watch.scan(now);
    rmSync(join(root, 'a', ONE));
    write(`a/${ONE}/${TWO}`);
    const { changes, gone } = watch.scan(now);
    expect(named(changes)).toEqual([`a/${ONE}/${TWO} 1`]);
    expect(gone).toEqual([{ run: 'a', name: ONE }]);
  });

  it('waits for an unreadable root, and reports why', () => {
    rmSync(root, { recursive: true });
    symlinkSync(root, root);
    const watch = new RootWatch({ path: root, below: '' });
    expect(watch.scan(1000)).toMatchObject({
      isMissing: true,
      gone: [],
      obstacles: [{ path: '.', reason: 'its links lead in a circle (ELOOP)' }],
    });
    rmSync(root);
    expect(watch.scan(2000)).toMatchObject({ isMissing: true, obstacles: [] });
    mkdirSync(root);
    expect(watch.scan(3000)).toMatchObject({ isMissing: false, obstacles: [] });
  });

  it('treats nothing as gone while the root is missing, and finds its files again when it is back', () => {
    write(`a/${ONE}`);
    const watch = watched();
    watch.scan(now);
    renameSync(root, `${root}.away`);
    expect(watch.scan(now)).toMatchObject({ changes: [], gone: [], isMissing: true, files: 1 });
    renameSync(`${root}.away`, root);
    expect(watch.scan(now)).toMatchObject({ changes: [], gone: [], isMissing: false });
  });

  it('treats nothing as gone while the root is a file', () => {
    write(`a/${ONE}`);
    const watch = watched();
    watch.scan(now);
    rmSync(root, { recursive: true });
    writeFileSync(root, '');
    expect(watch.scan(now)).toMatchObject({ changes: [], gone: [] });
  });

  (isRoot ? it.skip : it)('treats nothing below an unreadable directory as gone, and names the directory', () => {
    write(`a/b/${ONE}`);
    write(`c/${ONE}`);
    const watch = watched();
    watch.scan(now);
    chmodSync(join(root, 'a'), 0);
    try {
      expect(watch.scan(now)).toMatchObject({ changes: [], gone: [], obstacles: [{ path: 'a' }] });
    } finally {
      chmodSync(join(root, 'a'), 0o755);
    }
    expect(watch.scan(now)).toMatchObject({ changes: [], gone: [], obstacles: [] });
  });

  it('does not report known files that did not change', () => {
    write(ONE);
    write(`a/${ONE}`);
    const watch = watched();
    watch.seed(known());
    expect(watch.scan(now)).toMatchObject({ changes: [], gone: [] });
    const other = watched();
    other.seed(known());
    appendFileSync(join(root, ONE), 'y');
    rmSync(join(root, 'a'), { recursive: true });
    const { changes, gone } = other.scan(now);
    expect(named(changes)).toEqual([`./${ONE} 2`]);
    expect(gone).toEqual([{ run: 'a', name: ONE }]);
  });
});

describe('a root that is narrowed', () => {
  beforeEach(() => {
    write(ONE);
    write(`a/${ONE}`);
    write(`a/b/${ONE}`);
    write(`c/${ONE}`);
  });

  it('has only the runs at and below a directory', () => {
    expect(named(watched({ below: 'a' }).scan(now).changes)).toEqual([`a/b/${ONE} 1`, `a/${ONE} 1`]);
  });

  it('treats nothing outside of a directory as gone', () => {
    const watch = watched({ below: 'a' });
    watch.seed(known());
    expect(goneFrom(watch)).toEqual([]);
    rmSync(join(root, 'a/b'), { recursive: true });
    expect(goneFrom(watch)).toEqual([`a/b/${ONE}`]);
  });

  it('does not check files outside of a directory, even if a notification names them', () => {
    const watch = watched({ below: 'a' });
    watch.scan(now);
    write(TWO);
    write(`d/${ONE}`);
    write(`a/${TWO}`);
    expect(named(watch.look([join(root, TWO), join(root, 'a', TWO)], now))).toEqual([`a/${TWO} 1`]);
    expect(named(watch.lookBelow(join(root, 'd'), now))).toEqual([]);
  });

  it('has only the runs that match its globs', () => {
    expect(named(watched({ include: ['a'] }).scan(now).changes)).toEqual([`a/b/${ONE} 1`, `a/${ONE} 1`]);
    expect(named(watched({ include: ['a/b'] }).scan(now).changes)).toEqual([`a/b/${ONE} 1`]);
    expect(named(watched({ exclude: ['a'] }).scan(now).changes)).toEqual([`./${ONE} 1`, `c/${ONE} 1`]);
    expect(named(watched({ include: ['a'], exclude: ['a/b'] }).scan(now).changes)).toEqual([`a/${ONE} 1`]);
  });

  it('has none of its own files if a glob leaves out the root', () => {
    expect(named(watched({ exclude: ['.'] }).scan(now).changes)).not.toContain(`./${ONE} 1`);
  });

  it('treats no run outside of its globs as gone', () => {
    const watch = watched({ include: ['a'], exclude: ['a/b'] });
    watch.seed(known());
    expect(goneFrom(watch)).toEqual([]);
  });

  it('does not check runs outside of its globs, even if a notification names them', () => {
    const watch = watched({ include: ['a', 'd/e'], exclude: ['a/b'] });
    watch.scan(now);
    for (const path of [TWO, `a/${TWO}`, `a/b/${TWO}`, `d/${ONE}`, `d/e/${ONE}`]) write(path);
    expect(named(watch.look([join(root, TWO), join(root, 'a', TWO), join(root, 'a/b', TWO)], now))).toEqual([`a/${TWO} 1`]);
    expect(named(watch.lookBelow(join(root, 'd'), now))).toEqual([`d/e/${ONE} 1`]);
    expect(named(watch.lookBelow(join(root, 'a/b'), now))).toEqual([]);
  });
});

describe('a poll', () => {
  const ago = (path: string, ms: number): void => {
    utimesSync(join(root, path), (now - ms) / 1000, (now - ms) / 1000);
  };

  const grow = (...names: readonly string[]): void => {
    for (const name of names) appendFileSync(join(root, name, ONE), 'y');
  };

  it('checks a growing file every second for a minute, every 15 seconds for an hour, and then never', () => {
    write(`run/${ONE}`);
    const watch = watched();
    watch.scan(now);
    watch.poll(now); // all are due at first
    grow('run');
    expect(named(watch.poll(now + 500))).toEqual([]);
    expect(named(watch.poll(now + 1000))).toEqual([`run/${ONE} 2`]);
    const minute = now + 1000 + 60_000;
    watch.poll(minute);
    grow('run');
    expect(named(watch.poll(minute + 14_000))).toEqual([]);
    expect(named(watch.poll(minute + 15_000))).toEqual([`run/${ONE} 3`]);
    const hour = minute + 15_000 + 3_600_000;
    watch.poll(hour);
    grow('run');
    expect(named(watch.poll(hour + 60_000))).toEqual([]);
    expect(named(watch.scan(hour + 61_000).changes)).toEqual([`run/${ONE} 4`]);
    grow('run');
    expect(named(watch.poll(hour + 62_000))).toEqual([`run/${ONE} 5`]);
  });

  it('skips files that were old when they were found', () => {
    write(`cold/${ONE}`);
    ago(`cold/${ONE}`, 2 * 3_600_000);
    const watch = watched();
    watch.scan(now);
    grow('cold');
    expect(named(watch.poll(now + 1000))).toEqual([]);
    expect(named(watch.scan(now + 2000).changes)).toEqual([`cold/${ONE} 2`]);
  });

  it('checks files that were known before and grew just now, as after a restart', () => {
    write(`run/${ONE}`);
    const watch = watched();
    watch.seed(known());
    expect(watch.scan(now).changes).toEqual([]);
    watch.poll(now);
    grow('run');
    expect(named(watch.poll(now + 1000))).toEqual([`run/${ONE} 2`]);
  });

  it('does not report a deleted file: that is for a scan', () => {
    write(ONE);
    const watch = watched();
    watch.scan(now);
    rmSync(join(root, ONE));
    expect(watch.poll(now + 1000)).toEqual([]);
    expect(goneFrom(watch)).toEqual([`./${ONE}`]);
  });
});

describe('a link to a directory', () => {
  it('leads elsewhere right after it is moved, with any times of the directories', () => {
    for (const run of ['one', 'two']) {
      mkdirSync(join(base, run));
      writeFileSync(join(base, run, ONE), run);
      utimesSync(join(base, run), 1000, 1000);
    }
    symlinkSync(join(base, 'one'), join(root, 'current'));
    const watch = watched();
    expect(named(watch.scan(now).changes)).toEqual([`current/${ONE} 3`]);
    expect(named(watch.scan(now).changes)).toEqual([]);
    expect(watch.hasMovedLink()).toBe(false);
    rmSync(join(base, 'two', ONE));
    writeFileSync(join(base, 'two', TWO), 'other');
    utimesSync(join(base, 'two'), 1000, 1000);
    symlinkSync(join(base, 'two'), join(root, 'next'));
    renameSync(join(root, 'next'), join(root, 'current'));
    expect(watch.hasMovedLink()).toBe(true);
    const { changes, gone } = watch.scan(now);
    expect([named(changes), gone]).toEqual([[`current/${TWO} 5`], [{ run: 'current', name: ONE }]]);
    expect(watch.hasMovedLink()).toBe(false);
  });
});

describe('a root that is empty all at once', () => {
  it('is reported until one of its files exists again', () => {
    write(`a/${ONE}`);
    write(`b/${ONE}`);
    const watch = watched();
    watch.seed(known());
    renameSync(root, join(base, 'away'));
    mkdirSync(root);
    expect(watch.scan(now)).toMatchObject({ isMissing: false, isEmptied: true });
    expect(watch.scan(now).isEmptied).toBe(true);
    rmSync(root, { recursive: true });
    renameSync(join(base, 'away'), root);
    expect(watch.scan(now)).toMatchObject({ isEmptied: false, files: 2 });
    rmSync(join(root, 'a'), { recursive: true });
    expect(watch.scan(now)).toMatchObject({ isEmptied: false, files: 1 });
  });

  it('is not reported if it never had a file', () => {
    const watch = watched();
    expect(watch.scan(now).isEmptied).toBe(false);
    expect(watch.scan(now).isEmptied).toBe(false);
  });
});

describe('a scan of many runs', () => {
  it('reports its findings while it continues, and each once', () => {
    for (let i = 0; i < 600; i++) write(`r${i}/${ONE}`);
    const watch = watched();
    const told: RunChange[][] = [];
    const { changes } = watch.scan(now, (some) => told.push([...some]));
    expect(told.length).toBeGreaterThan(1);
    expect(new Set([...told.flat(), ...changes].map(({ run }) => run)).size).toBe(600);
    expect(told.flat().length + changes.length).toBe(600);
  });

  it.each([
    ['links to one file outside', (i: number) => [`links/${i}/${ONE}`, join(base, 'outside', ONE)] as const],
    ['links to one file of the root', (i: number) => [`links/l${i}.tfevents`, join(root, 'run', ONE)] as const],
    ['links to directories with a file each', (i: number) => [`links/${i}`, join(base, `far/${i}`)] as const],
  ])('asks the file system for %s in proportion to their number', (_, linkOf) => {
    write(`run/${ONE}`);
    mkdirSync(join(base, 'outside'));
    writeFileSync(join(base, 'outside', ONE), 'x');
    const mark = new CountingMark();
    markCalls(mark);
    const watch = watched();
    let made = 0;
    /** Calls of a scan with so many links. */
    const calls = (count: number): number => {
      for (; made < count; made++) {
        const [path, target] = linkOf(made);
        mkdirSync(join(base, `far/${made}`), { recursive: true });
        writeFileSync(join(base, `far/${made}`, ONE), 'x');
        mkdirSync(dirname(join(root, path)), { recursive: true });
        symlinkSync(target, join(root, path));
      }
      const before = mark.count;
      watch.scan(now);
      return mark.count - before;
    };
    // Each link costs the same, however many there are: twice as many cost twice as much more.
    const [few, some, many] = [calls(50), calls(100), calls(200)];
    expect(some - few).toBeGreaterThan(0);
    expect(many - some).toBeLessThanOrEqual(2 * (some - few) + 10);
  });

  it('does not treat a file as gone if it is below a link that is no longer followed', () => {
    mkdirSync(join(base, 'out'));
    writeFileSync(join(base, 'out', ONE), 'x');
    symlinkSync('../out', join(root, 'mine'));
    const watch = new RootWatch({ path: root, below: '', links: 'inside' });
    watch.seed([{ run: 'mine', name: ONE, size: 1, stamp: '' }]);
    expect(watch.scan(now)).toMatchObject({ changes: [], gone: [], obstacles: [{ path: 'mine', isLeft: true }] });
  });
});

describe('a check of a notified path', () => {
  it('reports a change once, and nothing that is not an event file', () => {
    write(`a/${ONE}`);
    write('a/notes.txt');
    const watch = watched();
    watch.scan(now);
    appendFileSync(join(root, 'a', ONE), 'y');
    const paths = [join(root, 'a', ONE), join(root, 'a', ONE), join(root, 'a/notes.txt'), join(root, 'a/missing.tfevents')];
    expect(named(watch.look(paths, now))).toEqual([`a/${ONE} 2`]);
    expect(watch.look(paths, now)).toEqual([]);
    expect(watch.scan(now).changes).toEqual([]);
  });

  it('finds the runs below a new directory', () => {
    const watch = watched();
    watch.scan(now);
    write(`a/b/${ONE}`);
    expect(named(watch.lookBelow(join(root, 'a'), now))).toEqual([`a/b/${ONE} 1`]);
    expect(watch.scan(now)).toMatchObject({ changes: [], gone: [] });
  });
});

describe('the directories that are worth a notification', () => {
  const old = (path: string, ms: number): void => {
    write(path);
    utimesSync(join(root, path), (now - ms) / 1000, (now - ms) / 1000);
  };
  const selected = (watch: RootWatch, most: number, at = now): string[] =>
    watch.directoriesToWatch(at, most).map((path) => (path === root ? '.' : path.slice(root.length + 1)));
  const hours = (n: number): number => n * 3_600_000;

  it('are all directories up to the limit, also quiet and empty ones', () => {
    write(`a/b/${ONE}`);
    old(`old/x/${ONE}`, hours(2));
    mkdirSync(join(root, 'empty/deep'), { recursive: true });
    const watch = watched();
    watch.scan(now);
    expect(selected(watch, 100).sort()).toEqual(['.', 'a', 'a/b', 'empty', 'empty/deep', 'old', 'old/x']);
    expect(selected(watch, 100, now + hours(2)).sort()).toEqual(['.', 'a', 'a/b', 'empty', 'empty/deep', 'old', 'old/x']);
  });

  it('are the parents of runs first, shallow before deep, and with the newest runs before others', () => {
    old(`a/deep/run/${ONE}`, hours(3));
    old(`b/run/${ONE}`, hours(2));
    old(`c/run/${ONE}`, hours(4));
    mkdirSync(join(root, 'empty'));
    const watch = watched();
    watch.scan(now);
    expect(selected(watch, 100)).toEqual(['.', 'b', 'a', 'c', 'a/deep', 'empty', 'b/run', 'c/run', 'a/deep/run']);
    expect(selected(watch, 4)).toEqual(['.', 'b', 'a', 'c']);
  });

  it('are the parents of a growing run first, and its own before those of half the limit', () => {
    write(`z/new/${ONE}`);
    for (let i = 0; i < 20; i++) old(`r${i}/run/${ONE}`, hours(2) + i);
    const watch = watched();
    watch.scan(now);
    expect(selected(watch, 6)).toEqual(['.', 'z', 'r0', 'z/new', 'r1', 'r2']);
  });

  it('are at most as many as requested; of runs in one directory, those that grew last', () => {
    for (let i = 0; i < 20; i++) old(`r${i}/${ONE}`, 30_000 - 1000 * i);
    const watch = watched();
    watch.scan(now);
    expect(selected(watch, 4)).toEqual(['.', 'r19', 'r18', 'r17']);
  });

  it('are new ones before quiet ones', () => {
    for (let i = 0; i < 5; i++) old(`r${i}/${ONE}`, hours(2) + i);
    const watch = watched();
    watch.scan(now);
    mkdirSync(join(root, 'x/y'), { recursive: true });
    const told: string[] = [];
    watch.lookBelow(join(root, 'x'), now, (path) => told.push(path));
    expect(told).toEqual([join(root, 'x'), join(root, 'x/y')]);
    expect(selected(watch, 4)).toEqual(['.', 'x/y', 'x', 'r0']);
  });

  it('exclude those that a filter leaves out', () => {
    write(`a/${ONE}`);
    write(`b/run/${ONE}`);
    const watch = watched({ exclude: ['b'] });
    watch.scan(now);
    expect(selected(watch, 100)).toEqual(['.', 'a']);
  });
});
