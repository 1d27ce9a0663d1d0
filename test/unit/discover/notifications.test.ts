import { appendFileSync, cpSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type DiscoverFact, DiscoverThreads, hasNotifications } from '../../../src/discover/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const FILE = 'events.out.tfevents.1';
/** No scan finds anything during a test. */
const NEVER_MS = 24 * 3_600_000;
const YEAR_AGO = Date.now() / 1000 - 365 * 86_400;

let base = '';
let root = '';
let threads: DiscoverThreads | undefined;
let facts: DiscoverFact[] = [];
let wake = (): void => {};
beforeEach(() => {
  base = temporaryFolder();
  root = join(base, 'logs');
  mkdirSync(root);
  facts = [];
});
afterEach(async () => {
  await threads?.close();
});

/** Resolves as soon as it holds of what was told. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
}

async function watching(mostWatches?: number): Promise<void> {
  threads = new DiscoverThreads({
    settings: {
      roots: [{ name: 'logs', path: root, below: '', links: 'owner', include: [], exclude: [], ignore: [] }],
      scanIntervalMs: NEVER_MS,
      notify: true,
      ...(mostWatches === undefined ? {} : { mostWatches }),
    },
    seen: () => [],
    onFact: (fact) => {
      facts.push(fact);
      wake();
    },
    onFailure: (error) => {
      throw error;
    },
  });
  threads.begin();
  await until(() => facts.some(({ kind }) => kind === 'notificationsChanged'));
}

const runs = (): string[] => facts.flatMap((fact) => (fact.kind === 'filesChanged' ? fact.changes.map(({ run }) => run) : []));
const found = (run: string): Promise<void> => until(() => runs().includes(run));

function make(path: string, text = 'x'): void {
  mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, path, FILE), text);
}

/** A run that nobody wrote to for a year, in directories as old. */
function quiet(path: string): void {
  make(path);
  utimesSync(join(root, path, FILE), YEAR_AGO, YEAR_AGO);
  for (let at = join(root, path); at !== base; at = dirname(at)) utimesSync(at, YEAR_AGO, YEAR_AGO);
}

function quietDirectory(path: string): void {
  mkdirSync(join(root, path), { recursive: true });
  for (let at = join(root, path); at !== base; at = dirname(at)) utimesSync(at, YEAR_AGO, YEAR_AGO);
}

(hasNotifications(tmpdir()) ? describe : describe.skip)('while no scan is due, notifications find', () => {
  it('a run in a directory that was quiet, with runs or without, at any depth', async () => {
    quiet('exp/run/version_0');
    quiet('a/b/c/d/e/old');
    quietDirectory('empty/deeper');
    await watching();
    for (const path of ['exp/run/version_1', 'a/b/c/d/e/new', 'a/b/other', 'empty/deeper/x', 'empty/y']) {
      make(path);
      await found(path);
    }
  });

  it('a run whose parents are created with it, and the next one next to it', async () => {
    quiet('old');
    await watching();
    make('new/parents/made/at/once');
    await found('new/parents/made/at/once');
    make('new/parents/made/beside');
    await found('new/parents/made/beside');
  });

  it('a file in a quiet run, and data that is written to a known file', async () => {
    quiet('old');
    await watching();
    appendFileSync(join(root, 'old', FILE), 'more');
    await until(() =>
      facts.some((fact) => fact.kind === 'filesChanged' && fact.changes.some(({ files }) => files.some(({ size }) => size === 5))),
    );
    writeFileSync(join(root, 'old', 'events.out.tfevents.2'), 'x');
    await until(() =>
      facts.some((fact) => fact.kind === 'filesChanged' && fact.changes.some(({ files }) => files.some(({ name }) => name.endsWith('2')))),
    );
  });

  it('directories that are moved in completely, with a quiet run in them', async () => {
    quiet('old');
    mkdirSync(join(base, 'away/x/y'), { recursive: true });
    writeFileSync(join(base, 'away/x/y', FILE), 'x');
    await watching();
    renameSync(join(base, 'away'), join(root, 'moved'));
    await found('moved/x/y');
    make('moved/x/z');
    await found('moved/x/z');
  });

  it('a run in a directory that was removed and created again', async () => {
    quiet('exp/one');
    await watching();
    rmSync(join(root, 'exp'), { recursive: true });
    make('exp/two');
    await found('exp/two');
    make('exp/three');
    await found('exp/three');
    rmSync(join(root, 'exp/three'), { recursive: true });
    make('exp/three', 'other');
    make('exp/three/four');
    await found('exp/three/four');
  });

  it('a run in a directory that replaced a moved one', async () => {
    quiet('exp/one');
    await watching();
    renameSync(join(root, 'exp'), join(base, 'exp.old'));
    make('exp/two');
    await found('exp/two');
    make('exp/three');
    await found('exp/three');
  });

  it('a run below a link, in a quiet directory outside', async () => {
    mkdirSync(join(base, 'elsewhere/exp/one'), { recursive: true });
    writeFileSync(join(base, 'elsewhere/exp/one', FILE), 'x');
    for (const path of ['elsewhere/exp/one', 'elsewhere/exp', 'elsewhere']) utimesSync(join(base, path), YEAR_AGO, YEAR_AGO);
    symlinkSync('../elsewhere', join(root, 'link'));
    await watching();
    for (const path of ['exp/two', 'three']) {
      mkdirSync(join(base, 'elsewhere', path));
      writeFileSync(join(base, 'elsewhere', path, FILE), 'x');
      await found(`link/${path}`);
    }
  });

  it('a link to a directory that is new, by asking for a scan', async () => {
    quiet('old');
    mkdirSync(join(base, 'elsewhere/run'), { recursive: true });
    writeFileSync(join(base, 'elsewhere/run', FILE), 'x');
    await watching();
    symlinkSync('../elsewhere', join(root, 'link'));
    await found('link/run');
  });

  it('a whole tree that is copied in piece by piece', async () => {
    quiet('old');
    for (let i = 0; i < 200; i++) {
      mkdirSync(join(base, `tree/exp${i % 20}/run${i}`), { recursive: true });
      writeFileSync(join(base, `tree/exp${i % 20}/run${i}`, FILE), 'x');
    }
    await watching();
    cpSync(join(base, 'tree'), join(root, 'tree'), { recursive: true });
    await until(() => new Set(runs()).size === 201);
  });

  it('new runs in an old experiment even if there are more directories than watches', async () => {
    for (let i = 0; i < 20; i++) for (let j = 0; j < 10; j++) quiet(`exp${i}/run${j}`);
    await watching(50);
    expect(facts.find(({ kind }) => kind === 'notificationsChanged')).toMatchObject({ directories: 50, reason: '' });
    for (let i = 0; i < 20; i++) {
      make(`exp${i}/new`);
      await found(`exp${i}/new`);
      make(`exp${i}/new/below`);
      await found(`exp${i}/new/below`);
    }
    for (const fact of facts) if (fact.kind === 'notificationsChanged') expect(fact.directories).toBeLessThanOrEqual(50);
  });

  it('names that are not UTF-8', async () => {
    quiet('old');
    await watching();
    const name = Buffer.from('caf\xe9', 'latin1');
    const directory = Buffer.concat([Buffer.from(`${root}/old/`), name]);
    mkdirSync(directory);
    writeFileSync(Buffer.concat([directory, Buffer.from(`/${FILE}`)]), 'x');
    await found('old/caf\\xe9');
  });
});
