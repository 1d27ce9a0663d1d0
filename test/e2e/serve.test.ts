// `mirrorboard serve` as users start it: the address it prints, who may ask, next to a running watch, how it ends.
import { cpSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
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

/** Starts it, and returns its address. */
async function serve(...args: string[]): Promise<{ readonly running: Running; readonly url: string }> {
  const running = start(['serve', '--listen', '127.0.0.1:0', ...args], { cwd: folder });
  let text = '';
  running.child.stderr?.on('data', (data) => {
    text += String(data);
  });
  await running.said(/Serving \S+ at \S+ /);
  return { running, url: / at (\S+)\/ /.exec(text)?.[1] ?? '' };
}

describe('serve', () => {
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
    const watch = start(['watch', 'logs', '--log-format', 'json'], { cwd: folder });
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
    const { code: exit, stderr } = await mirrorboard(['serve', '--listen', '127.0.0.1:0', ...args], { cwd: folder });
    expect([exit, stderr]).toEqual([2, expect.stringContaining(code)]);
    expect(stderr).toMatch(message);
  });

  it('says so if the address is taken', async () => {
    const other = createServer();
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await mirrorboard(['serve', '--listen', String(port)], { cwd: folder });
    other.close();
    expect([code, stderr]).toEqual([2, expect.stringContaining(`listening on 127.0.0.1:${port}`)]);
  });

  it('listens everywhere if everyone may read', async () => {
    const { running, url } = await serve('--listen', '0.0.0.0:0', '--without-token');
    expect((await fetch(`${url.replace('0.0.0.0', '127.0.0.1')}/roots`)).status).toBe(200);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });
});
