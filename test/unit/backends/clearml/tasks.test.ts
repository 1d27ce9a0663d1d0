// Tasks and projects: names as servers take them, what was deleted meanwhile, what others made, parents.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { longName, projectName } from '../../../../src/backends/clearml/names.ts';
import { filePart } from '../../../../src/backends/clearml/paths.ts';
import type { ArtifactFile, Backend, Handle } from '../../../../src/contract/index.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../../../src/testing/small-delivery.ts';
import { ACCESS_KEY, connectClearml, SECRET_KEY, sectionOf, taskIdOf } from '../../../contract/clearml-harness.ts';
import { ClearmlStub } from '../../../support/clearml-stub/index.ts';
import { event, simpleValue } from '../../../support/event-writer.ts';
import { hastyClock } from '../../../support/hasty-clock.ts';

const signal = new AbortController().signal;
const T = 1_700_000_000;
let stub: ClearmlStub;
let run: GrowingRun;
let backends: Backend[];

beforeEach(async () => {
  stub = await ClearmlStub.start({ accessKey: ACCESS_KEY, secretKey: SECRET_KEY });
  run = new GrowingRun('train');
  backends = [];
});
afterEach(async () => {
  for (const backend of backends) await backend.close();
  expect(stub.violations).toEqual([]);
  await stub.close();
  run.remove();
});

async function connect(section: Readonly<Record<string, unknown>> = {}, url = stub.url): Promise<Backend> {
  const backend = await connectClearml({ ...sectionOf(url), project: 'tasks', ...section }, {}, undefined, hastyClock());
  backends.push(backend);
  return backend;
}

function projects(of = stub): string[] {
  return [...of.store.projects.values()].map(({ name }) => name).sort();
}

function removeProject(name: string): void {
  for (const [id, project] of stub.store.projects) {
    if (project.name !== name) continue;
    stub.store.projects.delete(id);
    for (const task of stub.tasks()) if (task.project === id) stub.store.removeTask(task.id);
  }
}

describe('names of projects, tasks and models', () => {
  it('are padded part by part, so that each name can be recovered', () => {
    expect(['ml/vision', 'a/b/c', ' x ', 'ab_', 'über/日本', '//p//q/', '', '😀a/b'].map(projectName)).toEqual([
      'ml_/vision',
      'a__/b__/c__',
      'x__',
      'ab__',
      'über/日本_',
      'p__/q__',
      '___',
      '😀a_/b__',
    ]);
    const names = ['', 'a', 'ab', 'abc'].flatMap((start) => ['', '_', '__', '___', '____'].map((end) => start + end));
    expect(new Set(names.map(longName)).size).toBe(names.length);
    expect(names.map(longName).every((name) => name.length >= 3)).toBe(true);
  });

  it('are the project that doctor names', async () => {
    const backend = await connect({ project: 'ml/vision' });
    const { notes } = await backend.probe(signal);
    expect(notes.join('\n')).toMatch(
      /The project ml_\/vision does not exist yet: mirrorboard will create it[\s\S]*does not accept name parts under 3 characters/,
    );
    await backend.open(run.source(), undefined, signal);
    expect(projects()).toEqual(['ml_', 'ml_/vision']);
    expect((await backend.probe(signal)).notes.join()).toMatch(/called ml_\/vision/);
  });

  it('find a project with short parts that an older server accepted', async () => {
    const old = await ClearmlStub.start({ accessKey: ACCESS_KEY, secretKey: SECRET_KEY, isOld: true });
    old.store.projects.set('p1', { id: 'p1', name: 'ml/vision' });
    const backend = await connect({ project: 'ml/vision' }, old.url);
    await backend.open(run.source(), undefined, signal);
    expect(projects(old)).toEqual(['ml/vision']);
    expect(old.tasks().map(({ project }) => project)).toEqual(['p1']);
    await old.close();
  });
});

describe('a task after a change on the server', () => {
  it('stops its run if its project was deleted, and a new run creates the project again', async () => {
    const backend = await connect();
    const known = await backend.open(run.source(), undefined, signal);
    removeProject('tasks');
    await expect(backend.open(run.source(), known, signal)).rejects.toMatchObject({ code: 'MB4006' });
    const sent = new SmallDelivery(backend, newLedger(), run.source());
    sent.ledger.handle = known;
    expect(await sent.sendOnce(run.append([event({ wallTime: T, summary: [simpleValue('loss', 1)] })]))).toMatchObject([
      { kind: 'runFatal', error: { code: 'MB4006' } },
    ]);
    const other = await backend.open(run.source({ key: 'e'.repeat(32), name: 'other' }), undefined, signal);
    expect(projects()).toEqual(['tasks']);
    expect(stub.tasks().map(({ id, status }) => [id, status])).toEqual([[taskIdOf(other), 'in_progress']]);
  });

  it('gets its parent again, even if only the parent was deleted', async () => {
    const backend = await connect();
    const parent = { key: 'f'.repeat(32), name: 'study' };
    await backend.open(run.source({ parent }), undefined, signal);
    stub.store.removeTask(stub.tasks().find(({ name }) => name === 'study')!.id);
    // Without news of its files nothing is asked of it before a task is to lie below it.
    await backend.open(run.source({ parent, key: 'e'.repeat(32), name: 'second' }), undefined, signal);
    const above = stub.tasks().filter(({ name }) => name === 'study');
    expect(above).toHaveLength(1);
    expect(stub.tasks().find(({ name }) => name === 'second')?.['parent']).toBe(above[0]?.id);
  });

  it('is created without its parent if the parent is a stopped run', async () => {
    const backend = await connect();
    const handle = await backend.open(run.source({ key: 'd'.repeat(32), name: 'above' }), undefined, signal);
    stub.store.removeTask(taskIdOf(handle));
    const parent = { key: 'd'.repeat(32), name: 'above', handle };
    await backend.open(run.source({ parent, name: 'below' }), undefined, signal);
    expect(stub.tasks().map(({ name, parent: above }) => [name, above])).toEqual([['below', undefined]]);
  });

  it('stops no other task if the server refuses it', async () => {
    const backend = await connect();
    stub.refuseCall('tasks.create', 400, 12, 'Validation error (tags)');
    await expect(backend.open(run.source(), undefined, signal)).rejects.toMatchObject({
      code: 'MB4006',
      message: expect.stringMatching(/tags/),
    });
    stub.allowCalls();
    await backend.open(run.source(), undefined, signal);
  });

  it('distinguishes a concurrent change of its status from a refusal', async () => {
    const backend = await connect();
    stub.refuseCall('tasks.started', 400, 121, 'Failed changing task status. probably someone changed it before you');
    await expect(backend.open(run.source(), undefined, signal)).rejects.toMatchObject({ retry: 'later' });
    stub.allowCalls();
    await backend.open(run.source(), undefined, signal);
    expect(stub.tasks().map(({ status }) => status)).toEqual(['in_progress']);
  });

  it('is reported as missing if it is gone when it starts', async () => {
    const backend = await connect();
    const handle = await backend.open(run.source(), undefined, signal);
    await backend.finish(handle, { status: 'finished', endedAt: T }, signal);
    stub.refuseCall('tasks.started', 400, 10, 'Invalid object id: task=None');
    await expect(backend.finish(handle, undefined, signal)).rejects.toMatchObject({ code: 'MB4006' });
  });
});

describe('existing tasks', () => {
  /** As the official SDK leaves it that imported an offline session: ended, and without a place. */
  function imported(handle: Handle): void {
    const task = stub.store.task(taskIdOf(handle));
    task.status = 'completed';
    delete task.runtime['mirrorboard/place'];
  }

  it('continue at once if they were imported, also in large numbers', async () => {
    const backend = await connect();
    const sources = Array.from({ length: 20 }, (_, i) => run.source({ key: `${i}`.padStart(32, '0'), name: `run ${i}` }));
    const handles: Handle[] = [];
    for (const source of sources) handles.push(await backend.open(source, undefined, signal));
    handles.forEach(imported);
    const later = await connect();
    const looks = stub.count('tasks.get_all');
    for (const [i, source] of sources.entries()) expect(await later.open(source, undefined, signal)).toBe(handles[i]);
    // Each is requested once: no process waits for another one to give it a ticket.
    expect(stub.count('tasks.get_all') - looks).toBe(20);
    expect(stub.tasks().every(({ runtime }) => runtime['mirrorboard/place'] === '1')).toBe(true);
  });

  it('continue at once if a process that crashed long ago left them, and not while one may resume', async () => {
    const backend = await connect();
    const source = run.source();
    const handle = await backend.open(source, undefined, signal);
    const task = stub.store.task(taskIdOf(handle));
    task.status = 'created';
    delete task.runtime['mirrorboard/place'];
    task.created = new Date(Date.now() - 60_000).toISOString();
    const looks = stub.count('tasks.get_all');
    expect(await (await connect()).open(source, undefined, signal)).toBe(handle);
    expect(stub.count('tasks.get_all') - looks).toBe(1);
    task.status = 'created';
    delete task.runtime['mirrorboard/place'];
    task.created = new Date().toISOString();
    expect(await (await connect()).open(source, undefined, signal)).toBe(handle);
    expect(stub.count('tasks.get_all') - looks).toBeGreaterThan(5);
  });

  it('are created with few requests, and record the files of all child runs', async () => {
    const backend = await connect();
    const parent = { key: 'f'.repeat(32), name: 'study', tags: { team: 'vision', nightly: '' } };
    const child = (i: number) =>
      run.source({ parent, key: `${i}`.padStart(32, 'e'), name: `trial ${i}`, fingerprint: [{ file: `events.${i}`, checksum: i }] });
    await backend.open(child(0), undefined, signal);
    const before = new Map(stub.counts);
    for (let i = 1; i <= 4; i++) await backend.open(child(i), undefined, signal);
    const asked = (action: string): number => (stub.counts.get(action) ?? 0) - (before.get(action) ?? 0);
    // Of a child: looking for it twice, its own place; of the one above: what it is, and the child's file.
    expect(['tasks.get_all', 'tasks.create', 'tasks.get_by_id', 'tasks.edit', 'tasks.started'].map(asked)).toEqual([8, 4, 8, 8, 4]);
    const above = stub.tasks().find(({ name }) => name === 'study');
    for (let i = 0; i <= 4; i++) expect(String(above?.runtime['mirrorboard/fingerprint'])).toContain(`events.${i}`);
    expect(above?.runtime['mirrorboard/place']).toBe('0');
    // Those that all runs of the lane have.
    expect(above?.tags).toEqual(expect.arrayContaining(['team=vision', 'nightly']));
  });
});

describe('files and models', () => {
  it('keep their extension if their name must change', () => {
    const names = [
      'epoch 1.pth',
      'Gewichte für später.tar.gz',
      `${'x'.repeat(300)}.safetensors`,
      'Übersicht',
      'plain.pt',
      '.hidden',
      'a b.',
    ];
    expect(names.map(filePart)).toEqual([
      expect.stringMatching(/^epoch_1~[0-9a-f]{10}\.pth$/),
      expect.stringMatching(/^Gewichte_f_r_sp_ter~[0-9a-f]{10}\.tar\.gz$/),
      expect.stringMatching(/^x{100}~[0-9a-f]{10}\.safetensors$/),
      expect.stringMatching(/^_bersicht~[0-9a-f]{10}$/),
      'plain.pt',
      expect.stringMatching(/^_hidden~[0-9a-f]{10}$/),
      expect.stringMatching(/^a_b_~[0-9a-f]{10}$/),
    ]);
  });

  it('have an alias only at the last version, even if an earlier mirrorboard set it on every version', async () => {
    const backend = await connect();
    const handle = await backend.open(run.source(), undefined, signal);
    const project = stub.store.task(taskIdOf(handle)).project;
    for (let i = 0; i < 700; i++) stub.store.models.push({ id: `m${i}`, name: 'Net', project, tags: ['newest', `t${i}`], uri: `u${i}` });
    stub.store.models.push({ id: 'other', name: 'Net2', project, tags: ['newest'], uri: 'u' });
    const register = async (data: string): Promise<void> => {
      const file = fileOf(`${data} 1.pth`, data);
      await backend.putFile?.(handle, file, signal);
      expect(await backend.registerModel?.(handle, { model: 'Net', file, alias: 'newest', tags: {} }, signal)).toMatchObject({
        kind: 'stored',
      });
    };
    const named = (): unknown[] =>
      stub.store.models.filter(({ tags }) => (tags as string[]).includes('newest')).map(({ uri }) => String(uri).split('/').at(-1));
    await register('first');
    expect(named()).toEqual(['u', expect.stringMatching(/^first_1~[0-9a-f]{10}\.pth$/)]);
    await register('second');
    expect(named()).toEqual(['u', expect.stringMatching(/^second_1~/)]);
    // The last one that is registered, whether it is new or not.
    await register('first');
    expect(named()).toEqual(['u', expect.stringMatching(/^first_1~/)]);
    expect(stub.store.models.find(({ id }) => id === 'm5')).toMatchObject({ tags: ['t5'] });
    expect(stub.store.models).toHaveLength(703);
  });

  it('have an alias at the version that was written last, in any order of registration', async () => {
    const backend = await connect();
    const handle = await backend.open(run.source(), undefined, signal);
    const project = stub.store.task(taskIdOf(handle)).project;
    // Of an earlier version of ours, which did not say when its file was written.
    stub.store.models.push({ id: 'early', name: 'Net', project, tags: ['newest'], uri: 'u/early', comment: 'Mirrored: early' });
    const register = async (name: string, second: number): Promise<void> => {
      const writtenAtMs = (T + second) * 1000;
      const file = fileOf(`${name}.pth`, name);
      await backend.putFile?.(handle, file, signal);
      const version = { model: 'Net', file, alias: 'newest', writtenAtMs, tags: {} };
      expect(await backend.registerModel?.(handle, version, signal)).toMatchObject({ kind: 'stored' });
    };
    const named = (): unknown[] =>
      stub.store.models.filter(({ tags }) => (tags as string[]).includes('newest')).map(({ uri }) => String(uri).split('/').at(-1));
    await register('a', 3);
    await register('b', 9);
    await register('c', 1);
    expect(named()).toEqual(['b.pth']);
    // Once more, as after a lost state.
    for (const [name, at] of [
      ['c', 1],
      ['b', 9],
      ['a', 3],
    ] as const)
      await register(name, at);
    expect(named()).toEqual(['b.pth']);
    // The same content was written once more, and a person had words of his own for it.
    const a = stub.store.models.find(({ uri }) => String(uri).endsWith('/a.pth'));
    Object.assign(a as object, { comment: 'the good one' });
    await register('a', 20);
    expect([named(), a]).toMatchObject([['a.pth'], { comment: expect.stringMatching(/^the good one, written 2023-/) }]);
    await register('b', 9);
    expect(named()).toEqual(['a.pth']);
  });

  it('register a model with a short name', async () => {
    const backend = await connect();
    const handle = await backend.open(run.source(), undefined, signal);
    const file = fileOf('m.pth', 'weights');
    await backend.putFile?.(handle, file, signal);
    for (let i = 0; i < 2; i++)
      expect(await backend.registerModel?.(handle, { model: 'm', file, tags: {} }, signal)).toMatchObject({ kind: 'stored' });
    expect(stub.store.models.map(({ name }) => name)).toEqual(['m__']);
    expect(await backend.registerModel?.(handle, { model: ' ', file, tags: {} }, signal)).toMatchObject({ kind: 'refused' });
  });
});

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
