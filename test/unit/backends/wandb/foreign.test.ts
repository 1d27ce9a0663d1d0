// What W&B holds that never was in event files.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { whoseRun } from '../../../../src/backend-kit/identity/index.ts';
import { wandb } from '../../../../src/backends/wandb/index.ts';
import type { ArtifactFile, Backend, Foreign, Handle, OwnRun } from '../../../../src/contract/index.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../../../src/testing/small-delivery.ts';
import { event, hparamsSessionStart, imageTensor, simpleValue } from '../../../support/event-writer.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { type StubRun, WandbStub, type WandbStubOptions } from '../../../support/wandb-stub/index.ts';

const signal = new AbortController().signal;
const T = 1_700_000_000;
let stub: WandbStub;
let isStarted = false;
let dir: string;
let said: string[];
const open: Backend[] = [];
const runs: GrowingRun[] = [];
beforeEach(() => {
  dir = temporaryFolder();
  said = [];
});
afterEach(async () => {
  for (const backend of open.splice(0)) await backend.close();
  for (const run of runs.splice(0)) run.remove();
  expect(stub.violations).toEqual([]);
  await stub.close();
  isStarted = false;
});

async function connect(section: Record<string, unknown> = {}, options: WandbStubOptions = {}): Promise<Backend> {
  if (!isStarted) stub = await WandbStub.start(options);
  isStarted = true;
  const parsed = wandb.parse({ base_url: stub.url, api_key: stub.key, dir, ...section }, { HOME: '/nowhere' });
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  const backend = await wandb.create(parsed.settings, { lane: 'wandb', whoseRun, env: {}, warn: (message) => void said.push(message) });
  open.push(backend);
  return backend;
}

function fileOf(path: string, content: string): ArtifactFile {
  const data = Buffer.from(content);
  const hash = createHash('sha256').update(data).digest('hex');
  return {
    path,
    bytes: data.length,
    hash,
    async *read() {
      yield data;
    },
  };
}

function growing(path = 'one'): GrowingRun {
  const run = new GrowingRun(path);
  runs.push(run);
  return run;
}

/** A run with scalars, an image, hyperparameters, params and files, some of names that the service keeps for itself. */
async function filled(backend: Backend): Promise<OwnRun> {
  const run = growing();
  const sent = new SmallDelivery(backend, newLedger(), run.source());
  await sent.open();
  const image = imageTensor('img', { width: 1, height: 1, images: [Buffer.from('89504e470d0a1a0a', 'hex')] });
  await sent.deliver(
    run.append([event({ wallTime: T, step: 1, summary: [hparamsSessionStart({ depth: 3 }), simpleValue('loss', 1), image] })]),
  );
  const handle = sent.ledger.handle as Handle;
  await backend.setParams?.(
    handle,
    ['lr', 'mirrorboard'].map((name) => ({ name, value: 1 })),
    signal,
  );
  for (const path of ['last.pt', 'code/train.py']) await backend.putFile?.(handle, fileOf(path, path), signal);
  return { handle, files: ['last.pt', 'code/train.py'], params: ['lr', 'mirrorboard'], tags: {} };
}

async function namesIn(backend: Backend, own: readonly OwnRun[]): Promise<readonly Foreign[]> {
  const all = await backend.foreign?.(own, signal);
  if (all === undefined) throw new Error('it can not tell');
  const found: Foreign[] = [];
  for await (const each of all) if (each.kind !== 'looked') found.push(each as Foreign);
  return found;
}

/** A run as training code makes one. */
function trained(project: string, id: string, config = '{"lr":{"value":1},"_wandb":{"value":{}}}'): StubRun {
  const made = stub.store.make(stub.entity, project, id);
  made.displayName = id;
  made.config = config;
  return made;
}

describe('data of W&B that never was in event files', () => {
  it('is empty if only a mirror wrote', async () => {
    const backend = await connect();
    const own = await filled(backend);
    // Of a state that was lost: a mark is enough.
    await backend.open(growing('other').source(), undefined, signal);
    expect(await namesIn(backend, [own])).toEqual([]);
  });

  it('includes tags and notes of our runs', async () => {
    const backend = await connect({ tags: ['nightly'] });
    const own = await filled(backend);
    const [mine] = stub.runs() as [StubRun];
    Object.assign(mine, { tags: ['nightly', 'team:vision', 'best'], notes: 'two weeks of work' });
    expect(await namesIn(backend, [{ ...own, tags: { team: 'vision' } }])).toEqual([
      { kind: 'tag', name: 'best', in: 'one' },
      { kind: 'note', name: 'two weeks of work', in: 'one' },
    ]);
  });

  it('includes runs of the projects, values of the configuration and files', async () => {
    const backend = await connect();
    const own = await filled(backend);
    const [mine] = stub.runs() as [StubRun];
    trained(mine.project, 'brave-sea-1');
    trained('another project', 'brave-sea-2');
    mine.config = mine.config.replace(/}$/, ',"by_hand":{"desc":null,"value":[1,2]}}');
    for (const name of ['output.log', 'code/other.py', 'wandb-metadata.json', 'config.yaml']) mine.files.set(name, Buffer.from(name));
    expect(await namesIn(backend, [own])).toEqual([
      { kind: 'run', name: 'brave-sea-1' },
      { kind: 'param', name: 'by_hand', in: 'one' },
      { kind: 'file', name: 'output.log', in: 'one' },
      { kind: 'file', name: 'code/other.py', in: 'one' },
    ]);
  });

  it('is found on every page of a project, once', async () => {
    const backend = await connect();
    const own = await filled(backend);
    const { project } = stub.runs()[0] as StubRun;
    for (let i = 0; i < 250; i++) trained(project, `r${i}`);
    // A run that was opened offline has no entity in its handle.
    const offline = JSON.stringify({ ...JSON.parse(own.handle), run: 'mbgone', entity: '' }) as Handle;
    const names = (await namesIn(backend, [own, { ...own, handle: offline }])).map(({ name }) => name);
    expect(names).toEqual(Array.from({ length: 250 }, (_, i) => `r${i}`));
  });

  it('is not searched in a run whose params are not all known, and a server without a list of files is reported', async () => {
    const backend = await connect({}, { noFileList: 'unknown' });
    const own = await filled(backend);
    const [mine] = stub.runs() as [StubRun];
    mine.config = mine.config.replace(/}$/, ',"old":{"value":1}}');
    expect(await namesIn(backend, [{ ...own, params: undefined }])).toEqual([]);
    expect(said).toEqual(['mirrorboard does not check what others stored with a run']);
  });

  it('cannot be listed if the server lists no runs, nor by an offline lane', async () => {
    const backend = await connect({}, { noRunList: true });
    const own = await filled(backend);
    expect(await backend.foreign?.([own], signal)).toBeUndefined();
    const offline = await connect({ mode: 'offline' });
    expect(await offline.foreign?.([own], signal)).toBeUndefined();
  });
});
