import { symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Checkout, findTool } from './checkout.js';

const made: Checkout[] = [];

function make(...args: ConstructorParameters<typeof Checkout>): Checkout {
  const checkout = new Checkout(...args);
  made.push(checkout);
  return checkout;
}

afterEach(() => {
  for (const checkout of made.splice(0)) checkout.remove();
});

const installCalls = (checkout: Checkout) => checkout.calls().filter((call) => call.startsWith('npm'));

describe('an installed package', () => {
  test('runs with the Node on PATH and writes nothing', async () => {
    const installed = make('package');
    installed.nodeOnPath('v24.0.0');
    const before = installed.listing();
    const { status, stdout, stderr } = await installed.run(['verify', 'two words', '']);
    expect(stdout).toBe(
      `path\n<--max-semi-space-size=4>\n<--disable-warning=ExperimentalWarning>\n<${installed.root}/dist/app/main.js>\n<verify>\n<two words>\n<>\n`,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(installed.listing()).toBe(before);
  });

  test.each(['v20.20.2', 'v23.11.1', 'v9.0.0'])('explains in one line which Node it needs if Node is %s', async (version) => {
    const installed = make('package');
    installed.nodeOnPath(version);
    const { status, stdout, stderr } = await installed.run();
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^mirrorboard: Node 24 or newer is needed, .* is ${version} .*\\n$`));
  });

  test('explains in one line which Node it needs if there is no Node', async () => {
    const { status, stderr } = await make('package').run();
    expect(status).toBe(2);
    expect(stderr).toMatch(/^mirrorboard: Node 24 or newer is needed, .*\n$/);
  });

  test('is found through relative and absolute links', async () => {
    const installed = make('package');
    installed.nodeOnPath('v30.1.0');
    installed.write('.bin/readme', '');
    symlinkSync('../bin/mirrorboard', join(installed.root, '.bin/mirrorboard'));
    symlinkSync(join(installed.root, '.bin/mirrorboard'), join(installed.root, 'away'));
    const { stdout } = await installed.run([], {}, join(installed.root, 'away'));
    expect(stdout).toContain(`<${installed.root}/dist/app/main.js>`);
  });
});

describe('the first start in a checkout', () => {
  test('installs and builds, and leaves standard output to the command', async () => {
    const checkout = make('checkout');
    checkout.nodeOnPath('v20.20.2');
    const { status, stdout, stderr } = await checkout.run(['status']);
    expect(status).toBe(0);
    expect(stdout).toBe(
      `pinned\n<--max-semi-space-size=4>\n<--disable-warning=ExperimentalWarning>\n<${checkout.root}/dist/app/main.js>\n<status>\n`,
    );
    expect(stderr).toBe('mirrorboard: installing the packages of this checkout, once (some 100 MB)\n');
    expect(checkout.calls()).toEqual(['npm ci --include=dev', 'pinned -v', 'tsc']);
  });

  test('uses npm install if npm ci rejects the lock file, without leftovers', async () => {
    const checkout = make('checkout');
    checkout.write('node_modules/leftover/package.json', '{}');
    const { status } = await checkout.run([], { FAKE_NPM: 'eusage' });
    expect(status).toBe(0);
    expect(installCalls(checkout)).toEqual(['npm ci --include=dev', 'npm install --no-save']);
    expect(checkout.has('node_modules/leftover')).toBe(false);
  });

  test('retries a failed install once', async () => {
    const checkout = make('checkout');
    const { status } = await checkout.run([], { FAKE_NPM: 'fails-once' });
    expect(status).toBe(0);
    expect(installCalls(checkout)).toHaveLength(2);
  });

  test('shows the output of npm if the install fails twice, and retries at the next start', async () => {
    const checkout = make('checkout');
    const { status, stdout, stderr } = await checkout.run([], { FAKE_NPM: 'fails' });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('npm error code EOTHER');
    expect(installCalls(checkout)).toHaveLength(2);
    expect((await checkout.run()).status).toBe(0);
  });

  const limited = findTool('timeout') === undefined ? test.skip : test;
  limited('stops an install that hangs, and retries once', async () => {
    const checkout = make('checkout', ['flock', 'timeout']);
    const { status, stderr } = await checkout.run([], { FAKE_NPM: 'hangs-once', MIRRORBOARD_INSTALL_TIMEOUT: '5' });
    expect(status).toBe(0);
    expect(stderr).toContain('took too long');
    expect(installCalls(checkout)).toHaveLength(2);
  });

  test('uses the Node on PATH if the pinned one cannot run', async () => {
    const checkout = make('checkout');
    checkout.write('fake/node', '#!/no/such/loader\n', 0o755);
    checkout.nodeOnPath('v24.3.0');
    const { stdout } = await checkout.run();
    expect(stdout).toMatch(/^path\n/);
  });
});

describe('a later start in a checkout', () => {
  test('starts neither npm nor a compiler nor node for the check, and writes nothing', async () => {
    const checkout = make('checkout');
    await checkout.run();
    const calls = checkout.calls();
    expect(calls).toEqual(['npm ci --include=dev', 'pinned -v', 'tsc']);
    const before = checkout.listing();
    const { stderr } = await checkout.run();
    expect(stderr).toBe('');
    expect(checkout.calls()).toEqual(calls);
    expect(checkout.listing()).toBe(before);
  });

  test('compiles again, without an install, when a source was changed, added or removed', async () => {
    const checkout = make('checkout');
    await checkout.run();
    checkout.write('src/decode/proto/messages.js', 'generated');
    checkout.write('src/decode/proto/messages.d.ts', 'generated');
    await checkout.run();
    expect(checkout.has('dist/src/decode/proto/messages.js')).toBe(true);
    expect(checkout.has('dist/src/decode/proto/messages.d.ts')).toBe(true);
    checkout.write('src/main.ts', 'changed');
    await checkout.run();
    checkout.delete('src/decode/proto/messages.js');
    await checkout.run();
    expect(checkout.has('dist/src/decode/proto/messages.js')).toBe(false);
    expect(checkout.calls()).toEqual(['npm ci --include=dev', 'pinned -v', 'tsc', 'tsc', 'tsc', 'tsc']);
  });

  test('installs again if the lock file has other content, not if only its time changed', async () => {
    const checkout = make('checkout');
    await checkout.run();
    const soon = Date.now() / 1000 + 1;
    utimesSync(join(checkout.root, 'package-lock.json'), soon, soon);
    await checkout.run();
    expect(installCalls(checkout)).toHaveLength(1);
    checkout.write('package-lock.json', '{}');
    await checkout.run();
    expect(installCalls(checkout)).toHaveLength(2);
  });

  test('continues despite type errors in the sources, and reports them', async () => {
    const checkout = make('checkout');
    const { status, stderr } = await checkout.run([], { FAKE_TSC: 'errors' });
    expect(status).toBe(0);
    expect(stderr).toContain('type errors');
  });

  test('builds again after a build that was killed', async () => {
    const checkout = make('checkout');
    const { status } = await checkout.run([], { FAKE_TSC: 'dies' });
    expect(status).toBe(2);
    expect(checkout.has('dist')).toBe(false);
    expect((await checkout.run()).status).toBe(0);
    expect(installCalls(checkout)).toHaveLength(1);
  });
});

describe.each([
  ['with flock', ['flock']],
  ['without flock', []],
])('%s', (_name, extraTools) => {
  const known = extraTools.every((tool) => findTool(tool) !== undefined) ? test : test.skip;

  known('concurrent starts install once and build once', async () => {
    const checkout = make('checkout', extraTools);
    const outcomes = await Promise.all([1, 2, 3].map(() => checkout.run([], { FAKE_NPM: 'slow' })));
    expect(outcomes.map(({ status }) => status)).toEqual([0, 0, 0]);
    expect(checkout.calls()).toEqual(['npm ci --include=dev', 'pinned -v', 'tsc']);
  });

  known('an install that was killed is repeated, and its lock does not block', async () => {
    const checkout = make('checkout', extraTools);
    const killed = checkout.start([], { FAKE_NPM: 'hangs' });
    await checkout.until('hanging');
    process.kill(-killed.pid, 'SIGKILL');
    await killed.ended;
    const { status } = await checkout.run();
    expect(status).toBe(0);
    expect(installCalls(checkout)).toHaveLength(2);
    expect(checkout.has('node_modules/half')).toBe(false);
  });

  known('an interrupted install stops npm and frees the lock', async () => {
    const checkout = make('checkout', extraTools);
    const interrupted = checkout.start([], { FAKE_NPM: 'hangs' });
    await checkout.until('hanging');
    process.kill(-interrupted.pid, 'SIGTERM');
    await interrupted.ended;
    expect((await checkout.run()).status).toBe(0);
  });
});
