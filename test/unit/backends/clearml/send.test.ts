// What the contract suite does not ask: tokens, statuses, a server whose disk is full, parameters, files and models.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ClearmlHeartbeat } from '../../../../src/backends/clearml/heartbeat.ts';
import type { ArtifactFile, Backend, Handle, RunSource } from '../../../../src/contract/index.ts';
import { type Draft, GrowingRun } from '../../../../src/testing/parcels.ts';
import { differences, expectedOf, readHeld } from '../../../../src/testing/read-back.ts';
import { newLedger, SmallDelivery } from '../../../../src/testing/small-delivery.ts';
import { ACCESS_KEY, connectClearml, SECRET_KEY, sectionOf } from '../../../contract/clearml-harness.ts';
import { ClearmlStub, type Task } from '../../../support/clearml-stub/index.ts';
import { event, hparamsSessionStart, imageTensor, plainTensor, simpleValue, text } from '../../../support/event-writer.ts';
import { clockAt } from '../../../support/fake-clock.ts';
import { LimitingProxy } from '../../../support/limiting-proxy.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const signal = new AbortController().signal;
const T = 1_700_000_000;
let stub: ClearmlStub;
let run: GrowingRun;
let said: string[];
let backends: Backend[];

beforeEach(async () => {
  stub = await ClearmlStub.start({ accessKey: ACCESS_KEY, secretKey: SECRET_KEY });
  run = new GrowingRun('train');
  said = [];
  backends = [];
});
afterEach(async () => {
  for (const backend of backends) await backend.close();
  expect(stub.violations).toEqual([]);
  await stub.close();
  run.remove();
});

async function connect(section: Readonly<Record<string, unknown>> = {}): Promise<Backend> {
  const backend = await connectClearml({ ...sectionOf(stub.url), project: 'send', ...section }, {}, (message) => said.push(message));
  backends.push(backend);
  return backend;
}

async function delivery(backend: Backend, changes: Partial<RunSource> = {}): Promise<SmallDelivery> {
  const own = new SmallDelivery(backend, newLedger(), run.source(changes));
  await own.open();
  return own;
}

async function expectHeld({ backend, ledger }: SmallDelivery, drafts: readonly Draft[]): Promise<void> {
  expect(differences(backend, expectedOf(backend, drafts, ledger.refusals), await readHeld(backend, ledger.handle as Handle))).toEqual([]);
}

function scalars(count: number, from = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => event({ wallTime: T + i, step: from + i, summary: [simpleValue('train/loss', i)] }));
}

function task(): Task {
  const [only, ...others] = stub.tasks();
  expect(others).toEqual([]);
  return only!;
}

function fileOf(path: string, data: string): ArtifactFile {
  const bytes = Buffer.from(data);
  return {
    path,
    bytes: bytes.length,
    hash: createHash('sha256').update(bytes).digest('hex'),
    async *read(start = 0) {
      yield bytes.subarray(start);
    },
  };
}

describe('sending to ClearML', () => {
  it('logs in once, and again when the token has expired', async () => {
    const sent = await delivery(await connect());
    const drafts = run.append(scalars(3));
    await sent.deliver(drafts);
    expect(stub.count('auth.login')).toBe(1);
    stub.forgetTokens();
    drafts.push(...run.append(scalars(3, 3)));
    await sent.deliver(drafts.slice(1));
    expect(stub.count('auth.login')).toBe(2);
    await expectHeld(sent, drafts);
  });

  it('rejects no event if the server accepts none', async () => {
    const sent = await delivery(await connect());
    const drafts = run.append(scalars(40));
    stub.refuse('train/loss');
    stub.refuse(':mirrorboard:/trial');
    for (let i = 0; i < 4; i++) expect(await sent.sendOnce(drafts)).toMatchObject([{ kind: 'retry' }]);
    expect(sent.ledger.refusals).toEqual([]);
  });

  it('finds invalid events among thousands, and delivers all others', async () => {
    const sent = await delivery(await connect());
    const events = Array.from({ length: 2500 }, (_, i) =>
      event({ wallTime: T + i, step: i, summary: [simpleValue(i === 700 || i === 1999 ? 'bad' : 'good', i)] }),
    );
    const drafts = run.append(events);
    stub.refuse('bad');
    await sent.deliver(drafts);
    expect(sent.ledger.refusals.map(({ kind }) => kind)).toEqual(['refused', 'refused']);
    await expectHeld(sent, drafts);
  });

  it('tests the upload of files, and names the limit of a file that is too long', async () => {
    const proxy = await LimitingProxy.start(stub.url, 5000);
    try {
      const backend = await connect({ files_server: proxy.url });
      const sent = await delivery(backend);
      const handle = sent.ledger.handle as Handle;
      await sent.deliver(run.append([event({ wallTime: T, step: 1, summary: [text('note', ['x'.repeat(20_000)])] })]));
      expect(sent.ledger.refusals).toMatchObject([{ kind: 'refused', reason: expect.stringMatching(/413.*client_max_body_size/) }]);
      await backend.tryOut?.(handle, 'files', signal);
      proxy.most = 0;
      await expect(backend.tryOut?.(handle, 'files', signal)).rejects.toMatchObject({ code: 'MB4005', retry: 'later' });
    } finally {
      await proxy.close();
    }
  });

  it('tests events, params and artifacts, each with a sample of its own', async () => {
    const backend = await connect();
    const sent = await delivery(backend);
    const handle = sent.ledger.handle as Handle;
    stub.refuse(':mirrorboard:/trial');
    await expect(backend.tryOut?.(handle, 'points', signal)).rejects.toThrow('writing events');
    for (const [kind, action] of [
      ['params', 'tasks.edit_hyper_params'],
      ['files', 'tasks.add_or_update_artifacts'],
    ] as const) {
      await backend.tryOut?.(handle, kind, signal);
      stub.refuseCall(action, 400, 100, 'no');
      await expect(backend.tryOut?.(handle, kind, signal)).rejects.toMatchObject({ code: 'MB4005', retry: 'later' });
      stub.allowCalls();
    }
  });

  it('treats no param as refused while all are refused, and then rejects only the invalid one', async () => {
    const proxy = await LimitingProxy.start(stub.url, 5000);
    try {
      const backend = await connect({ api_server: proxy.url });
      const sent = await delivery(backend);
      const handle = sent.ledger.handle as Handle;
      const params = Array.from({ length: 9 }, (_, i) => ({ name: `p${i}`, value: i === 4 ? 'x'.repeat(20_000) : i }));
      stub.refuseCall('tasks.edit_hyper_params', 400, 100, 'no');
      await expect(backend.setParams?.(handle, params, signal)).rejects.toMatchObject({ retry: 'later' });
      expect(stub.count('tasks.edit_hyper_params')).toBeLessThan(3);
      stub.allowCalls();
      const outcomes = (await backend.setParams?.(handle, params, signal)) ?? [];
      expect(outcomes.map(({ kind }) => kind)).toEqual(params.map((_, i) => (i === 4 ? 'refused' : 'set')));
      expect(Object.keys(task().hyperparams['General'] ?? {})).toHaveLength(8);
    } finally {
      await proxy.close();
    }
  });

  it('waits with hyperparameters of event files while no param is accepted', async () => {
    const sent = await delivery(await connect());
    const drafts = run.append([event({ wallTime: T, summary: [hparamsSessionStart({ lr: 0.1 })] })]);
    stub.refuseCall('tasks.edit_hyper_params', 400, 100, 'no');
    expect(await sent.sendOnce(drafts)).toMatchObject([{ kind: 'retry' }]);
    stub.allowCalls();
    expect(await sent.sendOnce(drafts)).toMatchObject([{ kind: 'accepted' }]);
    expect(task().hyperparams['TB_hparams']).toMatchObject({ lr: { value: '0.1' } });
    expect(said).toEqual([]);
  });

  it('settles hyperparameters that come after the task was ended, and ends it again', async () => {
    const backend = await connect();
    const sent = await delivery(backend);
    await sent.deliver(run.append([event({ wallTime: T, summary: [hparamsSessionStart({ lr: 0.1, name: 'adam', on: true })] })]));
    await backend.finish(sent.ledger.handle as Handle, { status: 'finished', endedAt: T }, signal);
    await backend.setParams?.(
      sent.ledger.handle as Handle,
      [
        { name: 'seed', value: 3n },
        { name: '', value: 1 },
      ],
      signal,
    );
    expect(task().status).toBe('completed');
    expect(task().hyperparams['TB_hparams']).toMatchObject({
      lr: { value: '0.1', type: 'float' },
      name: { value: 'adam', type: 'str' },
      on: { value: 'true', type: 'bool' },
    });
    expect(task().hyperparams['General']).toMatchObject({ seed: { value: '3', type: 'int' } });
  });

  it('resumes a task that the server stopped during a pause', async () => {
    const backend = await connect();
    const sent = await delivery(backend);
    const drafts = run.append(scalars(2));
    await sent.deliver(drafts);
    task().status = 'stopped';
    drafts.push(
      ...run.append([event({ wallTime: T, step: 9, summary: [plainTensor('embedding', { dtype: 'float', shape: [100], values: [1] })] })]),
    );
    await sent.deliver(drafts.slice(1));
    expect(task().status).toBe('in_progress');
    const later = await connect();
    task().status = 'stopped';
    await later.open(run.source(), sent.ledger.handle, signal);
    expect(task().status).toBe('in_progress');
    await expectHeld(sent, drafts);
  });

  it('reports that a published task accepts nothing, and does not change it', async () => {
    const backend = await connect();
    const sent = await delivery(backend);
    await sent.deliver(run.append(scalars(2)));
    task().status = 'published';
    expect(await sent.sendOnce(run.append(scalars(2, 2)))).toMatchObject([{ kind: 'runFatal', error: { code: 'MB4006' } }]);
    await backend.finish(sent.ledger.handle as Handle, { status: 'finished', endedAt: T }, signal);
    expect(task().status).toBe('published');
  });

  it('creates a new task for a deleted one only if that is configured', async () => {
    const backend = await connect();
    const sent = await delivery(backend);
    await sent.deliver(run.append(scalars(2)));
    stub.store.removeTask(task().id);
    await expect(backend.open(run.source(), sent.ledger.handle, signal)).rejects.toMatchObject({ code: 'MB4006' });
    const wanting = await connect({ recreate_deleted: true });
    const opened = await wanting.open(run.source(), sent.ledger.handle, signal);
    expect(opened).not.toBe(sent.ledger.handle);
    expect(said.join()).toContain('creating a new one');
  });

  it('shows each kind in its usual place', async () => {
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
    const sent = await delivery(await connect());
    const drafts = run.append([
      event({
        wallTime: T,
        step: 1,
        summary: [imageTensor('eval/pictures', { width: 1, height: 1, images: [png, png] }), text('notes', 'a *word*')],
      }),
      event({
        wallTime: T,
        step: 2,
        summary: [plainTensor('weights', { dtype: 'double', shape: [100], values: Array.from({ length: 100 }, (_, i) => i / 7) })],
      }),
    ]);
    await sent.deliver(drafts);
    const samples = stub.events(task().id, 'training_debug_image').map(({ fields }) => `${fields['metric']} | ${fields['variant']}`);
    expect(samples.sort()).toEqual([':mirrorboard: | points', 'eval/pictures | 0', 'eval/pictures | 1', 'notes | ']);
    const [artifact] = task().execution.artifacts;
    expect(artifact).toMatchObject({ type: 'numpy', mode: 'output', type_data: { preview: 'double [100]' } });
    const npy = stub.files.get(new URL(String(artifact?.['uri'])).pathname.slice(1))!;
    expect(npy.subarray(0, 8).toString('latin1')).toBe('\u0093NUMPY\u0001\u0000');
    expect(npy.toString('latin1', 10, 80)).toContain("{'descr': '<f8', 'fortran_order': False, 'shape': (100,), }");
    expect((10 + npy.readUInt16LE(8)) % 64).toBe(0);
    expect(npy.readDoubleLE(npy.length - 8)).toBe(99 / 7);
    await expectHeld(sent, drafts);
  });

  it('does not list a point whose file is missing', async () => {
    const sent = await delivery(await connect());
    const drafts = run.append([
      event({
        wallTime: T,
        step: 2,
        summary: [plainTensor('weights', { dtype: 'double', shape: [100], values: [1] }), simpleValue('loss', 1)],
      }),
    ]);
    await sent.deliver(drafts);
    for (const path of stub.files.keys()) if (path.endsWith('.npy')) stub.files.set(path, Buffer.from('cut'));
    const held = await readHeld(sent.backend, sent.ledger.handle as Handle);
    expect([...held.keys()].map((content) => (JSON.parse(content) as unknown[])[0])).toEqual(['loss']);
  });

  it('adds to a task of another program, and does not name, tag or end it', async () => {
    const backend = await connect();
    const other = await backend.open(run.source(), undefined, signal);
    const before = JSON.stringify(task());
    const sent = await delivery(backend, { joins: (JSON.parse(other) as { task: string }).task, key: 'another' });
    const drafts = run.append(scalars(4));
    await sent.deliver(drafts);
    await backend.finish(sent.ledger.handle as Handle, { status: 'finished', endedAt: T }, signal);
    expect(JSON.stringify(task())).toBe(before);
    await expectHeld(sent, drafts);
  });

  it('puts the tasks of a study below one parent', async () => {
    const backend = await connect();
    const parent = { key: 'f'.repeat(32), name: 'study' };
    await backend.open(run.source({ parent }), undefined, signal);
    await backend.open(run.source({ parent, key: 'e'.repeat(32), name: 'second' }), undefined, signal);
    const above = stub.tasks().filter(({ name }) => name === 'study');
    expect(above).toHaveLength(1);
    expect(stub.tasks().filter((child) => child['parent'] === above[0]?.id)).toHaveLength(2);
  });

  it('puts tasks below the task of a run, and takes over the placeholder parent when the run comes', async () => {
    const backend = await connect();
    const parent = { key: 'f'.repeat(32), name: 'group/study' };
    await backend.open(run.source({ parent, key: 'e'.repeat(32), name: 'trial 1' }), undefined, signal);
    const holder = stub.tasks().find(({ name }) => name === 'group/study')?.id;
    const study = run.source({ key: 'd'.repeat(32), name: 'study', holderKey: parent.key, tags: { team: 'x' } });
    const handle = await backend.open(study, undefined, signal);
    await backend.open(run.source({ parent: { ...parent, handle }, key: 'c'.repeat(32), name: 'trial 2' }), undefined, signal);
    expect(stub.tasks().map(({ name }) => name)).toEqual(expect.arrayContaining(['study', 'trial 1', 'trial 2']));
    expect(stub.tasks()).toHaveLength(3);
    const found = stub.tasks().find(({ name }) => name === 'study');
    expect([found?.id, found?.['status']]).toEqual([holder, 'in_progress']);
    expect(stub.tasks().filter((child) => child['parent'] === holder)).toHaveLength(2);
    // Found again by its own key, by a state that knows of no handle.
    expect(await backend.open(study, undefined, signal)).toBe(handle);
  });

  it('does not read back data that others wrote into a task', async () => {
    const sent = await delivery(await connect());
    const drafts = run.append(scalars(2));
    await sent.deliver(drafts);
    const fields = { type: 'training_stats_scalar', task: task().id, metric: 'x', variant: 'y', iter: 1, timestamp: 1, value: 5 };
    stub.store.put({ kind: 'training_stats_scalar', task: task().id, iter: 1n, text: JSON.stringify(fields), fields });
    await expectHeld(sent, drafts);
  });
});

describe('params and artifacts', () => {
  it('stores a file once per content, and replaces it after a change', async () => {
    const backend = await connect();
    const handle = await backend.open(run.source(), undefined, signal);
    const first = await backend.putFile?.(handle, fileOf('checkpoints/epoch 1.pth', 'weights'), signal);
    expect(first).toMatchObject({ kind: 'stored' });
    const puts = stub.count('files/put');
    expect(await backend.putFile?.(handle, fileOf('checkpoints/epoch 1.pth', 'weights'), signal)).toEqual(first);
    expect(stub.count('files/put')).toBe(puts);
    await backend.putFile?.(handle, fileOf('checkpoints/epoch 1.pth', 'other'), signal);
    expect(task().execution.artifacts.map(({ key }) => key)).toEqual(['checkpoints/epoch 1.pth']);
    expect([...stub.files.values()].map(String)).toEqual(['other']);
  });

  it('distinguishes a missing file from a stored one, and stores it again', async () => {
    const backend = await connect();
    const handle = await backend.open(run.source(), undefined, signal);
    const files = [fileOf('a.pth', 'weights'), fileOf('b.pth', 'weights'), fileOf('c.pth', 'weights'), fileOf('d.pth', 'weights')];
    for (const file of files) await backend.putFile?.(handle, file, signal);
    // The task lists all of them, even if the files are missing.
    const [lost, cut, other] = [...stub.files.keys()].sort() as [string, string, string];
    stub.files.delete(lost);
    stub.files.set(cut, Buffer.from('weigh'));
    stub.files.set(other, Buffer.from('Weights'));
    const compare = () => backend.compareArtifacts?.(handle, { files, params: [] }, signal);
    expect(await compare()).toEqual([
      { kind: 'file', name: 'a.pth', found: undefined },
      { kind: 'file', name: 'b.pth', found: '5 bytes' },
      { kind: 'file', name: 'c.pth', found: `SHA-256 ${fileOf('', 'Weights').hash}` },
    ]);
    for (const file of files) await backend.putFile?.(handle, file, signal);
    expect([...stub.files.values()].map(String)).toEqual(Array(4).fill('weights'));
    expect(await compare()).toEqual([]);
  });

  it('does not ask a former location for files, and trusts the task', async () => {
    const first = await connect();
    const handle = await first.open(run.source(), undefined, signal);
    const file = fileOf('a.pth', 'weights');
    const stored = await first.putFile?.(handle, file, signal);
    const later = await connect({ files_server: 'http://127.0.0.1:9' });
    const other = fileOf('a.pth', 'Weights');
    const compare = (one: ArtifactFile) => later.compareArtifacts?.(handle, { files: [one], params: [] }, signal);
    expect(await compare(file)).toEqual([]);
    expect(await compare(other)).toEqual([{ kind: 'file', name: 'a.pth', found: `SHA-256 ${file.hash}` }]);
    expect(await later.putFile?.(handle, file, signal)).toEqual(stored);
  });

  it('registers a stored file as a model, once per content', async () => {
    const backend = await connect();
    const handle = await backend.open(run.source(), undefined, signal);
    const file = fileOf('model.pth', 'weights');
    const version = { model: 'Classifier', file, alias: 'production', tags: { team: 'vision' } };
    expect(await backend.registerModel?.(handle, version, signal)).toMatchObject({ kind: 'refused' });
    await backend.putFile?.(handle, file, signal);
    for (let i = 0; i < 2; i++) expect(await backend.registerModel?.(handle, version, signal)).toMatchObject({ kind: 'stored' });
    expect(stub.store.models).toMatchObject([
      { name: 'Classifier', ready: true, tags: expect.arrayContaining(['production', 'team=vision']) },
    ]);
  });

  it('records datasets, and the host of a run', async () => {
    const backend = await connect();
    const handle = await backend.open(run.source(), undefined, signal);
    await backend.noteDataset?.(handle, { name: 'cifar', hash: 'abc', source: '/data/cifar', context: 'train' }, signal);
    await backend.setParams?.(
      handle,
      [
        { name: 'git.commit', value: 'c0ffee' },
        { name: 'git.remote', value: 'https://host/repo.git' },
        { name: 'host', value: 'gpu-7' },
        { name: 'lr', value: 0.5 },
      ],
      signal,
    );
    await backend.putFile?.(handle, fileOf('files/requirements.txt', 'torch==2.9.0\n'), signal);
    expect(task().hyperparams['Datasets']).toMatchObject({ 'train/cifar': { value: '/data/cifar (abc)' } });
    expect(task().script).toMatchObject({
      version_num: 'c0ffee',
      repository: 'https://host/repo.git',
      binary: 'python',
      requirements: { pip: 'torch==2.9.0\n' },
    });
    expect(task().runtime['mirrorboard/host']).toBe('gpu-7');
    expect(task().runtime['mirrorboard/run']).toBe(run.source().key);
  });
});

describe('settings', () => {
  it('come from variables and the file before clearml.conf, and no secret is shown', async () => {
    const folder = temporaryFolder();
    const conf = join(folder, 'clearml.conf');
    writeFileSync(conf, `api { api_server: "http://conf:8008", credentials { access_key: "A", secret_key: "conf-secret" } }`);
    const { clearml } = await import('../../../../src/backends/clearml/index.ts');
    const parsed = clearml.parse({ project: 'p' }, { CLEARML_CONFIG_FILE: conf, CLEARML_FILES_HOST: 'http://files:1' });
    expect(parsed).toMatchObject({
      kind: 'settings',
      settings: {
        apiServer: 'http://conf:8008',
        filesServer: 'http://files:1',
        webServer: 'http://conf:8080',
        auth: { secretKey: 'conf-secret' },
      },
    });
    if (parsed.kind === 'settings') {
      expect(JSON.stringify(parsed.shown)).not.toContain('conf-secret');
      expect(parsed.shown).toContainEqual({ key: 'api_server', value: 'http://conf:8008', source: 'clearml.conf' });
      const offline = clearml.parse({ project: 'p' }, { CLEARML_CONFIG_FILE: conf, CLEARML_OFFLINE_MODE: '1' });
      if (offline.kind === 'settings') expect(clearml.target(offline.settings)).toBe(clearml.target(parsed.settings));
    }
    writeFileSync(conf, 'api {\n include "x"\n}');
    expect(clearml.parse({}, { CLEARML_CONFIG_FILE: conf })).toMatchObject({
      kind: 'problems',
      problems: expect.arrayContaining([expect.objectContaining({ found: expect.stringMatching(/line 2: "include" is not understood/) })]),
    });
  });

  it.each([
    [{}, 'api_server'],
    [{ api_server: 'http://h:8008' }, 'access_key'],
    [{ api_server: 'h:8008', access_key: 'a', secret_key: 'b' }, 'api_server'],
    [{ api_server: 'http://h:8008', access_key: 'a', secret_key: 'b', task_type: 'running' }, 'task_type'],
    [{ api_server: 'http://h:8008', access_key: 'a', secret_key: 'b', output_uri: 'gs://b' }, 'output_uri'],
    [{ api_server: 'http://h:8008', access_key: 'a', secret_key: 'b', projekt: 'x' }, 'projekt'],
    [{ mode: 'sometimes' }, 'mode'],
  ])('report the error in %j', async (section, path) => {
    const { clearml } = await import('../../../../src/backends/clearml/index.ts');
    const parsed = clearml.parse(section, { CLEARML_CONFIG_FILE: '/dev/null' });
    expect(parsed.kind === 'problems' ? parsed.problems.map((problem) => problem.path[0]) : []).toContain(path);
  });
});

describe('a quiet task', () => {
  it('gets a heartbeat before the server stops it', async () => {
    let now = 0;
    const pinged: string[] = [];
    const alive = new ClearmlHeartbeat(
      async (id) => void pinged.push(id),
      clockAt(() => now),
    );
    alive.keep('a');
    alive.keep('b');
    now = 10 * 60_000;
    alive.noteWork('b');
    now = 16 * 60_000;
    await alive.look();
    expect(pinged).toEqual(['a']);
    now = 26 * 60_000;
    alive.drop('a');
    await alive.look();
    expect(pinged).toEqual(['a', 'b']);
    await alive.close();
  });
});
