// The example of a backend as a user would have it: the packed package of mirrorboard, its dependencies, and nothing
// of this checkout.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { event, eventFile, simpleValue } from '../support/event-writer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const EXAMPLE = join(ROOT, 'examples/jsonl-backend');
const TOOLS = ['typescript', '@types/node'];

interface Ended {
  readonly code: unknown;
  readonly output: string;
}

function run(command: string, args: readonly string[], cwd: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env: { ...process.env, NODE_OPTIONS: '' }, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, output: `${stdout}${stderr}` });
    });
  });
}

function example(): readonly { readonly name: string; readonly text: string }[] {
  const names = readdirSync(EXAMPLE, { recursive: true, encoding: 'utf8' }).filter((name) => !/^(?:dist|node_modules)\b/.test(name));
  return names.filter((name) => /\.\w+$/.test(name)).map((name) => ({ name, text: readFileSync(join(EXAMPLE, name), 'utf8') }));
}

describe('the example of a backend', () => {
  const scratch = temporaryFolder();
  const folder = join(scratch, 'jsonl-backend');
  const modules = join(scratch, 'node_modules');
  afterAll(() => rmSync(scratch, { recursive: true }));

  beforeAll(async () => {
    const packed = await run('sh', [join(ROOT, 'scripts/pack.sh'), '--built', '--to', scratch], ROOT);
    expect(packed).toMatchObject({ code: 0 });
    const [archive] = readdirSync(scratch).filter((name) => name.endsWith('.tgz'));
    mkdirSync(join(modules, 'mirrorboard'), { recursive: true });
    expect(await run('tar', ['-xzf', archive!, '--strip-components=1', '-C', 'node_modules/mirrorboard'], scratch)).toMatchObject({
      code: 0,
    });
    const { dependencies } = JSON.parse(readFileSync(join(modules, 'mirrorboard/package.json'), 'utf8')) as { dependencies: object };
    for (const name of [...Object.keys(dependencies), ...TOOLS]) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    }
    cpSync(EXAMPLE, folder, { recursive: true });
    for (const made of ['dist', 'node_modules']) rmSync(join(folder, made), { recursive: true, force: true });
    const built = await run(process.execPath, [join(modules, 'typescript/bin/tsc'), '-p', '.'], folder);
    expect(built).toEqual({ code: 0, output: '' });
  });

  it('has under 700 lines in at most eight files, which import only the package', () => {
    const files = example();
    expect(files.length).toBeLessThanOrEqual(8);
    expect(files.reduce((sum, { text }) => sum + text.split('\n').length, 0)).toBeLessThan(700);
    const imported = files.flatMap(({ text }) => [...text.matchAll(/\bfrom '([^'.][^']*)'/g)].map(([, name]) => name));
    expect(imported.filter((name) => !/^(?:node:|mirrorboard\/(?:backend|testing)$)/.test(name!))).toEqual([]);
  });

  it('passes the contract suite of the package, with the test runner of Node', async () => {
    const tests = readdirSync(join(folder, 'dist/test')).filter((name) => name.endsWith('.test.js'));
    const { code, output } = await run(process.execPath, ['--test', ...tests.map((name) => `dist/test/${name}`)], folder);
    expect(output).toMatch(/\bfail 0\b/);
    expect(Number(/\bpass (\d+)/.exec(output)?.[1])).toBeGreaterThan(50);
    expect(code).toBe(0);
  });

  it('is a lane of a configuration that names its module', async () => {
    const logs = join(scratch, 'logs/run');
    mkdirSync(logs, { recursive: true });
    const events = [1, 2, 3].map((step) => event({ wallTime: 1_700_000_000 + step, step, summary: [simpleValue('loss', step / 8)] }));
    writeFileSync(join(logs, 'events.out.tfevents.1700000000.host.1.0'), eventFile(...events));
    writeFileSync(join(scratch, 'mirrorboard.yaml'), 'lanes:\n  notes:\n    type: ./jsonl-backend/dist/src/index.js\n');
    writeFileSync(join(scratch, 'mirror.mjs'), MIRROR);
    const { code, output } = await run(process.execPath, ['mirror.mjs'], scratch);
    expect(output).toMatch(/^backfill 0, verify 0, 3 lines$/m);
    expect(code).toBe(0);
  });
});

/** Mirrors `logs` into a service of its own with the command of the package, and verifies what came of it. */
const MIRROR = `
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Service } from './jsonl-backend/dist/test/service.js';

const service = await Service.start('token');
const env = { ...process.env, JSONL_URL: service.server.url, JSONL_TOKEN: 'token' };
const command = async (...args) => {
  const child = spawn(process.execPath, ['node_modules/mirrorboard/dist/app/main.js', ...args], { env, stdio: 'inherit' });
  return (await once(child, 'exit'))[0];
};
const mirrored = await command('backfill', 'logs', '--config', 'mirrorboard.yaml');
const verified = await command('verify', 'logs', '--config', 'mirrorboard.yaml');
const lines = [...service.runs.values()].flatMap((run) => [...run.lines]);
console.log(\`backfill \${mirrored}, verify \${verified}, \${lines.length} lines\`);
await service.server.close();
`;
