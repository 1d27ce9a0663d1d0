// The package as npm would publish it: what is in it, and that npm and npx can install and run it for a new user.
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname, join, relative } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import * as w from '../support/event-writer.ts';
import { realTracker } from '../support/real-tracker.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repository } from './command.ts';

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

const scratch = temporaryFolder();
const home = made('home');
function made(name: string): string {
  mkdirSync(join(scratch, name), { recursive: true });
  return join(scratch, name);
}

function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr });
    });
  });
}

async function mustRun(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const ended = await run(command, args, cwd, env);
  if (ended.code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(ended.code)}: ${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

const packed = await mustRun('sh', [join(repository, 'scripts/pack.sh'), '--built', '--to', scratch], repository, {
  ...process.env,
  NODE_OPTIONS: '',
});
const archive = join(scratch, readdirSync(scratch).find((name) => name.endsWith('.tgz'))!);
const content = made('content');
await mustRun('tar', ['-xzf', archive, '--strip-components=1', '-C', content], scratch, process.env);
const files = readdirSync(content, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(content, name)).isFile());
const manifest = JSON.parse(readFileSync(join(content, 'package.json'), 'utf8'));

/** Every page links to what only a checkout has: it is about working on mirrorboard, or built from its sources. */
const ONLY_IN_A_CHECKOUT = ['Dockerfile', 'examples/jsonl-backend', 'scripts/check-deployment.sh', 'scripts/try-image.sh'];

/** The files that a page links to, as paths in the package. */
function linksOf(page: string): string[] {
  const text = readFileSync(join(content, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  const targets = [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target)).map((target) => relative(content, join(content, dirname(page), target)));
}

describe('the package', () => {
  it('has every file that its pages link to', () => {
    const pages = files.filter((name) => name.endsWith('.md') && !name.startsWith('dist/'));
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/commands.md', 'docs/trackers/mlflow.md']));
    const broken = pages.flatMap((page) => linksOf(page).map((target) => ({ page, target })));
    expect(broken.length).toBeGreaterThan(50);
    expect(broken.filter(({ target }) => !existsSync(join(content, target)) && !ONLY_IN_A_CHECKOUT.includes(target))).toEqual([]);
  });

  it('has no tests, no Node and no other files of the checkout, and shows its size', () => {
    expect(
      files.filter((name) => /(?:^|\/)(?:test|node_modules|\.(?!helmignore)[a-z]\w*)(?:\/|$)|\.ts$/.test(name.replace(/\.d\.ts$/, ''))),
    ).toEqual([]);
    const [, count, megabytes] = /^mirrorboard-\S+\.tgz: (\d+) files, ([\d.]+) MiB packed, [\d.]+ MiB unpacked$/m.exec(packed) ?? [];
    expect(Number(count)).toBe(files.length);
    expect(files.filter((name) => name.startsWith('dist/src/') && !name.endsWith('.d.ts'))).toEqual([]);
    expect(files.filter((name) => /^dist\/app\/.*\.js$/.test(name)).length).toBeLessThan(200);
    expect(Number(megabytes)).toBeLessThan(3);
  });

  it('has the man page, the completions and the schemas of this version', () => {
    const brought = [
      'man/mirrorboard.1',
      'completions/mirrorboard.bash',
      'completions/_mirrorboard',
      'completions/mirrorboard.fish',
      'schemas/status.json',
    ];
    expect(files).toEqual(expect.arrayContaining(brought));
    expect(readFileSync(join(content, manifest.man), 'utf8')).toContain(`"mirrorboard ${manifest.version}"`);
  });

  it('installs nothing that only a checkout needs', () => {
    const keys = ['scripts', 'devDependencies', 'optionalDependencies', 'overrides', 'publishConfig', 'private'];
    expect(keys.filter((key) => key in manifest)).toEqual([]);
    const exact = Object.values(manifest.dependencies).filter((range) => !/^\d+\.\d+\.\d+$/.test(String(range)));
    expect(exact).toEqual([]);
  });

  it('names its sources if requested', async () => {
    const other = made('with-repository');
    const args = ['--built', '--to', other, '--repository', 'https://git.example/team/mirrorboard'];
    await mustRun('sh', [join(repository, 'scripts/pack.sh'), ...args], repository, { ...process.env, NODE_OPTIONS: '' });
    const [name] = readdirSync(other);
    const text = await mustRun('tar', ['-xzOf', join(other, name!), 'package/package.json'], other, process.env);
    expect(JSON.parse(text).repository).toEqual({ type: 'git', url: 'git+https://git.example/team/mirrorboard.git' });
    expect(manifest.repository).toBeUndefined();
  });
});

describe('npm publish', () => {
  const asked: string[] = [];
  const registry = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(request.method === 'PUT' ? 201 : 404, { 'content-type': 'application/json' }).end('{}');
  });
  afterAll(() => void registry.close());

  it('publishes the package, and no file of a checkout', async () => {
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(registry.address() as AddressInfo).port}/`;
    const config = join(scratch, 'publisher.npmrc');
    writeFileSync(config, `registry=http://${host}\n//${host}:_authToken=secret\n`);
    const env = { ...process.env, HOME: home, npm_config_userconfig: config, npm_config_cache: made('publisher'), NODE_OPTIONS: '' };
    const checkout = made('checkout');
    for (const name of ['package.json', '.npmrc']) writeFileSync(join(checkout, name), readFileSync(join(repository, name)));
    const refused = await run('npm', ['publish', '--tag', 'latest'], checkout, env);
    expect([refused.code, asked]).toEqual([1, []]);
    expect(refused.stderr).toContain('publish-the-package-of-npm-run-package');

    await mustRun('npm', ['publish', archive], scratch, env);
    expect(asked).toContain('PUT /mirrorboard');
  });
});

/** The folder of the oldest Node that the tests may use: the one of the machine, where it is older than ours. */
const npmCache = (await mustRun('npm', ['config', 'get', 'cache'], scratch, process.env)).trim();
const registryUrl = (await mustRun('npm', ['config', 'get', 'registry'], scratch, process.env)).trim();

/** A new user: an empty home, and npm's cache only for what was downloaded before. */
function newUser(path: string): NodeJS.ProcessEnv {
  const cache = made('cache');
  if (existsSync(join(npmCache, '_cacache')) && !existsSync(join(cache, '_cacache')))
    symlinkSync(join(npmCache, '_cacache'), join(cache, '_cacache'));
  // The certificates that this machine trusts are no setting of a user.
  const certificates = process.env['NODE_EXTRA_CA_CERTS'];
  const trusted = certificates === undefined ? {} : { NODE_EXTRA_CA_CERTS: certificates };
  return { PATH: path, HOME: home, LANG: 'C.UTF-8', npm_config_cache: cache, npm_config_registry: registryUrl, ...trusted };
}

const path = process.env['PATH'] ?? '';
/** Without the Node of this checkout, which jest puts there. */
const pathOutside = path
  .split(':')
  .filter((folder) => !folder.startsWith(repository))
  .join(':');
const ours = made('node-24');
symlinkSync(process.execPath, join(ours, 'node'));
const NPX = ['--yes', '--prefer-offline', '--package', archive];

const cold = await realTracker('registry of npm', async () => {
  const user = newUser(`${ours}:${pathOutside}`);
  return mustRun('npx', [...NPX, '--', 'mirrorboard', '--version'], made('work'), user);
});

if (cold !== undefined) {
  describe('npx', () => {
    const work = made('work');
    const logs = join(work, 'logs/run');
    mkdirSync(logs, { recursive: true });
    const events = [1, 2, 3].map((step) => w.event({ wallTime: step, step, summary: [w.simpleValue('loss', step)] }));
    writeFileSync(join(logs, 'events.out.tfevents.1700000000.host.1.0'), w.eventFile(...events));

    it('runs the package for a new user, without a network once it is installed', async () => {
      expect(cold).toBe(`${manifest.version}\n`);
      const user = newUser(`${ours}:${pathOutside}`);
      const commands = 'mirrorboard backfill logs && mirrorboard verify --json && mirrorboard export --format csv';
      const [verified = '', ...rows] = (await mustRun('npx', ['--offline', ...NPX, '-c', commands], work, user)).split('\n');
      expect(JSON.parse(verified)).toMatchObject({ type: 'verification', exit_code: 0 });
      expect(rows).toEqual(expect.arrayContaining(['run,loss,3,3,3']));
      expect(readdirSync(home)).toEqual([]);
    });

    it('runs as the README shows until it is on npm', async () => {
      const [, line = ''] = /^ {4}(npx -p \.\/mirrorboard-.*)$/m.exec(readFileSync(join(repository, 'README.md'), 'utf8')) ?? [];
      expect(line).toBe(`npx -p ./${basename(archive)} mirrorboard backfill runs/`);
      const folder = made('readme');
      copyFileSync(archive, join(folder, basename(archive)));
      symlinkSync(logs, join(folder, 'runs'));
      const words = ['--yes', '--offline', ...line.split(' ').slice(1)];
      const { code, stderr } = await run('npx', words, folder, newUser(`${ours}:${pathOutside}`));
      expect([code, stderr]).toEqual([0, expect.stringContaining('3 new points')]);
    });

    it('explains which Node is needed, and how npx brings it, if the Node on PATH is older', async () => {
      const old = made('node-20');
      writeFileSync(join(old, 'node'), `#!/bin/sh\nif [ "$1" = -v ]; then echo v20.20.2; else exec '${process.execPath}' "$@"; fi\n`, {
        mode: 0o755,
      });
      const user = newUser(`${old}:${pathOutside}`);
      const ended = await run('npx', ['--offline', ...NPX, '--', 'mirrorboard', '--version'], work, user);
      expect([ended.code, ended.stdout]).toEqual([2, '']);
      const [line] = ended.stderr.split('\n').filter((one) => one.startsWith('mirrorboard:'));
      expect(line).toMatch(
        /^mirrorboard: Node 24 or newer is needed, and the node on PATH is v20\.20\.2 .*: npx -p node@24 -p mirrorboard /,
      );
    });

    it('runs with the Node that npx installs, next to an older Node', async () => {
      // As the package `node` does for the user, without its download: a package whose command is `node`.
      const brought = made('brought');
      writeFileSync(join(brought, 'package.json'), JSON.stringify({ name: 'node', version: '24.0.0', bin: { node: 'node' } }));
      writeFileSync(join(brought, 'node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
      const user = newUser(`${join(scratch, 'node-20')}:${pathOutside}`);
      const args = ['--yes', '--prefer-offline', '-p', brought, '-p', archive, '--', 'mirrorboard', '--version'];
      expect(await mustRun('npx', args, work, user)).toBe(`${manifest.version}\n`);
    });
  });
}
