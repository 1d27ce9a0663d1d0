// `mirrorboard page` as users start it, and the page of `watch`: the address, who may ask and change what, how it ends.
import { chmodSync, cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../crash/watch-kill.ts';
import { corpus, endAll, freshDirectory, mirrorboard, mustRun, type Running, remove, start } from './command.ts';

let folder: string;
const TOKEN = 'a-token-of-thirty-two-characters';

beforeAll(async () => {
  folder = freshDirectory();
  cpSync(corpus('torch_everything'), join(folder, 'logs/torch'), { recursive: true });
  writeFileSync(join(folder, 'token'), `${TOKEN}\n`);
  writeFileSync(join(folder, 'short'), 'abc');
  await mustRun(['backfill', 'logs'], { cwd: folder });
});
afterEach(endAll);
afterAll(() => {
  remove(folder);
});

/** Starts it, and returns the address of its API. */
async function serve(...args: string[]): Promise<{ readonly running: Running; readonly url: string }> {
  const running = start(['page', '--listen', '127.0.0.1:0', ...args], { cwd: folder });
  let text = '';
  running.child.stderr?.on('data', (data) => {
    text += String(data);
  });
  await running.said(/Serving \S+ at \S+ /);
  return { running, url: `${/ at (\S+\/) /.exec(text)?.[1] ?? ''}api/v1` };
}

describe('page', () => {
  it('answers until it is asked to end', async () => {
    const { running, url } = await serve();
    const answer = await fetch(`${url}/runs`);
    expect([answer.status, ((await answer.json()) as { total: number }).total]).toEqual([200, 4]);
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, stdout: '' });
  });

  it('sees what a watch next to it writes, and its status', async () => {
    const { running, url } = await serve();
    const { version } = (await (await fetch(`${url}/changes`)).json()) as { version: string };
    const watch = start(['watch', 'logs', '--page', 'off', '--log-format', 'json'], { cwd: folder });
    cpSync(corpus('made_edge_files'), join(folder, 'logs/edge'), { recursive: true });
    for (;;) {
      const { runs } = (await (await fetch(`${url}/changes?since=${version}`)).json()) as { runs: readonly { run: string }[] };
      if (runs.some(({ run }) => run.startsWith('edge'))) break;
    }
    for (;;) {
      const status = (await (await fetch(`${url}/status`)).json()) as {
        watch: { running: boolean } | null;
        lanes: readonly { name: string }[];
      };
      if (status.watch?.running === true && status.lanes.some(({ name }) => name === 'local')) break;
    }
    watch.child.kill('SIGTERM');
    expect((await watch.ended).code).toBe(0);
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(0);
  });

  const asRoot = process.getuid?.() === 0 ? it : it.skip;
  asRoot('sees what a watch writes that begins later, also where it may write nothing', async () => {
    const place = freshDirectory();
    cpSync(corpus('torch_everything'), join(place, 'logs/torch'), { recursive: true });
    const options = { cwd: place, env: { MIRRORBOARD_UMASK: '022' } };
    await mustRun(['backfill', 'logs'], options);
    chmodSync(place, 0o755);
    const running = start(['page', '--listen', '127.0.0.1:0'], { cwd: place, uid: 65534 });
    let text = '';
    running.child.stderr?.on('data', (data) => {
      text += String(data);
    });
    await running.said(/Serving \S+ at \S+ /);
    const url = / at (\S+\/) /.exec(text)?.[1] ?? '';
    // A connection of its own each time: the server closes one that rests, maybe at the moment of the next request.
    const total = async (): Promise<number> => {
      const answer = await fetch(`${url}api/v1/runs`, { headers: { connection: 'close' } });
      return ((await answer.json()) as { total: number }).total;
    };
    expect([await total(), await total()]).toEqual([4, 4]);
    expect(readdirSync(place).filter((name) => name.endsWith('-shm'))).toEqual([]);
    cpSync(corpus('made_edge_files'), join(place, 'logs/edge'), { recursive: true });
    const watch = start(['watch', 'logs', '--page', 'off'], options);
    expect(await until(async () => (await total()) > 4)).toBe(true);
    watch.child.kill('SIGTERM');
    expect((await watch.ended).code).toBe(0);
    // The watch has removed SQLite's files: the store stands alone again.
    const after = await total();
    await mustRun(['run', 'forget', 'edge', '--yes'], options);
    expect([after > 4, await total()]).toEqual([true, 4]);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    remove(place);
  });

  it('asks for the token, and never shows it', async () => {
    const { running, url } = await serve('--token-file', 'token');
    expect((await fetch(`${url}/roots`)).status).toBe(401);
    expect((await fetch(`${url}/roots`, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
    running.child.kill('SIGTERM');
    const { code, stdout, stderr } = await running.ended;
    expect([code, stdout + stderr]).toEqual([0, expect.not.stringContaining(TOKEN)]);
  });

  it.each([
    [['--listen', '0.0.0.0:0'], 'MB1001', /0\.0\.0\.0 is not a loopback address/],
    [['--listen', 'nonsense'], 'MB1001', /expected HOST:PORT/],
    [['--token-file', 'short'], 'MB1001', /a token of 3 characters/],
    [['--token-file', 'missing'], 'MB1001', /cannot be read/],
    [['--store', 'none.db'], 'MB3007', /no store at none\.db/],
  ])('is refused with %j', async (args, code, message) => {
    const { code: exit, stderr } = await mirrorboard(['page', '--listen', '127.0.0.1:0', ...args], { cwd: folder });
    expect([exit, stderr]).toEqual([2, expect.stringContaining(code)]);
    expect(stderr).toMatch(message);
  });

  it('says so if the address is taken', async () => {
    const other = createServer();
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await mirrorboard(['page', '--listen', String(port)], { cwd: folder });
    other.close();
    expect([code, stderr]).toEqual([2, expect.stringContaining(`listening on 127.0.0.1:${port}`)]);
  });

  it('is also called serve', async () => {
    const { code, stderr } = await mirrorboard(['serve', '--store', 'none.db'], { cwd: folder });
    expect([code, stderr]).toEqual([2, expect.stringContaining('no store at none.db')]);
  });

  it('listens everywhere if everyone may read', async () => {
    const { running, url } = await serve('--listen', '0.0.0.0:0', '--without-token');
    expect((await fetch(`${url.replace('0.0.0.0', '127.0.0.1')}/roots`)).status).toBe(200);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });
});

describe('the page of watch', () => {
  it('has an address in the log and in the status document', async () => {
    const { watch, url } = await watching('--page', '127.0.0.1:0');
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const { total } = (await (await fetch(`${url}api/v1/runs`)).json()) as { total: number };
    expect(total).toBeGreaterThan(0);
    for (;;) {
      const { watch: fact } = (await (await fetch(`${url}api/v1/status`)).json()) as { watch: { status: { page: string } } | null };
      if (fact?.status.page === url) break;
    }
    watch.child.kill('SIGTERM');
    expect((await watch.ended).code).toBe(0);
  });

  it('pauses a lane of the same process, and streams that', async () => {
    const { watch, url } = await watching('--page', '0', '--token-file', 'token');
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    expect((await fetch(`${url}api/v1/lanes`)).status).toBe(401);
    const events = await fetch(`${url}api/v1/events`, { headers });
    const paused = await fetch(`${url}api/v1/lanes/local/pause`, { method: 'POST', headers, body: '{}' });
    expect([paused.status, await paused.json()]).toEqual([200, expect.objectContaining({ changed: true, driven: true })]);
    let text = '';
    for await (const piece of events.body as AsyncIterable<Uint8Array>) {
      text += Buffer.from(piece).toString();
      if (/event: lanes\ndata: .*"name":"local"[^{]*"state":"paused"/.test(text)) break;
    }
    await fetch(`${url}api/v1/lanes/local/resume`, { method: 'POST', headers, body: '{}' });
    // A stream that is open does not delay the end.
    const open = await fetch(`${url}api/v1/events`, { headers });
    watch.child.kill('SIGTERM');
    expect((await watch.ended).code).toBe(0);
    await open.text().catch(() => undefined);
  });

  it('takes another port if its own is taken, unless it was chosen', async () => {
    const other = createServer();
    const isOurs = await new Promise<boolean>((resolve) => {
      // Others may have the default port: then the watch finds it taken as well.
      other.once('error', () => resolve(false));
      other.listen(6070, '127.0.0.1', () => resolve(true));
    });
    const { watch, url } = await watching();
    expect(url).not.toBe('http://127.0.0.1:6070/');
    expect((await fetch(`${url}api/v1/`)).status).toBe(200);
    watch.child.kill('SIGTERM');
    expect((await watch.ended).code).toBe(0);
    const { code, stderr } = await mirrorboard(['watch', 'logs', '--page', '6070'], { cwd: folder });
    if (isOurs) other.close();
    expect([code, stderr]).toEqual([2, expect.stringContaining('listening on 127.0.0.1:6070')]);
  });

  it('shows what verify found', async () => {
    const db = new DatabaseSync(join(folder, 'mirrorboard.db'));
    db.exec('UPDATE point SET value = value + 1 WHERE id IN (SELECT id FROM point WHERE value > 0 LIMIT 3)');
    db.close();
    await mustRun(['verify', 'logs', '--report', 'report.jsonl'], { cwd: folder }, 1);
    const lines = readFileSync(join(folder, 'report.jsonl'), 'utf8').trim().split('\n');
    const { watch, url } = await watching('--page', '0');
    const get = async (path: string): Promise<ReturnType<typeof JSON.parse>> => (await fetch(`${url}api/v1${path}`)).json();
    const { differences } = await get('/differences?lane=local');
    expect(differences.map((line: unknown) => JSON.stringify(line))).toEqual(lines.map((line) => JSON.stringify(JSON.parse(line))));
    expect(differences[0]).toMatchObject({ kind: 'changed', file: expect.any(String), offset: expect.any(Number) });
    const { verifications } = await get('/verifications');
    expect(verifications).toMatchObject([{ lane: 'local', differences: lines.length, kept: lines.length, left_out: 0 }]);
    const { id } = verifications[0].runs[0];
    expect((await get(`/run?run=${encodeURIComponent(id)}`)).run.lanes).toMatchObject([{ name: 'local', state: 'differs' }]);
    watch.child.kill('SIGTERM');
    await watch.ended;
  });

  it('is off if asked', async () => {
    const watch = start(['watch', 'logs', '--page', 'off', '--log-format', 'json', '--json'], { cwd: folder });
    await watch.said(/root scanned/);
    watch.child.kill('SIGTERM');
    const { code, stdout, stderr } = await watch.ended;
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('page served')]);
    expect(JSON.parse(stdout)).toMatchObject({ page: null });
  });

  it.each([
    [['--page', '0.0.0.0:0'], /--page: 0\.0\.0\.0 is not a loopback address/],
    [['--page', 'nonsense'], /--page: found "nonsense", expected HOST:PORT/],
    [['--token-file', 'short'], /a token of 3 characters/],
  ])('is refused with %j', async (args, message) => {
    const { code, stderr } = await mirrorboard(['watch', 'logs', ...args], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  /** Starts a watch, and returns the address of its page. */
  async function watching(...args: string[]): Promise<{ readonly watch: Running; readonly url: string }> {
    const watch = start(['watch', 'logs', '--log-format', 'json', ...args], { cwd: folder });
    let text = '';
    watch.child.stderr?.on('data', (data) => {
      text += String(data);
    });
    await watch.said(/"page served"/);
    const line = text.split('\n').find((each) => each.includes('"page served"')) ?? '{}';
    return { watch, url: (JSON.parse(line) as { url: string }).url };
  }
});
