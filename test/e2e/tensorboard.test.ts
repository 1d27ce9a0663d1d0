// `mirrorboard tensorboard`: how it starts and ends TensorBoard, with a stand-in; and what the real one shows,
// compared with what it reads from the files by itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { freePort, pythonEnvironment } from '../support/python-tools.ts';
import { realTracker } from '../support/real-tracker.ts';
import { TensorBoardClient } from '../support/tensorboard-client.ts';
import { endAll, freshDirectory, mirrorboard, mustRun, type Running, start, startProgram, stateOf } from './command.ts';

const EVENTS = 'events.out.tfevents.1700000000.host';
const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 1, 2, 3);

/** Mirrors a log with a value of most kinds. */
async function mirroredLog(): Promise<string> {
  const folder = freshDirectory();
  const at = (step: number, ...summary: Uint8Array[]): Uint8Array => w.event({ wallTime: 1_700_000_000 + step, step, summary });
  for (const [i, run] of ['train', 'val'].entries()) {
    mkdirSync(join(folder, 'logs', run), { recursive: true });
    const events = Array.from({ length: 20 }, (_, step) =>
      at(step, w.simpleValue('loss', step * 0.1 + i), w.histogramTensor('weights', [[0, 1, step]])),
    );
    const rest = at(20, w.text('note', ['a *text*']), w.imageTensor('sample', { width: 1, height: 1, images: [PNG] }));
    writeFileSync(join(folder, 'logs', run, EVENTS), w.eventFile(...events, rest));
  }
  await mustRun(['backfill', 'logs'], { cwd: folder });
  return folder;
}

describe('starts TensorBoard', () => {
  let folder: string;
  let env: Readonly<Record<string, string>>;

  /** A program in place of TensorBoard: it says what it got, and ends as its flags say. */
  const STAND_IN = `#!${process.execPath}
const flags = process.argv.slice(2);
const code = flags.find((flag) => flag.startsWith('--exit='))?.slice(7);
console.log(JSON.stringify({ flags, noProxy: process.env.no_grpc_proxy, pid: process.pid }));
process.on('SIGTERM', () => { console.error('told to end'); process.exit(7); });
console.error('ready');
if (code !== undefined) process.exit(Number(code));
setInterval(() => undefined, 1000);
`;

  beforeAll(async () => {
    folder = await mirroredLog();
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/tensorboard'), STAND_IN);
    chmodSync(join(folder, 'bin/tensorboard'), 0o755);
    env = { PATH: [join(folder, 'bin'), process.env['PATH']].join(delimiter) };
  });
  afterEach(endAll);

  it('with the address of the data and further flags, and ends with its exit code and output', async () => {
    const { code, stdout, stderr } = await mirrorboard(['tensorboard', '--', '--exit=5', '--port', '7'], { cwd: folder, env });
    expect(code).toBe(5);
    const { flags, noProxy } = JSON.parse(stdout);
    expect(flags).toEqual([expect.stringMatching(/^--grpc_data_provider=127\.0\.0\.1:\d+$/), '--exit=5', '--port', '7']);
    expect(noProxy).toContain('127.0.0.1');
    expect(stderr).toBe('ready\n');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends it on %s', async (signal) => {
    const running = start(['tensorboard'], { cwd: folder, env });
    await running.said(/ready/);
    running.child.kill(signal);
    const { code, stderr } = await running.ended;
    expect([code, stderr]).toEqual([0, 'ready\ntold to end\n']);
  });

  it('and leaves none behind, even if it is killed', async () => {
    const running = start(['tensorboard'], { cwd: folder, env });
    const line = await firstLine(running);
    await running.said(/ready/);
    const { pid } = JSON.parse(line);
    expect(stateOf(pid)).toBeDefined();
    running.child.kill('SIGKILL');
    await eventually(() => expect(stateOf(pid)).toBeUndefined());
  });

  it('or says how to install it', async () => {
    const { code, stderr } = await mirrorboard(['tensorboard'], { cwd: folder, env: { PATH: join(folder, 'logs') } });
    expect(code).toBe(1);
    expect(stderr).toContain('error[MB3030]: no program tensorboard in PATH');
    expect(stderr).toContain('pip install tensorboard');
  });

  it.each([
    [['logs'], 'MB1001', 'expected flags for TensorBoard after --'],
    [['--', '--grpc_data_provider=x'], 'MB1001', 'cannot be set'],
    [['--', '--grpc_data=x'], 'MB1001', 'cannot be set'],
    [['--data-port', 'x'], 'MB1001', 'expected a port'],
    [['--root', 'other'], 'MB3008', 'it has: logs'],
    [['--store', 'none.db'], 'MB3007', 'none.db'],
  ])('refuses %j', async (words, code, message) => {
    const { code: exit, stderr } = await mirrorboard(['tensorboard', ...words], { cwd: folder, env });
    expect([exit, stderr]).toEqual([2, expect.stringContaining(`error[${code}]`)]);
    expect(stderr).toContain(message);
  });

  it('or only serves the data', async () => {
    const port = await freePort();
    const words = ['tensorboard', '--serve-only', '--data-port', String(port), '--json', '--', '--port', '7'];
    const running = start(words, { cwd: folder, env: { PATH: join(folder, 'logs') } });
    const line = await firstLine(running);
    const address = `127.0.0.1:${port}`;
    expect(JSON.parse(line)).toEqual({
      type: 'tensorboard',
      address,
      command: ['tensorboard', `--grpc_data_provider=${address}`, '--port', '7'],
    });
    const client = new TensorBoardClient(address);
    expect((await client.ask('ListRuns')).runs).toMatchObject([{ name: 'train' }, { name: 'val' }]);
    client.close();
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });

  it('or prints the command to type', async () => {
    const running = start(['tensorboard', '--serve-only'], { cwd: folder });
    expect(await firstLine(running)).toMatch(/^tensorboard --grpc_data_provider=127\.0\.0\.1:\d+$/);
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(0);
  });
});

/** The first line of the output. */
function firstLine({ child, ended }: Running): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (text: string) => resolve(text.split('\n')[0] ?? ''));
    void ended.then(({ stderr }) => reject(new Error(`ended without output: ${stderr}`)));
  });
}

describe('as the data server that TensorBoard starts', () => {
  let folder: string;
  let wrapper: string;
  const portFile = (): string => join(folder, 'port');
  const errorFile = (): string => join(folder, 'startup_error');
  const FLAGS = ['--reload=5', '--samples-per-plugin=scalars=all', '--port=0', '--die-after-stdin', '--verbose', '--verbose'];

  beforeAll(async () => {
    folder = await mirroredLog();
    wrapper = join(folder, "data 'server'");
    const { stdout } = await mustRun(['tensorboard', '--print-wrapper', '--restarts', 'all'], { cwd: folder });
    writeFileSync(wrapper, stdout, { mode: 0o755 });
  });
  afterEach(endAll);

  /** Starts the wrapper as TensorBoard does, in another directory and without a useful PATH. */
  const startWrapper = (logdir: string): ChildProcess => {
    const words = [`--logdir=${logdir}`, `--port-file=${portFile()}`, `--error-file=${errorFile()}`, ...FLAGS];
    return spawn(wrapper, words, { cwd: '/', env: { PATH: '/usr/bin:/bin' }, stdio: ['pipe', 'ignore', 'pipe'] });
  };

  it('it serves the runs of the log directory until TensorBoard has ended', async () => {
    const server = startWrapper(join(folder, 'logs/val'));
    await eventually(() => expect(readFileSync(portFile(), 'utf8')).toMatch(/^\d+\n$/));
    const client = new TensorBoardClient(`127.0.0.1:${readFileSync(portFile(), 'utf8').trim()}`);
    expect((await client.ask('ListRuns')).runs).toMatchObject([{ name: '.' }]);
    client.close();
    server.stdin?.end();
    expect(await once(server, 'exit')).toEqual([0, null]);
  });

  it('it writes the reason to its error file if nothing was mirrored from there', async () => {
    const server = startWrapper(join(folder, 'other'));
    expect(await once(server, 'exit')).toEqual([2, null]);
    const store = join(folder, 'mirrorboard.db');
    expect(readFileSync(errorFile(), 'utf8')).toBe(
      `the store ${store} has no root at ${join(folder, 'other')}, above it or below it; it has: ${join(folder, 'logs')}\n`,
    );
  });
});

describe('while it watches', () => {
  afterEach(endAll);

  it('serves the data to this machine, and ends with the watch', async () => {
    const folder = freshDirectory();
    mkdirSync(join(folder, 'logs/r'), { recursive: true });
    const at = (step: number): Uint8Array => w.event({ wallTime: step, step, summary: [w.simpleValue('loss', step)] });
    writeFileSync(join(folder, 'logs/r', EVENTS), w.eventFile(at(1)));
    const port = await freePort();
    const words = ['watch', 'logs', '--scan-interval', '0.3', '--tensorboard-port', String(port)];
    const running = start(words, { cwd: folder });
    await running.said(/TensorBoard data served to this machine only/);
    const client = new TensorBoardClient(`127.0.0.1:${port}`);
    const steps = async (): Promise<unknown> => (await client.series('ReadScalars', 'scalars')).get('r loss')?.step;
    await eventually(async () => expect(await steps()).toEqual(['1']));
    appendFileSync(join(folder, 'logs/r', EVENTS), w.frame(at(2)));
    await eventually(async () => expect(await steps()).toEqual(['1', '2']));
    client.close();
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    await expect(new TensorBoardClient(`127.0.0.1:${port}`).ask('ListRuns')).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  it.each([
    [['--tensorboard-port', '0'], '--tensorboard-port: found "0", expected a port from 1 to 65535'],
    [['--tensorboard-port', 'TAKEN'], 'Choose another port with --tensorboard-port'],
  ])('refuses %j', async (words, message) => {
    const folder = freshDirectory();
    mkdirSync(join(folder, 'logs'));
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await mirrorboard(['watch', 'logs', ...words.map((word) => word.replace('TAKEN', String(port)))], {
      cwd: folder,
    });
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    await new Promise((resolve) => other.close(resolve));
  });
});

/** The newest version, and the oldest one that is tested. The old one needs a module that newer setuptools lack. */
const VERSIONS: readonly (readonly [version: string, more: readonly string[]])[] = [
  ['2.21.0', []],
  ['2.18.0', ['setuptools<81']],
];

for (const [version, more] of VERSIONS) {
  const name = version === VERSIONS[0]?.[0] ? 'tensorboard' : `tensorboard-${version}`;
  const venv = await realTracker(`TensorBoard ${version}`, () =>
    pythonEnvironment({ name, requirements: [`tensorboard==${version}`, ...more], version }),
  );
  if (venv !== undefined) describe(`the real TensorBoard ${version}`, () => comparePages(venv));
}

/** Compares what TensorBoard shows from the store, in two ways, with what it reads from the files. */
function comparePages(venv: string): void {
  let folder: string;
  let env: Readonly<Record<string, string>>;
  let shown: Running | undefined;
  let pages: { readonly ours: string; readonly started: string; readonly theirs: string };

  beforeAll(async () => {
    folder = await mirroredLog();
    env = { PATH: [join(venv, 'bin'), process.env['PATH']].join(delimiter), HOME: folder, no_proxy: '*' };
    const [ours, started, theirs] = [await freePort(), await freePort(), await freePort()];
    shown = start(['tensorboard', '--', '--port', String(ours)], { cwd: folder, env });
    const { stdout } = await mustRun(['tensorboard', '--print-wrapper'], { cwd: folder });
    const wrapper = join(folder, 'data-server');
    writeFileSync(wrapper, stdout, { mode: 0o755 });
    const tensorboard = (words: readonly string[], more: Readonly<Record<string, string>> = {}): Running =>
      startProgram(join(venv, 'bin/tensorboard'), ['--logdir', 'logs', ...words], { cwd: folder, env: { ...env, ...more } });
    tensorboard(['--load_fast=false', '--port', String(theirs)]);
    tensorboard(['--load_fast=true', '--port', String(started)], { TENSORBOARD_DATA_SERVER_BINARY: wrapper });
    const page = (port: number): string => `http://127.0.0.1:${port}`;
    pages = { ours: page(ours), started: page(started), theirs: page(theirs) };
    await eventually(async () => {
      for (const one of Object.values(pages)) {
        const tags = (await json(one, 'text/tags')) as Readonly<Record<string, unknown>>;
        if (Object.keys(tags).length < 2) throw new Error(`not everything is there yet: ${JSON.stringify(tags)}`);
      }
    });
  }, 280_000);
  afterAll(async () => {
    // Its TensorBoard ends with it.
    shown?.child.kill('SIGKILL');
    await shown?.ended;
    await endAll();
    await eventually(async () => await expect(fetch(pages.ours)).rejects.toThrow());
  });

  it.each([
    ['../runs'],
    ['scalars/tags'],
    ['histograms/tags'],
    ['images/tags'],
    ['histograms/histograms?run=train&tag=weights'],
    ['distributions/distributions?run=val&tag=weights'],
    ['text/text?run=train&tag=note'],
  ])('shows the same as from the files: %s', async (route) => {
    const theirs = await json(pages.theirs, route);
    expect(await json(pages.ours, route)).toEqual(theirs);
    expect(await json(pages.started, route)).toEqual(theirs);
  });

  it('shows the same scalars, and the same images byte for byte', async () => {
    const curve = async (page: string): Promise<unknown> => await json(page, 'scalars/scalars?run=val&tag=loss');
    expect(await curve(pages.ours)).toHaveLength(20);
    expect(await curve(pages.ours)).toEqual(await curve(pages.theirs));
    for (const page of Object.values(pages)) {
      const [image] = (await json(page, 'images/images?run=train&tag=sample&sample=0')) as [{ readonly query: string }];
      const answer = await fetch(`${page}/data/plugin/images/individualImage?${image.query}`);
      expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([...PNG]);
    }
  });

  it('shows a card of the time series page', async () => {
    const requests = encodeURIComponent(JSON.stringify([{ plugin: 'scalars', tag: 'loss' }]));
    const card = async (page: string): Promise<unknown> =>
      await json(page, `timeseries/timeSeries?requests=${requests}`, 'experiment/defaultExperimentId/');
    expect(await card(pages.ours)).toEqual(await card(pages.theirs));
  });

  it('says why the data server does not start', async () => {
    const wrapper = { TENSORBOARD_DATA_SERVER_BINARY: join(folder, 'data-server') };
    const words = ['--logdir', 'other', '--load_fast=true', '--port', String(await freePort())];
    const { code, stderr } = await startProgram(join(venv, 'bin/tensorboard'), words, { cwd: folder, env: { ...env, ...wrapper } }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Could not start data server: the store \S+ has no root at \S+other, above it or below it/m);
  });
}

async function json(page: string, route: string, before = ''): Promise<unknown> {
  const answer = await fetch(`${page}/${before}data/plugin/${route}`.replace('/plugin/..', ''));
  if (!answer.ok) throw new Error(`${route}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
  return await answer.json();
}
