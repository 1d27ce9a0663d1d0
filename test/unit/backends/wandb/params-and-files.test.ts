// What the contract suite does not ask about what lies beside the points: servers that write numbers in another way,
// or list no files, and folders.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { whoseRun } from '../../../../src/backend-kit/identity/index.ts';
import { wandb } from '../../../../src/backends/wandb/index.ts';
import { foldersIn } from '../../../../src/backends/wandb/offline-folders.ts';
import type { ArtifactFile, Backend, RunParam } from '../../../../src/contract/index.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { type Ledger, newLedger, SmallDelivery } from '../../../../src/testing/small-delivery.ts';
import { event, simpleValue } from '../../../support/event-writer.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { WandbStub, type WandbStubOptions } from '../../../support/wandb-stub/index.ts';

const signal = new AbortController().signal;
const params: readonly RunParam[] = [
  { name: 'lr', value: 0.00005 },
  { name: 'name', value: 'ü/é' },
  { name: 'wide', value: 9007199254740993n },
  { name: 'on', value: true },
];
let stub: WandbStub;
let dir: string;
let run: GrowingRun;
let said: { readonly message: string; readonly details: unknown }[];
const open: Backend[] = [];
beforeEach(async () => {
  dir = temporaryFolder();
  run = new GrowingRun('runs/one');
  said = [];
});
afterEach(async () => {
  for (const backend of open.splice(0)) await backend.close();
  await stub?.close();
  run.remove();
});

async function connect(section: Record<string, unknown> = {}): Promise<Backend> {
  const parsed = wandb.parse({ base_url: stub.url, api_key: stub.key, dir, ...section }, { HOME: '/nowhere' });
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  const warn = (message: string, details: unknown): void => void said.push({ message, details });
  const backend = await wandb.create(parsed.settings, { lane: 'wandb', whoseRun, env: {}, warn });
  open.push(backend);
  return backend;
}

function fileOf(path: string, content: string): ArtifactFile {
  const data = Buffer.from(content);
  return {
    path,
    bytes: data.length,
    hash: createHash('sha256').update(data).digest('hex'),
    async *read() {
      yield data;
    },
  };
}

/** A run with a point, params and a file. */
async function filled(backend: Backend, ledger: Ledger = newLedger()): Promise<Ledger> {
  const delivery = new SmallDelivery(backend, ledger, run.source());
  await delivery.open();
  await delivery.deliver(run.append([event({ wallTime: 1_700_000_000, step: 1, summary: [simpleValue('loss', 1)] })]));
  await backend.setParams?.(ledger.handle!, params, signal);
  await backend.putFile?.(ledger.handle!, fileOf('a.pth', 'weights'), signal);
  return ledger;
}

const wanted = { files: [fileOf('a.pth', 'weights')], params };
const NOT_COMPARED = 'artifacts or params of a run are not compared';

async function start(options: WandbStubOptions = {}): Promise<void> {
  stub = await WandbStub.start(options);
}

describe('params and files of a W&B run', () => {
  it('are the same in any form in which the server writes them', async () => {
    await start();
    const backend = await connect();
    const { handle } = await filled(backend);
    const stored = stub.runs()[0]!;
    stored.config = stored.config
      .replace('{"value":0.00005}', '{"desc":null, "value":5e-05}')
      .replace('"ü/é"', '"\\u00fc\\/\\u00e9"')
      .replace('9007199254740993', '9.007199254740992e15');
    expect(await backend.compareArtifacts?.(handle!, wanted, signal)).toEqual([]);
    stored.config = stored.config.replace('5e-05', '5e-04').replace('\\u00e9', '\\u00e8').replace('"value":true', '"value":"true"');
    expect(await backend.compareArtifacts?.(handle!, wanted, signal)).toEqual([
      { kind: 'param', name: 'lr', found: '5e-04' },
      { kind: 'param', name: 'name', found: 'ü/è' },
      { kind: 'param', name: 'on', found: 'true' },
    ]);
    expect(said).toEqual([]);
  });

  it('are read if a file of other content would have the same length', async () => {
    await start();
    const backend = await connect();
    const { handle } = await filled(backend);
    stub.runs()[0]!.files.set('a.pth', Buffer.from('Weights'));
    expect(await backend.compareArtifacts?.(handle!, wanted, signal)).toEqual([
      { kind: 'file', name: 'a.pth', found: `SHA-256 ${fileOf('', 'Weights').hash}` },
    ]);
  });

  it.each(['unknown', 'null'] as const)(
    'are only params if the server gives no list of files (%s), which is reported',
    async (noFileList) => {
      await start({ noFileList });
      const backend = await connect();
      const { handle } = await filled(backend);
      expect(await backend.compareArtifacts?.(handle!, { ...wanted, params: [{ name: 'on', value: false }] }, signal)).toEqual([
        { kind: 'param', name: 'on', found: 'true' },
      ]);
      expect(said).toEqual([{ message: NOT_COMPARED, details: { run: expect.any(String), reason: expect.stringContaining('files') } }]);
      // Who looks for none misses none.
      await backend.compareArtifacts?.(handle!, { files: [], params }, signal);
      expect(said).toHaveLength(1);
    },
  );

  it('are not compared in folders without the data that went to the server', async () => {
    await start();
    const online = await connect();
    const ledger = await filled(online);
    await online.close();
    const offline = await connect({ mode: 'offline' });
    const delivery = new SmallDelivery(offline, ledger, run.source());
    await delivery.open();
    await delivery.deliver(run.append([event({ wallTime: 1_700_000_001, step: 2, summary: [simpleValue('loss', 2)] })]));
    expect(foldersIn(dir)).not.toEqual([]);
    expect(await offline.compareArtifacts?.(ledger.handle!, wanted, signal)).toEqual([]);
    expect(said).toEqual([{ message: NOT_COMPARED, details: { run: expect.any(String), reason: expect.stringContaining('offline') } }]);
  });
});
