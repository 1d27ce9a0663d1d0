// The Debian package: that it holds what Debian expects, where it expects it, and that its program runs.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { realTracker } from '../support/real-tracker.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { corpus, repository } from './command.ts';

const scratch = temporaryFolder();
const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: scratch, env, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: ${stderr.trim().split('\n').at(-1) ?? error.message}`));
    });
  });
}

const built = await realTracker('Debian package', async () => {
  const said = await run('sh', [join(repository, 'scripts/debian.sh'), '--built', '--to', scratch], { ...process.env, NODE_OPTIONS: '' });
  const path = said.trim();
  await run('dpkg-deb', ['-x', path, join(scratch, 'root')]);
  return path;
});

if (built !== undefined) {
  const at = (path: string): string => join(scratch, 'root', path);

  describe('the Debian package', () => {
    it('names its content and its dependencies', async () => {
      expect(built).toBe(join(scratch, `mirrorboard_${version}_all.deb`));
      const field = async (name: string): Promise<string> => (await run('dpkg-deb', ['--field', built, name])).trim();
      expect([await field('Package'), await field('Version'), await field('Architecture'), await field('Depends')]).toEqual([
        'mirrorboard',
        version,
        'all',
        'nodejs (>= 24)',
      ]);
    });

    it('has manual, completions and service in their standard places', () => {
      const places = [
        'usr/share/man/man1/mirrorboard.1.gz',
        'usr/share/bash-completion/completions/mirrorboard',
        'usr/share/zsh/vendor-completions/_mirrorboard',
        'usr/share/fish/vendor_completions.d/mirrorboard.fish',
        'usr/share/doc/mirrorboard/copyright',
      ];
      expect(places.filter((path) => !existsSync(at(path)))).toEqual([]);
      expect(readFileSync(at('usr/lib/systemd/system/mirrorboard.service'), 'utf8')).toContain('ExecStart=/usr/bin/mirrorboard watch ');
      expect(readlinkSync(at('usr/bin/mirrorboard'))).toBe('../lib/mirrorboard/bin/mirrorboard');
    });

    it('has files that everyone can read, owned by root, and no Node', async () => {
      const lines = (await run('dpkg-deb', ['--contents', built])).trim().split('\n');
      expect(lines.length).toBeGreaterThan(1000);
      expect(lines.filter((line) => !/^(?:-rw-r--r--|[-d]rwxr-xr-x|lrwxrwxrwx) root\/root /.test(line))).toEqual([]);
      const names = readdirSync(at('usr/lib/mirrorboard/node_modules'));
      expect(names.filter((name) => /^node-linux|^typescript$|^jest$/.test(name))).toEqual([]);
      expect(statSync(built).size).toBeLessThan(10_000_000);
    });

    it('mirrors with the Node of the system, or with its own', async () => {
      const bin = join(scratch, 'bin');
      mkdirSync(bin);
      symlinkSync(process.execPath, join(bin, 'node'));
      cpSync(corpus('tf2_scalars'), join(scratch, 'runs'), { recursive: true });
      const program = at('usr/bin/mirrorboard');
      const env = { PATH: `${bin}:/usr/bin:/bin`, LANG: 'C.UTF-8' };
      expect(JSON.parse(await run(program, ['backfill', 'runs', '--json'], env))).toMatchObject({ totals: { new_points: 302 } });
      expect(JSON.parse(await run(program, ['verify', '--json'], env))).toMatchObject({ exit_code: 0, differences: 0 });

      // As `--with-node` puts it there.
      mkdirSync(at('usr/lib/mirrorboard/node'));
      symlinkSync(process.execPath, at('usr/lib/mirrorboard/node/node'));
      expect(await run(program, ['--version'], { PATH: '/usr/bin:/bin' })).toBe(`${version}\n`);
    });
  });
}
