// What MLflow holds that never was in event files.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mlflow } from '../../../../src/backends/mlflow/index.ts';
import type { Backend, ForeignLook, Handle, OwnRun } from '../../../../src/contract/index.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { connectMlflow, runIdOf } from '../../../contract/mlflow-harness.ts';
import { MlflowStub } from '../../../support/mlflow-stub/index.ts';
import { ScriptedServer } from './server.ts';

const signal = new AbortController().signal;

async function namesIn(backend: Backend, own: readonly OwnRun[]): Promise<readonly ForeignLook[]> {
  const all = await backend.foreign?.(own, signal);
  if (all === undefined) throw new Error('it can not tell');
  const found: ForeignLook[] = [];
  for await (const each of all) if (each.kind !== 'looked') found.push(each);
  return found;
}

describe('data of MLflow that never was in event files', () => {
  let stub: MlflowStub;
  let backend: Backend;
  let run: GrowingRun;
  let handle: Handle;
  beforeEach(async () => {
    stub = await MlflowStub.start();
    backend = await connectMlflow(mlflow, { tracking_uri: stub.url, experiment_name: 'models' });
    run = new GrowingRun('a');
    handle = await backend.open({ ...run.source(), tags: { team: 'vision', 'sweep id': '7' } }, undefined, signal);
  });
  afterEach(async () => {
    await backend.close();
    await stub.close();
    run.remove();
  });

  const post = (action: string, body: object): Promise<unknown> =>
    fetch(`${stub.url}/api/2.0/mlflow/${action}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  const own = (): OwnRun => ({ handle, files: ['own.pt'], params: [], tags: { team: 'vision', 'sweep id': '7' } });

  it('includes tags and notes of our runs, and versions of models that others created from them', async () => {
    await backend.registerModel?.(handle, { model: 'Net', file: { path: 'own.pt', hash: 'h' }, tags: {} }, signal);
    expect(await namesIn(backend, [own()])).toEqual([]);
    const id = runIdOf(handle);
    for (const [key, value] of [
      ['user.tag', 'x'],
      ['mlflow.note.content', 'two weeks\nof work'],
      ['mlflow.source.git.commit', 'abc'],
    ])
      await post('runs/set-tag', { run_id: id, key, value });
    await post('registered-models/create', { name: 'Theirs' });
    await post('model-versions/create', { name: 'Theirs', source: `runs:/${id}/model`, run_id: id });
    expect(await namesIn(backend, [own()])).toEqual([
      { kind: 'tag', name: 'user.tag', in: 'a' },
      { kind: 'note', name: 'two weeks of work', in: 'a' },
      { kind: 'model', name: 'Theirs version 1', in: 'a' },
    ]);
  });
});

describe('folders that a server lists without an end', () => {
  let server: ScriptedServer;
  afterEach(() => server.close());

  it.each([
    ['one in itself', (path: string) => [`${path}/d`]],
    ['two in each other', (path: string) => [`${path}/d`, `${path}/e`]],
  ])('fail the run that has them, and no other one: %s', async (_, below) => {
    server = await new ScriptedServer(({ path, query }) => {
      if (path === 'runs/get') {
        const id = query.get('run_id');
        return { body: { run: { info: { run_id: id, experiment_id: '0', artifact_uri: `mlflow-artifacts:/0/${id}/artifacts` } } } };
      }
      if (path !== 'artifacts/list') return undefined;
      const folder = query.get('path') ?? '';
      const paths = query.get('run_id') === 'looped' ? below(folder).map((each) => each.replace(/^\//, '')) : [];
      return {
        body: { files: [{ path: `${folder}x`, is_dir: false, file_size: 1 }, ...paths.map((each) => ({ path: each, is_dir: true }))] },
      };
    }).start();
    const backend = await server.backend();
    const ownRun = (run: string): OwnRun => ({
      handle: JSON.stringify({ run, experiment: '0', root: `0/${run}/artifacts` }) as Handle,
      files: [],
      params: undefined,
      tags: {},
    });
    const found = await namesIn(backend, [ownRun('looped'), ownRun('sound')]);
    expect(found.filter(({ kind }) => kind === 'unseen')).toEqual([
      {
        kind: 'unseen',
        in: 'looped',
        reason: expect.stringMatching(/gives folders without end \(more than 64 one in the other: [de]\/[de]\//),
      },
    ]);
    expect(found).toContainEqual({ kind: 'file', name: 'x', in: 'sound' });
    expect(server.seen.filter(({ path }) => path === 'artifacts/list').length).toBeLessThan(100);
  });
});
