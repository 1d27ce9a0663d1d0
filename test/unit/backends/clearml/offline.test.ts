// Lanes that change between offline and online, over the stub.
import { createHash } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { splitArray } from '../../../../src/backends/clearml/split-array.ts';
import type { ArtifactFile, Backend, Handle } from '../../../../src/contract/index.ts';
import { type Draft, GrowingRun } from '../../../../src/testing/parcels.ts';
import { differences, expectedOf, readHeld } from '../../../../src/testing/read-back.ts';
import { type Ledger, newLedger, SmallDelivery } from '../../../../src/testing/small-delivery.ts';
import { ACCESS_KEY, connectClearml, SECRET_KEY, sectionOf } from '../../../contract/clearml-harness.ts';
import { ClearmlStub } from '../../../support/clearml-stub/index.ts';
import { event, simpleValue, text } from '../../../support/event-writer.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const LOGS = fileURLToPath(new URL('../../../../../test/logs', import.meta.url));
const signal = new AbortController().signal;
let stub: ClearmlStub;
let folder: string;
let run: GrowingRun;

beforeEach(async () => {
  stub = await ClearmlStub.start({ accessKey: ACCESS_KEY, secretKey: SECRET_KEY });
  folder = temporaryFolder();
  run = GrowingRun.copyOf(join(LOGS, 'tbx_everything'), 'everything');
});
afterEach(async () => {
  expect(stub.violations).toEqual([]);
  await stub.close();
  run.remove();
});

function connect(mode: 'online' | 'offline'): Promise<Backend> {
  return connectClearml({ ...sectionOf(stub.url), mode, cache_dir: folder, project: 'moving' });
}

async function mirror(mode: 'online' | 'offline', ledger: Ledger, drafts: readonly Draft[]): Promise<void> {
  const backend = await connect(mode);
  const delivery = new SmallDelivery(backend, ledger, run.source());
  await delivery.open();
  await delivery.deliver(drafts);
  await backend.close();
}

async function expectHeld(ledger: Ledger, drafts: readonly Draft[]): Promise<void> {
  const backend = await connect('online');
  const found = await readHeld(backend, ledger.handle as Handle);
  expect(differences(backend, expectedOf(backend, drafts), found)).toEqual([]);
  await backend.close();
}

/** All that the server has, but for what is another each time. */
function contents(): unknown {
  const { id = '', name, tags, hyperparams, configuration, execution } = stub.tasks()[0] ?? {};
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replaceAll(String(id), 'TASK').replaceAll(stub.url, 'URL'));
  const events = [...stub.store.events.values()]
    .map(({ text: line }) => line.replaceAll(String(id), 'TASK').replaceAll(stub.url, 'URL'))
    .sort();
  const files = [...stub.files].map(([path, data]) => [path.replaceAll(String(id), 'TASK'), data.toString('base64')]).sort();
  return plain({ name, tags, hyperparams, configuration, execution, events, files });
}

function more(from: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    event({ wallTime: 1_700_000_000 + i, step: from + i, summary: [simpleValue('more', i), text('words', `at ${i}`)] }),
  );
}

describe('a lane that was offline', () => {
  it('leaves the same data on the server as a lane that was never offline', async () => {
    const drafts = run.read();
    await mirror('online', newLedger(), drafts);
    const expected = contents();
    stub.store.removeTask(stub.tasks()[0]?.id ?? '');
    stub.files.clear();
    const ledger = newLedger();
    await mirror('offline', ledger, drafts);
    expect(stub.tasks()).toEqual([]);
    const online = await connect('online');
    await online.catchUp?.(signal);
    await online.close();
    expect(contents()).toEqual(expected);
    await expectHeld(ledger, drafts);
  });

  it('continues online, and offline again, without loss or duplicates', async () => {
    const drafts = run.read();
    const ledger = newLedger();
    for (const [i, mode] of (['offline', 'online', 'offline', 'offline', 'online'] as const).entries()) {
      if (i > 0) drafts.push(...run.append(more(i * 10, 10), 'events.out.tfevents.9.z'));
      await mirror(mode, ledger, drafts);
    }
    expect(stub.tasks()).toHaveLength(1);
    await expectHeld(ledger, drafts);
    // Sent again by a lane that lost its state, everything falls on itself.
    const before = stub.store.events.size;
    await mirror('online', newLedger(), drafts);
    expect(stub.store.events.size).toBe(before);
  });

  it('reports that a part is on the server if an offline lane reads it back', async () => {
    const ledger = newLedger();
    await mirror('online', ledger, run.read());
    const drafts = run.append(more(0, 3));
    await mirror('offline', ledger, drafts);
    const backend = await connect('offline');
    await expect(readHeld(backend, ledger.handle as Handle)).rejects.toMatchObject({ code: 'MB4001' });
    await backend.close();
  });

  it('sends an interrupted session again, and nothing is stored twice', async () => {
    const drafts = run.read();
    const ledger = newLedger();
    await mirror('offline', ledger, drafts);
    stub.fail({ kind: 'status', status: 503 }, { on: ['files/put'], probability: 0.3, seed: 3 });
    const first = await connect('online');
    await expect(first.catchUp?.(signal)).rejects.toMatchObject({ code: 'MB4001' });
    await first.close();
    stub.heal();
    const second = await connect('online');
    await second.catchUp?.(signal);
    await second.catchUp?.(signal);
    await second.close();
    expect(stub.tasks()).toHaveLength(1);
    await expectHeld(ledger, drafts);
  });

  it('cuts off an incomplete line of a crashed process', async () => {
    const ledger = newLedger();
    const drafts = [...run.read()];
    await mirror('offline', ledger, drafts);
    const [session = ''] = readdirSync(join(folder, 'offline'));
    const events = join(folder, 'offline', session, 'metrics.jsonl');
    appendFileSync(events, '[{"type":"training_stats_scalar","task":"half');
    drafts.push(...run.append(more(0, 5)));
    await mirror('offline', ledger, drafts);
    for (const line of readFileSync(events, 'utf8').trimEnd().split('\n')) expect(() => JSON.parse(line) as unknown).not.toThrow();
    const backend = await connect('offline');
    expect(differences(backend, expectedOf(backend, drafts), await readHeld(backend, ledger.handle as Handle))).toEqual([]);
    await backend.close();
  });

  it("leaves another lane's sessions alone", async () => {
    await mirror('offline', newLedger(), run.read());
    const other = await connectClearml({ ...sectionOf(stub.url), cache_dir: folder, project: 'another' });
    await other.catchUp?.(signal);
    await other.close();
    expect(stub.tasks()).toEqual([]);
  });

  it('ends its task with the end that was recorded offline', async () => {
    const ledger = newLedger();
    await mirror('offline', ledger, run.read());
    const offline = await connect('offline');
    await offline.finish(ledger.handle as Handle, { status: 'failed', endedAt: Number.NaN }, signal);
    await offline.close();
    const online = await connect('online');
    await online.catchUp?.(signal);
    expect(stub.tasks().map(({ status }) => status)).toEqual(['failed']);
    expect(online.link?.(ledger.handle as Handle)).toContain(`/experiments/${stub.tasks()[0]?.id}/`);
    await online.close();
  });
});

describe('a model that was registered offline', () => {
  const data = Buffer.from('weights');
  const file: ArtifactFile = {
    path: 'checkpoints/model.pth',
    hash: createHash('sha256').update(data).digest('hex'),
    bytes: data.length,
    read: async function* read(start = 0) {
      yield data.subarray(start);
    },
  };
  const version = { model: 'Classifier', file, alias: 'production', tags: { team: 'vision' } };

  it('exists once on the server after the lane goes online, even if that is interrupted', async () => {
    const ledger = newLedger();
    await mirror('offline', ledger, run.read());
    const handle = ledger.handle as Handle;
    const offline = await connect('offline');
    expect(await offline.registerModel?.(handle, version, signal)).toMatchObject({ kind: 'refused' });
    await offline.putFile?.(handle, file, signal);
    for (let i = 0; i < 2; i++) expect(await offline.registerModel?.(handle, version, signal)).toMatchObject({ kind: 'stored' });
    await offline.close();
    stub.fail({ kind: 'status', status: 503 }, { on: ['models.create'] });
    const first = await connect('online');
    await expect(first.catchUp?.(signal)).rejects.toMatchObject({ code: 'MB4001' });
    await first.close();
    stub.heal();
    const online = await connect('online');
    await online.catchUp?.(signal);
    await online.catchUp?.(signal);
    expect(stub.store.models).toMatchObject([
      { name: 'Classifier', task: stub.tasks()[0]?.id, tags: expect.arrayContaining(['production', 'team=vision']) },
    ]);
    expect(String(stub.store.models[0]?.['uri'])).toMatch(/^http/);
    // The same version again falls on itself.
    expect(await online.registerModel?.(handle, version, signal)).toMatchObject({ kind: 'stored' });
    expect(stub.store.models).toHaveLength(1);
    await online.close();
  });
});

describe('params and artifacts', () => {
  it('are compared in the session while it is complete, then on the server', async () => {
    const ledger = newLedger();
    await mirror('offline', ledger, run.read());
    const handle = ledger.handle as Handle;
    const data = Buffer.from('a: 1');
    const hash = createHash('sha256').update(data).digest('hex');
    const file: ArtifactFile = {
      path: 'config.yaml',
      bytes: data.length,
      hash,
      async *read() {
        yield data;
      },
    };
    const offline = await connect('offline');
    await offline.putFile?.(handle, file, signal);
    await offline.setParams?.(handle, [{ name: 'lr', value: 0.5 }], signal);
    const wanted = { files: [file], params: [{ name: 'lr', value: 0.5 }] };
    expect(await offline.compareArtifacts?.(handle, wanted, signal)).toEqual([]);
    const online = await connect('online');
    expect(await online.compareArtifacts?.(handle, wanted, signal)).toEqual([]);
    await online.close();
    // It was sent: what is left of the session says nothing.
    await expect(offline.compareArtifacts?.(handle, wanted, signal)).rejects.toMatchObject({ code: 'MB4001' });
    await offline.close();
  });
});

describe('the objects of a line', () => {
  it('are split as they were written', () => {
    const texts = ['{"a":"}],{\\"","iter":9223372036854775807}', '{"b":{"c":[{}]},"d":"\\\\"}', '{}'];
    expect(splitArray(`[${texts.join(',')}]`)).toEqual(texts);
  });
});
