/** A small copy of the checkout in a temporary folder, with a fake npm, a fake node and only chosen tools on PATH. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const tools = 'sh cat chmod cksum cp dirname find grep ln mkdir mv ps readlink rm rmdir sleep touch true'.split(' ');

/** Answers `-v`, bundles nothing, and otherwise says how it was called. Every call is logged. */
const fakeNode = (name: string, version: string) => `#!/bin/sh
echo "${name} $*" >>"$FAKE_LOG"
if [ "$1" = -v ]; then echo ${version}; exit 0; fi
if [ "$1" = scripts/build-page.mjs ]; then mkdir -p "$2"; exit; fi
if [ "$1" = scripts/build-app.mjs ]; then mkdir -p "$2" && cp src/main.ts "$2/main.js"; exit; fi
echo "${name}"
for argument; do echo "<$argument>"; done
`;

/** "Compiles" by copying, into the folder after --outDir. */
const fakeTsc = `#!/bin/sh
echo "tsc" >>"$FAKE_LOG"
if [ "$FAKE_TSC" = dies ]; then exit 137; fi
mkdir -p "$4" && cp -R src "$4/src" && mv "$4/src/main.ts" "$4/src/main.js"
if [ "$FAKE_TSC" = errors ]; then exit 2; fi
`;

/** Does to node_modules what npm does: `ci` empties it first. FAKE_NPM says what else happens. */
const fakeNpm = `#!/bin/sh
echo "npm $1 $2" >>"$FAKE_LOG"
case "$FAKE_NPM:$1" in
  eusage:ci) echo "npm error code EUSAGE"; exit 1 ;;
  fails:*) echo "npm error code EOTHER"; exit 1 ;;
  fails-once:*) if [ ! -e failed ]; then touch failed; echo "npm error code EOTHER"; exit 1; fi ;;
esac
if [ "$1" = ci ]; then rm -rf node_modules/* node_modules/.[!.]*; fi
mkdir -p node_modules/.bin
case "$FAKE_NPM" in
  hangs) echo half >node_modules/half; touch hanging; sleep 600 ;;
  hangs-once) if [ ! -e hanging ]; then touch hanging; sleep 600; fi ;;
  slow) sleep 0.3 ;;
esac
cp fake/tsc fake/node node_modules/.bin/
echo "added 365 packages"
`;

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly pid: number;
  readonly ended: Promise<Outcome>;
}

export class Checkout {
  readonly root = temporaryFolder();
  /** The folder that is the whole PATH. */
  private readonly path = `${this.root}.path`;
  private readonly logFile = `${this.root}.log`;

  constructor(kind: 'checkout' | 'package', extraTools: readonly string[] = ['flock']) {
    mkdirSync(this.path);
    writeFileSync(this.logFile, '');
    for (const tool of [...tools, ...extraTools]) {
      const found = findTool(tool);
      if (found !== undefined) symlinkSync(found, join(this.path, tool));
    }
    cpSync('bin', join(this.root, 'bin'), { recursive: true });
    if (kind === 'package') {
      this.write('dist/app/main.js', '');
      return;
    }
    for (const script of ['bootstrap.sh', 'build.sh', 'build-app.mjs', 'build-page.mjs'])
      cpSync(join('scripts', script), join(this.root, 'scripts', script));
    this.write('docs/errors.md', '# Error codes\n');
    for (const file of ['src/main.ts', 'tsconfig.json', 'package-lock.json']) this.write(file, '');
    this.write('fake/node', fakeNode('pinned', 'v24.21.0'), 0o755);
    this.write('fake/tsc', fakeTsc, 0o755);
    this.onPath('npm', fakeNpm);
  }

  write(file: string, text: string, mode = 0o644): void {
    const path = join(this.root, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
  }

  delete(file: string): void {
    rmSync(join(this.root, file));
  }

  has(file: string): boolean {
    return existsSync(join(this.root, file));
  }

  nodeOnPath(version: string): void {
    this.onPath('node', fakeNode('path', version));
  }

  /** What the fakes were asked, one call a line, without the runs of the program itself and the bundler. */
  calls(): string[] {
    return readFileSync(this.logFile, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !/main\.js|build-(?:app|page)\.mjs/.test(line));
  }

  /** Every file, folder and link with its times: what a writer would change. */
  listing(): string {
    return execFileSync('find', [this.root, '-printf', '%p %T@ %C@ %s\n'], { encoding: 'utf8' });
  }

  start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}, command = join(this.root, 'bin/mirrorboard')): Started {
    const child = spawn(command, args, {
      cwd: tmpdir(),
      env: { PATH: this.path, FAKE_LOG: this.logFile, FAKE_NPM: '', FAKE_TSC: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a process group of its own, to be killed as a whole
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = new Promise<Outcome>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => resolve({ status, stdout, stderr }));
    });
    return { pid: child.pid ?? 0, ended };
  }

  run(args?: readonly string[], env?: Readonly<Record<string, string>>, command?: string): Promise<Outcome> {
    return this.start(args, env, command).ended;
  }

  async until(file: string): Promise<void> {
    while (!this.has(file)) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  remove(): void {
    for (const path of [this.root, this.path, this.logFile]) rmSync(path, { recursive: true, force: true });
  }

  private onPath(name: string, script: string): void {
    writeFileSync(join(this.path, name), script, { mode: 0o755 });
  }
}

export function findTool(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}
