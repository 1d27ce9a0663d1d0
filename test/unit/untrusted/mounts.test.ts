import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { LinkFollower, Mounts } from '../../../src/untrusted/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const base = temporaryFolder();
const root = join(base, 'root');
mkdirSync(root);
// As the kernel writes them: id, parent, device, root, mount point, options, optional fields, -, type, source, options.
const TABLE = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid shared:12 - proc proc rw
30 22 0:40 / /net rw shared:20 - autofs /etc/auto.net rw,fd=7,indirect
31 30 0:50 / /net/alive rw shared:21 - nfs4 alive:/ rw
32 22 0:41 / /direct rw shared:22 - autofs /etc/auto.direct rw,fd=8,direct
33 22 0:42 / /over rw shared:23 - autofs /etc/auto.direct rw,fd=8,direct
34 33 0:51 / /over rw shared:24 - nfs4 over:/ rw
35 22 0:52 / /with\\040space rw - sysfs sysfs rw
`;

describe('mounts', () => {
  test('are known by their visible paths, the last one on each', () => {
    const mounts = new Mounts(TABLE);
    expect(['/proc', '/over', '/with space', '/etc'].map((path) => mounts.at(path))).toEqual(['proc', 'nfs4', 'sysfs', undefined]);
    expect(['/etc/x', '/net/dead', '/net/alive/x', '/'].map((path) => mounts.typeOf(path))).toEqual(['ext4', 'autofs', 'nfs4', 'ext4']);
    expect(new Mounts('').typeOf('/a/b')).toBeUndefined();
  });
});

describe('links', () => {
  const follow = (target: string): string => {
    const link = join(root, 'link');
    rmSync(link, { force: true });
    symlinkSync(target, link);
    const follower = new LinkFollower({ path: root, links: 'all' }, { mounts: new Mounts(TABLE) });
    try {
      return follower.followNow(link).real;
    } catch (error) {
      return String((error as Error & { code: string }).code);
    }
  };

  test('do not trigger an automount: mirrorboard does not access it', () => {
    // A look at them would find that none of these exists: ENOENT.
    expect(['/net/dead/logs', '/net/dead', '/direct', '/direct/logs'].map(follow)).toEqual(['MB2010', 'MB2010', 'MB2010', 'MB2010']);
    expect(['/net/alive/logs', '/over/logs'].map(follow)).toEqual(['ENOENT', 'ENOENT']);
  });

  test('lead into no file system of the kernel', () => {
    expect(['/proc', '/proc/1/root/etc', '/with space/kernel', '/tmp/../proc/self'].map(follow)).toEqual(
      Array.from({ length: 4 }, () => 'MB2010'),
    );
  });
});
