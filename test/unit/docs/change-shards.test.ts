// The commands of docs/deployment.md that change the number of shards, run as they are written, on folders instead of
// volumes.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { openStore } from '../../../src/backends/local/index.ts';
import { splitIntoShards } from '../../../src/shards/index.ts';
import { StateFile } from '../../../src/state/index.ts';
import { backfill } from '../../../src/sync/index.ts';
import * as w from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const RUNS = ['a', 'b', 'c', 'd', 'e', 'f'];
const RULE = { fold: { names: [], flat: [], hparams: false } };

/** The blocks of shell between two headings. */
function blocks(): string[] {
  const page = readFileSync(join(root, 'docs/deployment.md'), 'utf8');
  const section = /^### Change the number of shards$[\s\S]*?(?=^### )/m.exec(page)?.[0] ?? '';
  return [...section.matchAll(/^ {3}```sh\n(.*?)^ {3}```$/gms)].map(([, text = '']) => text.replace(/^ {3}/gm, ''));
}

test('docs/deployment.md turns two shards into three', async () => {
  const folder = temporaryFolder();
  const places = (name: string) => ({
    statePath: join(folder, name, 'mirrorboard.state'),
    store: { path: join(folder, name, 'mirrorboard.db'), mediaPath: join(folder, name, 'mirrorboard.media') },
  });
  for (const run of RUNS) {
    mkdirSync(join(folder, 'logs', run), { recursive: true });
    const event = w.event({ wallTime: 1, step: 1, summary: [w.simpleValue('loss', 2)] });
    writeFileSync(join(folder, 'logs', run, 'events.out.tfevents.1'), w.eventFile(event));
  }
  mkdirSync(join(folder, 'one'));
  const signal = new AbortController().signal;
  await backfill({ roots: [{ path: join(folder, 'logs') }], store: places('one').store, signal });
  splitIntoShards({ from: places('one'), count: 2, to: join(folder, 'shards'), rule: RULE });
  for (const name of ['shards/2', 'scratch', 'bin']) mkdirSync(join(folder, name));
  const program = join(folder, 'bin/mirrorboard');
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" --disable-warning=ExperimentalWarning "${root}dist/app/main.js" "$@"\n`);
  chmodSync(program, 0o755);

  const inPod = blocks().filter((text) => text.includes('/scratch/new'));
  expect(inPod.length).toBe(2);
  // What the image sets.
  const env = { MIRRORBOARD_STORE: '/var/lib/mirrorboard/mirrorboard.db', MIRRORBOARD_STATE: '/var/lib/mirrorboard/mirrorboard.state' };
  for (const text of inPod) {
    const script = text.replace(/(?<![\w.])\/(shards|scratch)\//g, `${folder}/$1/`);
    const { status, stderr } = spawnSync('sh', ['-c', script], {
      cwd: folder,
      env: { ...env, HOME: folder, PATH: `${join(folder, 'bin')}:${process.env['PATH']}` },
      encoding: 'utf8',
    });
    expect([script, status, stderr]).toEqual([script, 0, expect.not.stringContaining('error')]);
  }
  const stored: string[] = [];
  for (const index of [0, 1, 2]) {
    const state = StateFile.openForReading(places(`shards/${index}`).statePath);
    expect(state.shard).toEqual({ index, count: 3 });
    state.close();
    const store = openStore(places(`shards/${index}`).store.path);
    stored.push(...[...store.expectedRuns('logs')].map(({ path }) => path));
    store.close();
  }
  expect(stored.sort()).toEqual(RUNS);
});
