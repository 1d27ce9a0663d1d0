// What a ClearML server holds that never was in event files.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ArtifactFile, Backend, Foreign, Handle, OwnRun } from '../../../../src/contract/index.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../../../src/testing/small-delivery.ts';
import { ACCESS_KEY, connectClearml, SECRET_KEY, sectionOf, taskIdOf } from '../../../contract/clearml-harness.ts';
import { ClearmlStub } from '../../../support/clearml-stub/index.ts';
import { event, hparamsSessionStart, plainTensor, simpleValue } from '../../../support/event-writer.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const signal = new AbortController().signal;
const T = 1_700_000_000;
let stub: ClearmlStub;
let run: GrowingRun;
let folder: string;
const backends: Backend[] = [];

beforeEach(async () => {
  stub = await ClearmlStub.start({ accessKey: ACCESS_KEY, secretKey: SECRET_KEY });
  run = new GrowingRun('train');
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const backend of backends.splice(0)) await backend.close();
  expect(stub.violations).toEqual([]);
  await stub.close();
  run.remove();
});

async function connect(section: Readonly<Record<string, unknown>> = {}): Promise<Backend> {
  const backend = await connectClearml({ ...sectionOf(stub.url), project: 'moving', ...section });
  backends.push(backend);
  return backend;
}

function fileOf(path: string, data: string): ArtifactFile {
  const bytes = Buffer.from(data);
  const hash = createHash('sha256').update(bytes).digest('hex');
  return {
    path,
    bytes: bytes.length,
    hash,
    async *read(start = 0) {
      yield bytes.subarray(start);
    },
  };
}

/** A task with points of every kind that stand in its fields, params, a file, a model and a dataset. */
async function filled(backend: Backend): Promise<OwnRun> {
  const sent = new SmallDelivery(backend, newLedger(), run.source());
  await sent.open();
  const embedding = plainTensor('emb', { dtype: 'float', shape: [2], values: [1, 2] });
  const summary = [hparamsSessionStart({ depth: 3, opt: 'adam' }), simpleValue('loss', 1), embedding];
  await sent.deliver(run.append([event({ wallTime: T, step: 1, summary })]));
  const handle = sent.ledger.handle as Handle;
  const file = fileOf('ckpt/last.pt', 'w');
  await backend.setParams?.(handle, [{ name: 'lr', value: 0.1 }], signal);
  await backend.putFile?.(handle, file, signal);
  await backend.registerModel?.(handle, { model: 'net', file, tags: {} }, signal);
  await backend.noteDataset?.(handle, { name: 'd', hash: 'ab12', source: '/d', context: 'train' }, signal);
  return { handle, files: ['ckpt/last.pt'], params: ['lr'], tags: {} };
}

async function namesIn(backend: Backend, own: readonly OwnRun[]): Promise<readonly Foreign[]> {
  const all = await backend.foreign?.(own, signal);
  if (all === undefined) throw new Error('it can not tell');
  const found: Foreign[] = [];
  for await (const each of all) if (each.kind !== 'looked') found.push(each as Foreign);
  return found;
}

describe('data of ClearML that never was in event files', () => {
  it('is empty if only a mirror wrote', async () => {
    const backend = await connect();
    const own = await filled(backend);
    // Of a state that was lost: a mark is enough.
    const other = new GrowingRun('other');
    await backend.open(other.source(), undefined, signal);
    other.remove();
    expect(await namesIn(backend, [own])).toEqual([]);
  });

  it('includes tasks, hyperparameters, configurations, artifacts and models', async () => {
    const backend = await connect();
    const own = await filled(backend);
    const task = stub.store.task(taskIdOf(own.handle));
    const trained = { ...task, id: 'f'.repeat(32), name: 'trained', runtime: {} };
    stub.store.tasks.set(trained.id, trained);
    stub.store.tasks.set('e'.repeat(32), { ...trained, id: 'e'.repeat(32), name: 'elsewhere', project: 'e'.repeat(32) });
    const param = (section: string, name: string) => ({ section, name, value: '1', type: 'str' });
    for (const section of ['General', 'TB_hparams', 'Args', 'Datasets'])
      task.hyperparams[section] = { ...task.hyperparams[section], by_hand: param(section, 'by_hand') };
    task.configuration['OmegaConf'] = { name: 'OmegaConf', value: '{}', type: 'dictionary' };
    task.execution.artifacts.push({ key: 'predictions', type: 'pandas', mode: 'output', uri: `${stub.url}/x`, hash: '00' });
    task['models'] = { input: [{ name: 'start', model: 'a' }], output: [{ name: 'epoch-3', model: 'b' }] };
    const at = { in: 'train' };
    expect(await namesIn(backend, [own])).toEqual([
      { kind: 'run', name: 'trained' },
      ...['TB_hparams/by_hand', 'General/by_hand', 'Datasets/by_hand', 'Args/by_hand'].map((name) => ({ kind: 'param', name, ...at })),
      { kind: 'param', name: 'configuration/OmegaConf', ...at },
      { kind: 'file', name: 'predictions', ...at },
      { kind: 'file', name: 'epoch-3', ...at },
    ]);
  });

  it('is found on every page of a project', async () => {
    const backend = await connect();
    const own = await filled(backend);
    const { project } = stub.store.task(taskIdOf(own.handle));
    for (let i = 0; i < 700; i++) {
      const id = i.toString(16).padStart(32, '0');
      stub.store.tasks.set(id, { ...stub.store.task(taskIdOf(own.handle)), id, name: `t${i}`, project, runtime: {} });
    }
    const names = (await namesIn(backend, [own])).map(({ name }) => name);
    expect(names).toEqual(Array.from({ length: 700 }, (_, i) => `t${i}`));
  });

  it('is not searched in a deleted task, nor in one whose params are not all known', async () => {
    const backend = await connect();
    const own = await filled(backend);
    stub.store.task(taskIdOf(own.handle)).hyperparams['General']!['old'] = { value: '1' };
    expect(await namesIn(backend, [{ ...own, params: undefined }])).toEqual([]);
    stub.store.removeTask(taskIdOf(own.handle));
    expect(await namesIn(backend, [own])).toEqual([]);
  });

  it('includes tags and the description of our tasks', async () => {
    const backend = await connect();
    const own = await filled(backend);
    const task = stub.store.task(taskIdOf(own.handle)) as unknown as { tags: string[]; comment: string };
    task.tags.push('team=vision', 'best');
    const said = { ...own, tags: { team: 'vision' } };
    expect(await namesIn(backend, [said])).toEqual([{ kind: 'tag', name: 'best', in: 'train' }]);
    task.comment = 'two weeks\nof work';
    expect(await namesIn(backend, [said])).toContainEqual({ kind: 'note', name: 'two weeks of work', in: 'train' });
  });

  it('cannot be listed by an offline lane', async () => {
    const backend = await connect({ mode: 'offline', cache_dir: folder });
    const handle = await backend.open(run.source(), undefined, signal);
    expect(await backend.foreign?.([{ handle, files: [], params: [], tags: {} }], signal)).toBeUndefined();
    expect(stub.count('tasks.get_all')).toBe(0);
  });
});
