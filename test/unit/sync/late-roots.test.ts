// Roots that appear while a watch is at work: as themselves, or as something else.
import { mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { unseenRoots } from '../../../src/discover/index.ts';
import { LateRoots } from '../../../src/sync/late-roots.ts';
import { until } from '../../../src/testing/bench.ts';
import { simpleValue } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { WatchScene } from '../../support/watch-scene.ts';

const loss = simpleValue('loss', 1);

async function lateRoots(folder: string, ...names: readonly string[]): Promise<LateRoots> {
  const requests = names.map((name) => ({ path: join(folder, name) }));
  const unseen = await unseenRoots(requests, { isPatient: true });
  const known = names.map((name) => ({ name, path: join(folder, name) }));
  return new LateRoots({ requests, unseen, known: () => known });
}

describe('a root that did not exist at the start', () => {
  it.each<[string, (folder: string, late: string) => void, string]>([
    ['a link to another root', (folder, late) => symlinkSync(join(folder, 'a'), late), 'is given twice (MB2005)'],
    ['a link into another root', (folder, late) => symlinkSync(join(folder, 'a/run'), late), 'which is given too (MB2005)'],
    ['a link to a parent of another root', (folder, late) => symlinkSync(folder, late), 'is already mirrored as a (MB2006)'],
    ['a file', (_, late) => writeFileSync(late, ''), 'late is not a directory (MB2002)'],
  ])('is refused as %s, until it is a directory of its own', async (_, make, reason) => {
    const folder = realpathSync(temporaryFolder());
    mkdirSync(join(folder, 'a/run'), { recursive: true });
    const [roots, late] = [await lateRoots(folder, 'a', 'late'), join(folder, 'late')];
    make(folder, late);
    expect(roots.scanned('late')).toEqual({ kind: 'refused', reason: expect.stringContaining(reason) });
    expect([roots.leavesOut('late'), roots.leavesOut('a'), roots.scanned('a')]).toEqual([true, false, { kind: 'taken' }]);
    rmSync(late);
    mkdirSync(late);
    // Its files are left out until a scan has found it as it is now.
    expect(roots.leavesOut('late')).toBe(true);
    expect(roots.scanned('late')).toEqual({ kind: 'freed' });
    expect([roots.leavesOut('late'), roots.scanned('late')]).toEqual([false, { kind: 'taken' }]);
  });

  it('is refused as a link to the target of another one that appeared as a link', async () => {
    const folder = realpathSync(temporaryFolder());
    mkdirSync(join(folder, 'data'));
    const roots = await lateRoots(folder, 'a', 'b');
    for (const name of ['a', 'b']) symlinkSync('data', join(folder, name));
    expect([roots.leavesOut('a'), roots.leavesOut('b')]).toEqual([false, true]);
    expect(roots.scanned('b')).toMatchObject({ kind: 'refused' });
  });
});

describe('a watch', () => {
  it.each([false, true])('mirrors no run twice when a root appears as a link to another one; with a store: %s', async (isStored) => {
    using scene = new WatchScene();
    scene.write('run', 1, loss);
    const late = join(scene.folder, 'late');
    const roots = [{ path: scene.logs }, { path: late }];
    const status = await scene.watch({ roots, ...(isStored ? { store: scene.store } : {}) }, async (now) => {
      await until(() => scene.tracker.pointCount === 1, 'the first root is mirrored');
      symlinkSync(scene.logs, late);
      await until(() => now.incidents.length > 0, 'the link is reported');
      scene.write('run', 2, loss);
      await until(() => scene.tracker.pointCount === 2, 'the run grows');
      expect(scene.tracker.runs.size).toBe(1);
      const reason = `${scene.logs} is given twice (MB2005)`;
      expect(now.incidents).toEqual([{ kind: 'folder', root: 'late', path: '.', reason }]);
      expect([now.isReady, now.remarks]).toEqual([true, [`late: ${reason}`]]);
      expect(now.roots.get('late')?.isMissing).toBe(true);
      // What was left out of it is heard of when it is another one.
      rmSync(late);
      const file = join(scene.logs, 'run/events.out.tfevents.1.host');
      mkdirSync(join(late, 'run'), { recursive: true });
      writeFileSync(join(late, 'run/events.out.tfevents.2.host'), readFileSync(file));
      await until(() => scene.tracker.pointCount === 4, 'the directory is mirrored');
      expect([now.remarks, scene.tracker.runs.size]).toEqual([[], 2]);
    });
    expect(status.incidents.map(({ kind }) => kind)).toEqual(['folder']);
  });

  it('keeps waiting for a root that appears as a file', async () => {
    using scene = new WatchScene();
    const late = join(scene.folder, 'late');
    await scene.watch({ roots: [{ path: scene.logs }, { path: late }] }, async (now) => {
      await until(() => now.isReady, 'the first root is scanned');
      writeFileSync(late, '');
      await until(() => now.incidents.length > 0, 'the file is reported');
      expect(now.remarks).toEqual([`late: ${late} is not a directory (MB2002)`]);
      expect(now.rootConditions.get('missing')).toBe(1);
    });
  });
});
