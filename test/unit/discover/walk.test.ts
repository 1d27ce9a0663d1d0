import { existsSync, linkSync, mkdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type FoundRun, isCompanion, isEventFileName, isWithin, runFilter, visit, whyPassedOver } from '../../../src/discover/index.ts';
import { until } from '../../crash/watch-kill.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { walk } from '../../support/walk.ts';

const EVENTS = 'events.out.tfevents.1';
/** Endings that hosts may have: alone, a file with one of them is an event file. */
const ALONE = ['lock', 'complete', 'metadata', 'crc', 'sig', 'asc', 'bts'];

let base = '';
let root = '';
beforeEach(() => {
  base = temporaryFolder();
  root = join(base, 'root');
  mkdirSync(root);
});
/** Files by path below `base`. */
function make(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), 'x');
  }
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  symlinkSync(target, join(base, path));
}

/** Name and size of the files of a run. */
const filesOf = (run: FoundRun | undefined): object[] | undefined => run?.files.map(({ name, size }) => ({ name, size }));
const runs = (below?: string): string[] => walk(root, below).runs.map(({ path }) => path);

describe('isEventFileName', () => {
  test('follows TensorBoard: tfevents anywhere in the name, but no mark of an empty profile', () => {
    for (const name of [EVENTS, 'my_tfevents_copy', 'tfevents', `${EVENTS}.bak`, 'x.tfevents.1.profile-empty.v2'])
      expect(isEventFileName(name)).toBe(true);
    for (const name of ['events.out', 'TFEVENTS', 'tf.events', `${EVENTS}.profile-empty`, '']) expect(isEventFileName(name)).toBe(false);
  });
});

describe('names of incomplete downloads, and of backup copies', () => {
  const NAME = 'events.out.tfevents.1700000000.host.1.0';

  test('are not files of a run, and the reason is reported', () => {
    for (const name of [
      `.${NAME}.aB3dEf`,
      `.${NAME}.000123`,
      `.syncthing.${NAME}.tmp`,
      `~syncthing~${NAME}.tmp`,
      `${NAME}.sync-conflict-20260101-101010-ABCDEFG.0`,
      `${NAME} (somebody's conflicted copy 2026-01-01).0`,
      `${NAME}.1a2b3c4d.partial`,
      `${NAME}.filepart`,
      `${NAME}.part`,
      `${NAME}.ocTransferId123.part`,
      `.${NAME}.~3c2a`,
      `${NAME}_.gstmp`,
      `${NAME}.crdownload`,
      `${NAME}.download`,
      `${NAME}.AbCdEf12`,
      `${NAME}.part.minio`,
      `${NAME}.0cc175b9c0f1b6a831c399e269772661-1.part.minio`,
      `${NAME}_1700000000.123456_.partially`,
      `${NAME}.partially`,
      `${NAME}-1a2b.ffs_tmp`,
      `${NAME}.!qB`,
      `${NAME}.aspera-ckpt`,
      `${NAME}.aspx`,
      `${NAME}.lftp-pget-status`,
      `${NAME}.downloading`,
      `${NAME}.baiduyun.p.downloading`,
      `${NAME}.fdmdownload`,
      `${NAME}.cyberducksegment`,
      `${NAME}.s3tmp.ab12cd34`,
      `${NAME}.tmp-1234567890`,
      `${NAME}.tmp.a1b2c3d4`,
      `${NAME}.dvc`,
      `${NAME}.md5`,
      `${NAME}.sha256`,
      `.${NAME}.crc`,
      '.events.out.tfevents.1700000000.host.crc',
      ...ALONE.map((ending) => `${NAME}.${ending}`),
      `${NAME}.v2.lock`,
      `.${NAME}.icloud`,
      `${NAME}.nextcloud`,
      `${NAME}:Zone.Identifier`,
      `${NAME}\uf03aZone.Identifier`,
      `${NAME} (SFConflict a@b.org 2026-01-01-10-10-10).0`,
      `${NAME}-laptop-safeBackup-0001`,
      `${NAME}.conflict1`,
      `${NAME}..path2`,
      `${NAME}___jb_tmp___`,
      `.bak.0.${NAME}`,
      `${NAME}.tmp`,
      `${NAME}.tmp.4711`,
      `${NAME}._COPYING_`,
      `.azDownload-0123-${NAME}`,
      `.in.${NAME}.`,
      `.~${NAME}`,
      `~$${NAME}`,
      `._${NAME}`,
      `${NAME}~`,
      `${NAME}.~1~`,
      `.${NAME}.swp`,
      `#${NAME}#`,
      `.#${NAME}`,
    ]) {
      expect([name, isEventFileName(name)]).toEqual([name, false]);
      expect(whyPassedOver(name)).toMatch(/\w/);
    }
  });

  test('differ from names that writers give', () => {
    for (const name of [
      NAME,
      `${NAME}.v2`,
      `${NAME}.profile-empty.v2`,
      `${NAME}.sagemaker-uploaded`,
      `${NAME}.foreign.meta`,
      `${NAME}.validation`,
      `${NAME}.1a2b3c4d`,
      `${NAME}.12345678`,
      'events.out.tfevents.1700000000.DEADBEEF',
      'events.out.tfevents.1700000000.0123456789ab.4711',
      'events.out.tfevents.1700000000.my.partner.host.1',
      'train.tfevents',
      '.hidden.tfevents',
      'events.out.tfevents.1700000000.host.template',
      'events.out.tfevents.1700000000.tmphost',
      'events.out.tfevents.1700000000.tmp-node',
      'events.out.tfevents.1700000000.tmp-gpu01',
      'events.out.tfevents.1700000000.temp-node12',
      'events.out.tfevents.1700000000.temp_box1',
      'events.out.tfevents.1700000000.temp.lab01',
      ...ALONE.map((ending) => `events.out.tfevents.1700000000.n30.${ending}`),
      'events.out.tfevents.1700000000.locker.sha256.example',
      `${NAME}.gz`,
      `${NAME}.csv`,
    ]) {
      expect([name, isEventFileName(name)]).toEqual([name, true]);
      expect(whyPassedOver(name)).toBeUndefined();
    }
  });

  test('with a random ending are recognized by the complete name next to it', () => {
    const there = (name: string) => name === NAME;
    expect(isCompanion(`${NAME}.1a2b3c4d`, there)).toBe(true);
    expect(isCompanion(`${NAME}.1a2b3c4d`, () => false)).toBe(false);
    expect(isCompanion(`${NAME}.validate`, there)).toBe(false);
    expect(isCompanion(`${NAME}.bak`, there)).toBe(true);
    expect(isCompanion(`${NAME}.bak`, () => false)).toBe(false);
    expect(isCompanion(`${NAME}-1b4e28ba-2fa1-11d2-883f-0016d3cca427`, there)).toBe(true);
    expect(isCompanion(`${NAME}-1b4e28ba-2fa1-11d2-883f-0016d3cca427`, () => false)).toBe(false);
  });
});

describe('isCompanion', () => {
  test('recognizes the files that Unity keeps next to others, and ignores none without such a neighbour', () => {
    const there = (name: string) => name === EVENTS;
    expect(isCompanion(`${EVENTS}.meta`, there)).toBe(true);
    for (const name of [EVENTS, 'other.tfevents.meta', `${EVENTS}.meta.meta`, `${EVENTS}.metas`])
      expect(isCompanion(name, there)).toBe(false);
  });
});

test.each(['gz', 'csv', 'json', 'orig', 'st', ...ALONE])('a file NAME.%s is about the file NAME if that exists', (ending) => {
  expect(isCompanion(`${EVENTS}.${ending}`, (name) => name === EVENTS)).toBe(true);
  expect(isCompanion(`${EVENTS}.${ending}`, () => false)).toBe(false);
});

test('isWithin compares complete names', () => {
  expect(isWithin('/a/b', '/a/b')).toBe(true);
  expect(isWithin('/a/b/c', '/a/b')).toBe(true);
  expect(isWithin('/a/bc', '/a/b')).toBe(false);
  expect(isWithin('/a', '/a/b')).toBe(false);
  expect(isWithin('/a', '/')).toBe(true);
});

describe('walk', () => {
  test('finds no run in the temporary files that downloaders keep below their target', () => {
    make(`root/.cache/huggingface/download/runs/exp/${EVENTS}.metadata`, `root/.cache/huggingface/download/runs/exp/${EVENTS}.lock`);
    make(`root/.huggingface/download/runs/exp/${EVENTS}`, `root/._____temp/runs/exp/${EVENTS}`, `root/runs/exp/${EVENTS}`);
    make(`root/.cache/huggingface/hub/exp/${EVENTS}`);
    expect(runs()).toEqual(['.cache/huggingface/hub/exp', 'runs/exp']);
  });

  test('skips the files of Unity next to event files, but not others with such a name', () => {
    make(`root/a/${EVENTS}`, `root/a/${EVENTS}.meta`, `root/b/${EVENTS}.meta`);
    expect(walk(root).runs.map(({ files }) => files.map(({ name }) => name))).toEqual([[EVENTS], [`${EVENTS}.meta`]]);
  });

  test('finds runs at every depth, hidden ones too, in the byte order of their paths', () => {
    make(
      `root/${EVENTS}`,
      `root/b/${EVENTS}`,
      `root/a/deep/er/${EVENTS}`,
      `root/.hidden/${EVENTS}`,
      `root/ünï & x/${EVENTS}`,
      `root/a-b/${EVENTS}`,
      'root/none/model.bin',
      `root/none/${EVENTS}.profile-empty`,
    );
    expect(runs()).toEqual(['.', '.hidden', 'a-b', 'a/deep/er', 'b', 'ünï & x']);
    expect(walk(root).directories).toBe(9);
    expect(walk(root).obstacles).toEqual([]);
  });

  test('lists files by the bytes of their names, with their sizes', () => {
    make('root/e.tfevents.999.x', 'root/e.tfevents.1000.x', 'root/other.txt', 'root/tfevents.\u{1F389}', 'root/tfevents.\uffff');
    writeFileSync(join(root, 'e.tfevents.999.x'), 'four');
    expect(filesOf(walk(root).runs[0])).toEqual([
      { name: 'e.tfevents.1000.x', size: 1 },
      { name: 'e.tfevents.999.x', size: 4 },
      { name: 'tfevents.\uffff', size: 1 },
      { name: 'tfevents.\u{1F389}', size: 1 },
    ]);
  });

  test('stamps files: a stamp stays while the file does not change, and changes when it is written again', async () => {
    make('root/a.tfevents', 'root/b.tfevents');
    const stamps = (): string[] | undefined => walk(root).runs[0]?.files.map(({ stamp }) => stamp);
    const [a, b] = stamps() ?? [];
    expect(a).toMatch(/./);
    expect(b).not.toBe(a);
    expect(stamps()).toEqual([a, b]);
    // The same bytes again, and the time of modification as it was: the time of change tells.
    const path = join(root, 'a.tfevents');
    const { atime, mtime } = statSync(path);
    const later = (): boolean => {
      writeFileSync(path, 'x');
      utimesSync(path, atime, mtime);
      return stamps()?.[0] !== a;
    };
    // A file system's clock may be coarse.
    expect(await until(later)).toBe(true);
    expect(stamps()?.[0]).not.toBe(a);
    expect(stamps()?.[1]).toBe(b);
    make('outside/b.tfevents');
    link('root/c.tfevents', '../outside/b.tfevents');
    const there = statSync(join(base, 'outside/b.tfevents'), { bigint: true });
    expect(stamps()?.[2]).toBe(`${there.mtimeNs}.${there.ctimeNs}.${there.ino}`);
  });

  test('follows links to directories and files outside the root', () => {
    make(`outside/run/${EVENTS}`, 'outside/one.tfevents');
    link('root/linked', '../outside');
    link('root/single/a.tfevents.link', '../../outside/one.tfevents');
    expect(runs()).toEqual(['linked', 'linked/run', 'single']);
    expect(filesOf(walk(root).runs[2])).toEqual([{ name: 'a.tfevents.link', size: 1 }]);
  });

  test('lists a directory that is linked from inside the root once, under its real path', () => {
    make(`root/z/${EVENTS}`);
    link('root/a', 'z');
    link('root/b/c', '../z');
    expect(runs()).toEqual(['z']);
  });

  test('ignores links that lead back up, and links to themselves', () => {
    make(`root/a/${EVENTS}`, `outside/${EVENTS}`);
    link('root/a/up', '..');
    link('root/a/self', '.');
    link('root/a/further', '../..');
    link('outside/back', '../root');
    link('root/out', '../outside');
    link('root/ring1', 'ring2');
    link('root/ring2', 'ring1');
    expect(runs()).toEqual(['a', 'out']);
  });

  test('lists a directory outside once when two links lead to it, under the first of them', () => {
    make(`outside/run/${EVENTS}`);
    for (const name of ['m', 'k', 'z']) link(`root/${name}`, '../outside');
    expect(runs()).toEqual(['k/run']);
  });

  test('uses the first of two links by their complete path, wherever they are', () => {
    make(`outside/run/${EVENTS}`, `root/a/${EVENTS}`, `root/z/${EVENTS}`);
    link('root/a/x/link', '../../../outside');
    link('root/z/link', '../../outside');
    expect(runs()).toEqual(['a', 'a/x/link/run', 'z']);
  });

  test('lists every directory once when one link leads into the tree of another', () => {
    make(`outside/${EVENTS}`, `outside/inner/${EVENTS}`, `outside/inner/deep/${EVENTS}`);
    link('root/whole', '../outside');
    link('root/part', '../outside/inner');
    expect(walk(root).runs).toHaveLength(3);
    expect(runs()).toEqual(['part', 'part/deep', 'whole']);
  });

  test('reports broken links if their names look like event files', () => {
    make(`root/a/${EVENTS}`);
    link('root/a/b.tfevents', 'nothing');
    link('root/a/other', 'nothing');
    const found = walk(root);
    expect(found.runs.map(({ path }) => path)).toEqual(['a']);
    expect(found.obstacles).toEqual([{ path: 'a/b.tfevents', reason: expect.stringMatching(/broken link.*ENOENT/) }]);
  });

  test('reports a directory whose name is not UTF-8 and does not skip it', () => {
    make(`root/a/${EVENTS}`);
    const odd = Buffer.concat([Buffer.from(`${root}/caf`), Buffer.of(0xe9)]);
    mkdirSync(odd);
    writeFileSync(Buffer.concat([odd, Buffer.from(`/${EVENTS}`)]), 'x');
    const found = walk(root);
    const isHeard = found.runs.length === 2 || found.obstacles.length === 1;
    rmSync(odd, { recursive: true });
    expect(isHeard).toBe(true);
  });

  test('reads only below a directory if requested', () => {
    make(`root/a/${EVENTS}`, `root/a/b/${EVENTS}`, `root/ab/${EVENTS}`, `root/${EVENTS}`);
    expect(runs('a')).toEqual(['a', 'a/b']);
    expect(runs('a/b')).toEqual(['a/b']);
    expect(runs('gone')).toEqual([]);
  });

  test('accepts a root that is a link', () => {
    make(`root/a/${EVENTS}`);
    link('alias', 'root');
    expect(walk(join(base, 'alias')).runs.map(({ path }) => path)).toEqual(['a']);
  });

  test('skips entries that are not files, with any name', () => {
    mkdirSync(join(root, 'tfevents.d'));
    make(`root/tfevents.d/${EVENTS}`);
    expect(runs()).toEqual(['tfevents.d']);
  });

  test('names links that its rule excludes, and hides nothing else because of them', () => {
    make(`root/a/${EVENTS}`, `outside/run/${EVENTS}`, 'outside/one.tfevents', 'outside/notes.txt');
    link('root/linked', '../outside');
    link('root/again', 'a');
    link('root/a/x.tfevents', '../../outside/one.tfevents');
    link('root/a/notes', '../../outside/notes.txt');
    for (const links of ['none', 'inside'] as const) {
      const found = walk(root, '', { links });
      expect(found.runs.map(({ path, files }) => [path, files.length])).toEqual([['a', 1]]);
      expect(found.obstacles.map(({ path, isLeft }) => [path, isLeft]).sort()).toEqual([
        ['a/x.tfevents', true],
        ['linked', true],
      ]);
    }
    expect(walk(root, '', { links: 'all' }).obstacles).toEqual([]);
  });

  test('does not enter /proc through a link, with any rule', () => {
    if (!existsSync('/proc/self')) return;
    make(`root/a/${EVENTS}`);
    link('root/p', '/proc');
    link('root/q', '/proc/self/root');
    const found = walk(root, '', { links: 'all' });
    expect(found.directories).toBe(2);
    expect(found.obstacles).toEqual(
      ['p', 'q'].map((path) => ({ path, reason: expect.stringContaining('a kernel file system (proc)'), isLeft: true })),
    );
  });

  test('returns its findings while it continues, everything below the root before the targets of links', () => {
    make(`root/z/${EVENTS}`, `root/c/${EVENTS}`, `root/c/d/${EVENTS}`, `outside/run/${EVENTS}`, `outside/more/${EVENTS}`);
    link('root/a', '../outside/run');
    link('root/b', '../outside');
    const seen: string[] = [];
    visit(root, '', {}, ({ path }) => {
      seen.push(path);
      // What comes now was not there before: nothing is gathered first.
      if (path === 'z') make(`outside/run/late/${EVENTS}`);
    });
    expect(seen).toEqual(['c', 'c/d', 'z', 'a', 'a/late', 'b/more']);
  });

  test('leaves links out of the root to a complete walk when it reads a part', () => {
    make(`outside/run/${EVENTS}`, `root/new/${EVENTS}`);
    link('root/a', '../outside/run');
    link('root/new/same', '../../outside/run');
    expect(walk(root, 'new', { isPartial: true }).runs.map(({ path }) => path)).toEqual(['new']);
    expect(runs()).toEqual(['a', 'new']);
  });

  test('handles thousands of links to directories and to one directory', () => {
    for (let i = 0; i < 3000; i++) make(`outside/r${i}/${EVENTS}`);
    for (let i = 0; i < 3000; i++) link(`root/r${i}`, `../outside/r${i}`);
    for (let i = 0; i < 3000; i++) link(`root/again/${i}`, '../../outside/r7');
    const found = walk(root);
    expect([found.runs.length, found.directories]).toEqual([3000, 3002]);
    expect(found.runs.some(({ path }) => path === 'again/0')).toBe(true);
  });
});

describe('one file under several names', () => {
  const passed = (isKnown?: (run: string, name: string) => boolean) => walk(root, '', {}, isKnown).passedOver;

  test('is read once: under its own name, not by a link next to it', () => {
    make('root/a/events.out.tfevents.1');
    link('root/a/latest.tfevents', 'events.out.tfevents.1');
    link('root/a/first.tfevents', 'events.out.tfevents.1');
    expect(filesOf(walk(root).runs[0])).toEqual([{ name: 'events.out.tfevents.1', size: 1 }]);
    expect(passed()).toEqual([
      { path: 'a/first.tfevents', reason: 'a link to a/events.out.tfevents.1' },
      { path: 'a/latest.tfevents', reason: 'a link to a/events.out.tfevents.1' },
    ]);
  });

  test('is read through its first link if it is outside of the root', () => {
    make('outside/events.out.tfevents.1');
    link('root/b/z.tfevents', '../../outside/events.out.tfevents.1');
    link('root/a/y.tfevents', '../../outside/events.out.tfevents.1');
    expect(runs()).toEqual(['a']);
    expect(passed()).toEqual([{ path: 'b/z.tfevents', reason: 'another name of a/y.tfevents' }]);
  });

  test('is read under the first of its hard links, in any run, unless it is known under another one', () => {
    make('root/b/events.out.tfevents.1');
    mkdirSync(join(root, 'a'));
    linkSync(join(root, 'b/events.out.tfevents.1'), join(root, 'a/events.out.tfevents.1'));
    linkSync(join(root, 'b/events.out.tfevents.1'), join(root, 'b/copy.tfevents'));
    expect(runs()).toEqual(['a']);
    expect(walk(root, '', {}, (run, name) => run === 'b' && name === EVENTS).runs).toMatchObject([
      { path: 'b', files: [{ name: EVENTS }] },
    ]);
  });

  test('is a different file if it is a copy with the same bytes', () => {
    make('root/a/events.out.tfevents.1', 'root/b/events.out.tfevents.1');
    expect(runs()).toEqual(['a', 'b']);
  });
});

describe('ignored files', () => {
  test('are set by globs over paths or last names, and include the folders of sync tools', () => {
    make(
      'root/a/events.out.tfevents.1',
      'root/a/events.out.tfevents.1.copy',
      'root/old/x/events.out.tfevents.1',
      'root/a/.~tmp~/events.out.tfevents.2',
    );
    const found = walk(root, '', { filter: runFilter([], [], ['*.copy', 'old'])! });
    expect(found.runs).toMatchObject([{ path: 'a', files: [{ name: EVENTS }] }]);
    expect(found.passedOver.map(({ path }) => path).sort()).toEqual(['a/.~tmp~', 'a/events.out.tfevents.1.copy', 'old']);
  });
});
