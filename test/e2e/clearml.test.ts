// The command over a ClearML server: mirror, verify, offline and back.
import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ClearmlStub } from '../support/clearml-stub/index.ts';
import { endAll, freshDirectory, mustRun, remove, repository } from './command.ts';

const KEYS = { accessKey: 'ACCESSKEY00', secretKey: 'secret-of-the-command' };
const ENV = { CLEARML_API_ACCESS_KEY: KEYS.accessKey, CLEARML_API_SECRET_KEY: KEYS.secretKey, CLEARML_CONFIG_FILE: '/dev/null' };
let folder: string;
let stub: ClearmlStub;

beforeEach(async () => {
  folder = freshDirectory();
  stub = await ClearmlStub.start(KEYS);
  cpSync(join(repository, 'test/logs/torch_everything'), join(folder, 'logs'), { recursive: true });
});
afterEach(async () => {
  await endAll();
  await stub.close();
  remove(folder);
});

function configure(more: string, lane = ''): void {
  const server = `api_server: "${stub.url}", files_server: "${stub.url}", web_server: "${stub.url}"`;
  writeFileSync(
    join(folder, 'mirrorboard.yaml'),
    `project: vision\nlanes:\n  clearml: { ${server}, cache_dir: "${folder}/cache" ${more} }\n${lane === '' ? '' : `  ${lane}\n`}`,
  );
}

async function command(args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await mustRun([...args], { cwd: folder, env: ENV });
  expect(stdout + stderr).not.toContain(KEYS.secretKey);
  return stdout + stderr;
}

describe('mirroring into ClearML', () => {
  it('verifies without a difference, and shows where the runs are', async () => {
    configure('');
    const said = await command(['backfill', 'logs']);
    expect(said).toContain(`${stub.url}/projects/`);
    await command(['verify']);
    const before = stub.store.delivered;
    await command(['backfill', 'logs']);
    expect(stub.store.delivered).toBe(before);
    expect([...stub.store.projects.values()].map(({ name }) => name)).toEqual(['vision']);
    expect(stub.violations).toEqual([]);
  });

  it('is read to its end by verify, migrate and removal, even if pages end at step 0', async () => {
    for (const log of ['torch_hparams', 'tf2_scalars', 'torch_docs_training_loop']) {
      if (existsSync(join(repository, 'test/logs', log)))
        cpSync(join(repository, 'test/logs', log), join(folder, 'logs', log), { recursive: true });
    }
    configure('', 'local: {}');
    await command(['backfill', 'logs']);
    const atZero = [...stub.store.events.values()].filter(({ iter }) => iter === 0n).length;
    expect(atZero).toBeGreaterThan(5);
    await command(['verify', '--strict']);
    await command(['verify', '--between', 'local', 'clearml']);
    expect(await command(['migrate', '--from', 'local', '--to', 'clearml', '--accept-losses', 'steps,values'])).toMatch(
      /you can switch off/,
    );
    await command(['root', 'forget', 'logs', '--remove-from', 'clearml', '--yes']);
    expect([stub.tasks(), stub.store.events.size, stub.files.size]).toEqual([[], 0, 0]);
    expect(stub.violations).toEqual([]);
  });

  it('fills a new task from the beginning if the former one was deleted and the configuration allows it', async () => {
    configure('');
    await command(['backfill', 'logs']);
    const before = stub.store.events.size;
    for (const { id } of stub.tasks()) stub.store.removeTask(id);
    expect(stub.store.events.size).toBe(0);
    // Something new of each run: nobody looks at one that has nothing to be sent.
    for (const name of readdirSync(join(folder, 'logs'), { recursive: true, encoding: 'utf8' })) {
      if (name.includes('tfevents')) cpSync(join(folder, 'logs', name), join(folder, 'logs', `${name}.again`));
    }
    configure(', recreate_deleted: true');
    await command(['backfill', 'logs']);
    expect(stub.store.events.size).toBeGreaterThan(before);
    await command(['verify']);
  });

  it('uploads offline data even if no more data arrives', async () => {
    configure(', mode: offline');
    await command(['backfill', 'logs']);
    await command(['verify']);
    expect(stub.counts.size).toBe(0);
    configure('');
    await command(['backfill', 'logs']);
    expect(stub.tasks().length).toBeGreaterThan(0);
    expect(stub.store.events.size).toBeGreaterThan(0);
    await command(['verify']);
    const before = stub.store.delivered;
    await command(['backfill', 'logs']);
    expect(stub.store.delivered).toBe(before);
    expect(stub.violations).toEqual([]);
  });
});
