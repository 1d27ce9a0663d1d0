// A W&B-compatible server that is not W&B, through the command: every point is there once, after any fault.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { seededRandom } from '../crash/backfill-kill.ts';
import { until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { testSeed } from '../support/test-seed.ts';
import { WandbRoughServer } from '../support/wandb-rough-server.ts';
import { corpus, type Ended, endAll, freshDirectory, mirrorboard, remove, start } from './command.ts';

const seed = testSeed();
const CORPUS = ['made_edge_files', 'made_several_files', 'tf2_media', 'tbx_everything', 'tf2_tags_and_steps', 'tf2_scalars'];

let folder: string;
let logs: string;
let server: WandbRoughServer;
const env = { WANDB_API_KEY: 'any-key-0123456789' };

beforeEach(async () => {
  folder = freshDirectory();
  logs = join(folder, 'logs');
  mkdirSync(join(folder, 'server'));
  server = await WandbRoughServer.start(join(folder, 'server'));
});
afterEach(async () => {
  await endAll();
  await server.close();
  remove(folder);
});

function configure(semantics: string, more = ''): void {
  const lane = `{ base_url: "${server.url}", project: tests, log_interval: 0.2${semantics === '' ? '' : `, offset_semantics: ${semantics}`}${more} }`;
  writeFileSync(join(folder, 'mirrorboard.yaml'), `lanes:\n  wandb: ${lane}\n`);
}

const run = (...args: readonly string[]): Promise<Ended> => mirrorboard(args, { cwd: folder, env });

async function expectVerified(): Promise<void> {
  const { stdout, stderr, code } = await run('verify', '--json');
  expect([code, stderr]).toEqual([0, expect.anything()]);
  const document = JSON.parse(stdout) as { readonly differences: number; readonly lanes?: readonly { readonly differences: number }[] };
  expect((document.lanes ?? [document]).filter(({ differences }) => differences !== 0)).toEqual([]);
}

/** Each run's lines are numbered from 0 on: none is missing, none there twice. */
function expectNumbered(): void {
  for (const { displayName } of server.runs) {
    const steps = server.lines(displayName).map((line) => /"_step":(\d+)}$/.exec(line)?.[1]);
    expect([displayName, steps]).toEqual([displayName, steps.map((_, i) => String(i))]);
  }
}

describe('a server that appends every line', () => {
  it.each(['append', ''])(
    'gets every sample once, through dropped connections, kill -9 and restarts of its own (offset_semantics: %j)',
    async (semantics) => {
      // Where nobody said that it appends, times that are no numbers are refused: those files are left out.
      for (const name of semantics === 'append' ? CORPUS : CORPUS.slice(2)) cpSync(corpus(name), join(logs, name), { recursive: true });
      configure(semantics);
      const random = seededRandom(seed);
      server.mood = () => (random() < 0.15 ? 'cutStored' : random() < 0.1 ? 'cutUnstored' : undefined);
      for (let life = 0; life < 2; life++) {
        const watch = start(['watch', logs, '--scan-interval', '1'], { cwd: folder, env });
        await watch.said(/root scanned/);
        await sleep(500 + random() * 1500);
        watch.child.kill('SIGKILL');
        await watch.ended;
        const { port } = server;
        await server.close();
        server = await WandbRoughServer.start(join(folder, 'server'), port);
        server.mood = () => (random() < 0.15 ? 'cutStored' : undefined);
      }
      const { code, stderr } = await run('backfill', logs);
      try {
        expect([code, stderr]).toEqual([0, expect.anything()]);
        server.mood = () => undefined;
        expectNumbered();
        const sent = server.streamed;
        expect((await run('backfill', logs)).code).toBe(0);
        expect(server.streamed).toBe(sent);
        await expectVerified();
      } catch (cause) {
        throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    },
  );

  it('keeps NaN and infinities as texts, also in times, and reads them back as numbers', async () => {
    mkdirSync(join(logs, 'odd'), { recursive: true });
    const values = [Number.NaN, Infinity, -Infinity, -0, 0.1];
    const events = values.map((x, step) => w.event({ wallTime: step === 0 ? Number.NaN : step, step, summary: [w.simpleValue('x', x)] }));
    writeFileSync(join(logs, 'odd', 'events.out.tfevents.1'), w.eventFile(...events));
    configure('append');
    expect((await run('backfill', logs)).code).toBe(0);
    expect(server.lines('odd').slice(0, 3)).toEqual([
      expect.stringContaining('"x":"NaN","_timestamp":"NaN"'),
      expect.stringContaining('"x":"Infinity"'),
      expect.stringContaining('"x":"-Infinity"'),
    ]);
    await expectVerified();
  });

  it('is recognized without a setting, and lanes of two projects do not share its endpoint', async () => {
    cpSync(corpus('tf2_scalars'), join(logs, 'a'), { recursive: true });
    configure('');
    expect((await run('backfill', logs)).code).toBe(0);
    cpSync(join(logs, 'a', 'train'), join(logs, 'b'), { recursive: true });
    writeFileSync(
      join(logs, 'a', 'train', 'events.out.tfevents.9'),
      w.eventFile(w.event({ step: 1, summary: [w.simpleValue('late', 1)] })),
    );
    expect((await run('backfill', logs)).stderr).toContain('offset_semantics: append');
    expectNumbered();

    writeFileSync(
      join(folder, 'mirrorboard.yaml'),
      ['one', 'two'].reduce(
        (text, project) => `${text}  ${project}: { type: wandb, base_url: "${server.url}", project: ${project} }\n`,
        'lanes:\n',
      ),
    );
    rmSync(join(logs, 'b'), { recursive: true });
    expect((await run('backfill', logs)).code).toBe(0);
    const of = (project: string) => server.runs.filter((each) => each.project === project).map(({ id }) => id);
    expect(of('one')).toHaveLength(2);
    expect(of('two')).toHaveLength(2);
    await expectVerified();
  });
});

describe('a run that cannot be resumed', () => {
  beforeEach(() => configure('append'));

  function log(name: string, from: number, count: number): void {
    mkdirSync(join(logs, 'exp'), { recursive: true });
    const events = Array.from({ length: count }, (_, i) =>
      w.event({ wallTime: 1000 + i, step: from + i, summary: [w.simpleValue('loss', i)] }),
    );
    writeFileSync(join(logs, 'exp', name), w.eventFile(...events));
  }

  it('stops, and gets a new tracker run with --rebuild, with all its files', async () => {
    log('events.out.tfevents.1', 0, 10);
    log('events.out.tfevents.2', 10, 10);
    expect((await run('backfill', logs)).code).toBe(0);
    const { project, entity, id } = server.runs[0]!;
    // The server was brought back from an older copy: lines are lost that were acknowledged.
    writeFileSync(
      join(folder, 'server/files', entity, project, id, 'wandb-history.jsonl'),
      `${server.lines('exp').slice(0, 5).join('\n')}\n`,
    );
    log('events.out.tfevents.3', 20, 5);
    const stopped = await run('backfill', logs);
    expect([stopped.code, stopped.stderr]).toEqual([1, expect.stringContaining('has 5 lines, and 20 were sent')]);
    expect(stopped.stderr).toContain('--rebuild');

    const rebuilt = await run('backfill', logs, '--rebuild');
    expect([rebuilt.code, rebuilt.stderr]).toEqual([0, expect.stringContaining('is mirrored again as exp (2)')]);
    expect(rebuilt.stderr).toContain(id);
    expect(server.lines('exp')).toHaveLength(5);
    expect(server.lines('exp (2)')).toHaveLength(25);
    await expectVerified();
    // It is done: the flag begins nothing that can be gone on with.
    expect((await run('backfill', logs, '--rebuild')).code).toBe(0);
    expect(server.runs).toHaveLength(2);
  });

  it('is rebuilt by a watch, too, if state and lines are lost', async () => {
    log('events.out.tfevents.1', 0, 10);
    expect((await run('backfill', logs)).code).toBe(0);
    const runs = server.runs;
    // Made by a version whose rows looked different: they can't be matched with the records.
    (runs[0]!.config['mirrorboard'] as { value: { mapping: number } }).value.mapping = 0;
    writeFileSync(join(folder, 'server/runs.json'), JSON.stringify(runs));
    for (const end of ['', '-wal', '-shm']) rmSync(join(folder, `mirrorboard.state${end}`), { force: true });
    expect((await run('backfill', logs)).stderr).toContain('--rebuild');
    const watch = start(['watch', logs, '--rebuild', '--scan-interval', '1'], { cwd: folder, env });
    expect(await until(() => server.runs.length === 2 && server.lines('exp (2)').length === 10)).toBe(true);
    watch.child.kill('SIGTERM');
    expect((await watch.ended).code).toBe(0);
    await expectVerified();
  });
});

describe('a lane with mode: disabled', () => {
  it('is off: it is reported, is not a failure, and resumes once it is on', async () => {
    cpSync(corpus('tf2_scalars'), logs, { recursive: true });
    configure('append');
    writeFileSync(join(folder, 'mirrorboard.yaml'), `${readFileSync(join(folder, 'mirrorboard.yaml'), 'utf8')}  local: {}\n`);
    const off = (...args: readonly string[]): Promise<Ended> => mirrorboard(args, { cwd: folder, env: { WANDB_MODE: 'disabled' } });
    const { code, stderr } = await off('backfill', logs);
    expect([code, stderr]).toEqual([0, expect.stringContaining('wandb: the settings switch this lane off')]);
    expect(server.runs).toEqual([]);
    expect((await off('verify')).code).toBe(0);
    expect((await run('backfill', logs)).code).toBe(0);
    await expectVerified();
    // Asked for itself, it proves nothing.
    const judged = await off('verify', '--lane', 'wandb');
    expect([judged.code, judged.stderr]).toEqual([3, expect.stringContaining('mode: disabled')]);
  });
});
