import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Handle } from '../../../../src/contract/index.ts';
import { apiError, runOf, ScriptedServer, signal, source } from './server.ts';

let server: ScriptedServer;
beforeEach(async () => {
  server = await new ScriptedServer().start();
});
afterEach(() => server.close());

interface Tag {
  readonly key: string;
  readonly value: string;
}

const tags = (instance: string, fingerprint = '[]', place: string | null = '0'): Tag[] => [
  { key: 'mirrorboard.instance', value: instance },
  { key: 'mirrorboard.fingerprint', value: fingerprint },
  ...(place === null ? [] : [{ key: 'mirrorboard.place', value: place }]),
];
const runIn = (handle: Handle): unknown => JSON.parse(handle).run;

describe('opening an MLflow run', () => {
  test('creates it with its name, its time and its identifying tags', async () => {
    const backend = await server.backend();
    const handle = await backend.open(source, undefined, signal);
    expect(JSON.parse(handle)).toEqual({ run: 'r1', experiment: '1', root: '1/r1/artifacts' });
    const [made] = server.calls('runs/create');
    expect(made?.body).toMatchObject({ experiment_id: '1', run_name: 'train/a', start_time: 1700000000250 });
    expect(Object.fromEntries(made?.body.tags.map(({ key, value }: { key: string; value: string }) => [key, value]))).toMatchObject({
      'mirrorboard.run_key': 'abc123',
      'mirrorboard.instance': 'me',
      'mirrorboard.fingerprint': '[["f",7]]',
      'mirrorboard.source': '/logs/train/a',
      'mlflow.source.type': 'LOCAL',
      team: 'vision',
    });
    expect(server.calls('experiments/get-by-name')[0]?.query.get('experiment_name')).toBe('Group');
    expect(backend.link?.(handle)).toBe(`${server.url}/#/experiments/1/runs/r1?workflowType=machine_learning`);
  });

  test('asks the server once for facts that it learned before a failure, for any number of runs', async () => {
    let isBusy = true;
    const last = 'experiments/search';
    server.script = ({ path }) => (isBusy && path === last ? { status: 504, body: '<html>504 Gateway Timeout</html>' } : undefined);
    const backend = await server.backend();
    const open = () => backend.open(source, undefined, signal);
    await expect(Promise.all([open(), open()])).rejects.toMatchObject({ retry: 'later' });
    await expect(open()).rejects.toMatchObject({ retry: 'later' });
    isBusy = false;
    await Promise.all([open(), open()]);
    const asked = ['/api/3.0/mlflow/server-info', '/version', last].map((path) => server.calls(path).length);
    expect(asked).toEqual([1, 1, 3]);
  });

  test('creates the experiment, even if another process creates it first', async () => {
    let asked = 0;
    server.script = ({ path }) => {
      if (path === 'experiments/get-by-name' && ++asked === 1) return apiError(404, 'RESOURCE_DOES_NOT_EXIST', 'No such experiment');
      if (path === 'experiments/create') return apiError(400, 'RESOURCE_ALREADY_EXISTS', 'it exists');
      return undefined;
    };
    const backend = await server.backend({ experiment_name: 'Mine' });
    await backend.open(source, undefined, signal);
    expect(server.calls('experiments/create')[0]?.body).toEqual({ name: 'Mine' });
    expect(asked).toBe(2);
  });

  test('stops at a deleted experiment, or restores it if that is configured', async () => {
    server.script = ({ path }) =>
      path === 'experiments/get-by-name'
        ? { body: { experiment: { experiment_id: '1', name: 'Group', lifecycle_stage: 'deleted' } } }
        : undefined;
    await expect((await server.backend()).open(source, undefined, signal)).rejects.toMatchObject({ code: 'MB4004' });
    await (await server.backend({ restore_deleted: true })).open(source, undefined, signal);
    expect(server.calls('experiments/restore')[0]?.body).toEqual({ experiment_id: '1' });
  });

  test('adopts the oldest run that is ours, by the instance or by a file', async () => {
    for (const own of [tags('me'), tags('other', '[["f",7],["g",1]]')]) {
      server.script = ({ path }) =>
        path === 'runs/search'
          ? { body: { runs: [runOf('young', own, { start_time: 9 }), runOf('old', own, { start_time: 3 })] } }
          : undefined;
      expect(runIn(await (await server.backend()).open(source, undefined, signal))).toBe('old');
    }
    expect(server.calls('runs/create')).toEqual([]);
    expect(server.warnings).toContain('several MLflow runs are of one run: the first is used');
    // Adopted by its file: it is ours from now on.
    expect(server.calls('runs/log-batch').at(-1)?.body.tags).toContainEqual({ key: 'mirrorboard.instance', value: 'me' });
  });

  test('removes a duplicate that its process left without a place, and no run with content', async () => {
    const left = runOf('left', tags('me', '[["f",7]]', null), { start_time: 1 });
    const used = runOf('used', tags('me', '[["f",7]]', null), { start_time: 2 }, { metrics: [{ key: 'loss' }] });
    const first = runOf('first', tags('me', '[["f",7]]'), { start_time: 3 });
    server.script = ({ path }) => (path === 'runs/search' ? { body: { runs: [left, used, first] } } : undefined);
    expect(runIn(await (await server.backend()).open(source, undefined, signal))).toBe('first');
    expect(server.calls('runs/delete').map(({ body }) => body.run_id)).toEqual(['left']);
    expect(server.warnings).toEqual(['several MLflow runs are of one run: the first is used']);
  }, 20_000);

  test('takes over the parent run by its place, not by its time', async () => {
    server.script = ({ path, body }) => {
      if (path !== 'runs/search' || !body.filter.includes('holder')) return undefined;
      const held = (id: string, place: string, at: number): object => runOf(id, tags('me', '[["sub/f",7]]', place), { start_time: at });
      return { body: { runs: [held('loser', '2', 1), held('winner', '1', 2)] } };
    };
    const files = { hasRecord: async () => true, points: async function* () {} };
    const backend = await server.backend();
    expect(runIn(await backend.open({ ...source, holderKey: 'holder', files }, undefined, signal))).toBe('winner');
  });

  test('updates the identifying tags of a run that it restores', async () => {
    server.script = ({ path }) =>
      path === 'runs/search' ? { body: { runs: [runOf('gone', tags('old', '[["f",7]]'), { lifecycle_stage: 'deleted' })] } } : undefined;
    const backend = await server.backend({ restore_deleted: true });
    expect(runIn(await backend.open(source, undefined, signal))).toBe('gone');
    expect(server.calls('runs/restore')).toHaveLength(1);
    expect(server.calls('runs/log-batch').at(-1)?.body.tags).toContainEqual({ key: 'mirrorboard.instance', value: 'me' });
  });

  test('gives an existing run its current tags', async () => {
    server.script = ({ path }) =>
      path === 'runs/search'
        ? { body: { runs: [runOf('old', [...tags('me', '[["f",7]]'), { key: 'team', value: 'speech' }])] } }
        : undefined;
    const backend = await server.backend();
    await backend.open(source, undefined, signal);
    expect(server.calls('runs/log-batch').map(({ body }) => body.tags)).toEqual([[{ key: 'team', value: 'vision' }]]);
  });

  test('does not use a run of another program, and warns', async () => {
    server.script = ({ path }) => (path === 'runs/search' ? { body: { runs: [runOf('theirs', tags('other', '[["f",8]]'))] } } : undefined);
    expect(runIn(await (await server.backend()).open(source, undefined, signal))).toBe('r1');
    expect(server.calls('runs/create')[0]?.body.run_name).toBe('train/a (2)');
    expect(server.warnings[0]).toContain('train/a (2)');
  });

  test('does not create a run again that a user deleted', async () => {
    server.script = ({ path }) =>
      path === 'runs/search' ? { body: { runs: [runOf('gone', tags('me'), { lifecycle_stage: 'deleted' })] } } : undefined;
    await expect((await server.backend()).open(source, undefined, signal)).rejects.toMatchObject({ code: 'MB4006' });
    expect(server.calls('runs/create')).toEqual([]);
  });

  test('continues with the handle, and searches again if the handle is invalid', async () => {
    const known = JSON.stringify({ run: 'known', experiment: '1' }) as Handle;
    const backend = await server.backend();
    expect(runIn(await backend.open(source, known, signal))).toBe('known');
    expect(server.calls('runs/search')).toEqual([]);
    server.script = ({ path }) => (path === 'runs/get' ? apiError(404, 'RESOURCE_DOES_NOT_EXIST', 'no run') : undefined);
    expect(runIn(await backend.open(source, known, signal))).toBe('r1');
  });

  /** Runs that are made under these ids, and keep the tags they are given. */
  const keepsRuns = (ids: readonly string[], isBlind: () => boolean = () => false): Map<string, { tags: Tag[]; isDeleted: boolean }> => {
    const made = new Map<string, { tags: Tag[]; isDeleted: boolean }>();
    const shown = ([id, run]: [string, { tags: Tag[]; isDeleted: boolean }]): object =>
      runOf(id, run.tags, run.isDeleted ? { lifecycle_stage: 'deleted' } : {});
    server.script = ({ path, body }) => {
      if (path === 'runs/search') return { body: { runs: isBlind() ? [] : [...made].map(shown) } };
      if (path === 'runs/log-batch') made.get(body.run_id)?.tags.push(...(body.tags ?? []));
      if (path === 'runs/delete') made.get(body.run_id)!.isDeleted = true;
      if (path !== 'runs/create') return undefined;
      const id = ids[made.size]!;
      made.set(id, { tags: [...body.tags], isDeleted: false });
      return { body: { run: runOf(id, body.tags) } };
    };
    return made;
  };

  test('creates one run when it is opened twice at the same time', async () => {
    const made = keepsRuns(['r1']);
    const backend = await server.backend();
    const handles = await Promise.all([1, 2, 3].map(() => backend.open(source, undefined, signal)));
    expect(handles.map(runIn)).toEqual(['r1', 'r1', 'r1']);
    expect(made.size).toBe(1);
  });

  test('keeps the run that another process already uses, whatever the id of a later run', async () => {
    let isBlind = false;
    const made = keepsRuns(['r9', 'r1'], () => isBlind);
    expect(runIn(await (await server.backend()).open(source, undefined, signal))).toBe('r9');
    // The other process has looked before the run was there, and makes its own now.
    isBlind = true;
    const looks = server.calls('runs/search').length;
    const late = await server.backend();
    const opened = late.open(source, undefined, signal);
    while (server.calls('runs/search').length === looks) await new Promise((resolve) => setImmediate(resolve));
    isBlind = false;
    expect(runIn(await opened)).toBe('r9');
    expect([...made].map(([id, { isDeleted }]) => [id, isDeleted])).toEqual([
      ['r9', false],
      ['r1', true],
    ]);
  });

  test('waits until runs in creation have their places', async () => {
    let looks = 0;
    server.script = ({ path }) => {
      if (path !== 'runs/search') return undefined;
      const [slow, quick] = [tags('me', '[]', ++looks > 2 ? '1' : null), tags('me', '[]', '1')];
      return { body: { runs: [runOf('b', quick), runOf('a', slow)] } };
    };
    expect(runIn(await (await server.backend()).open(source, undefined, signal))).toBe('a');
    expect(looks).toBe(3);
  });

  test('takes over a run that its process left without a place', async () => {
    server.script = ({ path }) => (path === 'runs/search' ? { body: { runs: [runOf('left', tags('me', '[]', null))] } } : undefined);
    expect(runIn(await (await server.backend()).open(source, undefined, signal))).toBe('left');
    expect(server.calls('runs/log-batch').at(-1)?.body.tags).toContainEqual({ key: 'mirrorboard.place', value: '1' });
  });

  test('does not wait for the place of a run that is old by the clock of the server', async () => {
    const made = { key: 'mirrorboard.made', value: String(Date.now() - 60_000) };
    const left = runOf('left', [...tags('me', '[]', null), made]);
    server.script = ({ path }) => (path === 'runs/search' ? { body: { runs: [left] } } : undefined);
    expect(runIn(await (await server.backend()).open(source, undefined, signal))).toBe('left');
    expect(server.calls('runs/search')).toHaveLength(1);
  });

  test('records when it created each run', async () => {
    await (await server.backend()).open(source, undefined, signal);
    const tag = server.calls('runs/create')[0]?.body.tags.find(({ key }: Tag) => key === 'mirrorboard.made');
    expect(Math.abs(Number(tag?.value) - Date.now())).toBeLessThan(60_000);
  });

  test('creates no second run if the answer to the first request was lost', async () => {
    const made = keepsRuns(['r1', 'r2']);
    server.script = ((usual) => (seen) => {
      const answer = usual(seen);
      return seen.path === 'runs/create' && made.size === 1 ? { isReset: true } : answer;
    })(server.script);
    const backend = await server.backend();
    await expect(backend.open(source, undefined, signal)).rejects.toMatchObject({ retry: 'later' });
    expect(runIn(await backend.open(source, undefined, signal))).toBe('r1');
    expect([...made.keys()]).toEqual(['r1']);
  });

  test('removes its own run if another process created one first', async () => {
    const made = keepsRuns(['r1']);
    server.script = ((usual) => (seen) => {
      const answer = usual(seen);
      // Theirs comes into being with ours.
      if (seen.path === 'runs/create') made.set('theirs', { tags: tags('me'), isDeleted: false });
      return answer;
    })(server.script);
    expect(runIn(await (await server.backend()).open(source, undefined, signal))).toBe('theirs');
    expect(server.calls('runs/delete')[0]?.body).toEqual({ run_id: 'r1' });
  });

  test.each([
    [{ status: 403, body: 'Invalid Host header - possible DNS rebinding attack detected' }, 'MB4002', '--allowed-hosts'],
    [{ status: 401, body: '<html>no</html>' }, 'MB4002', 'MLFLOW_TRACKING_USERNAME'],
    [{ status: 400, body: '<html>No required SSL certificate was sent</html>' }, 'MB4002', 'client_cert_path'],
    [{ status: 404, body: '<html>nginx</html>' }, 'MB4003', 'tracking_uri'],
    [{ status: 200, body: '<html>log in</html>' }, 'MB4002', 'token_file'],
    [{ status: 200, body: '<html>welcome</html>' }, 'MB4003', 'tracking_uri'],
  ])('names the obstacle: %j', async (answer, code, hint) => {
    server.script = ({ path }) => (path.startsWith('experiments/') ? answer : undefined);
    const backend = await server.backend();
    for (const attempt of [() => backend.open(source, undefined, signal), () => backend.probe(signal)]) {
      await expect(attempt()).rejects.toMatchObject({ code, hint: expect.stringContaining(hint) });
    }
  });

  test('checks a server without writing to it', async () => {
    server.script = ({ path }) => {
      if (path === '/version') return { body: '3.17.2', headers: { date: new Date(Date.now() + 600_000).toUTCString() } };
      if (path === '/api/3.0/mlflow/server-info') return { body: { store_type: 'FileStore' } };
      if (path === '/api/2.0/mlflow-artifacts/artifacts') return { status: 503, body: { detail: 'Artifact serving is disabled' } };
      return undefined;
    };
    const backend = await server.backend();
    expect(backend.describe().holds['images']).toBe('native');
    const probe = await backend.probe(signal);
    expect(backend.describe().holds['images']).toBe('none');
    expect(probe).toMatchObject({ address: server.url, version: '3.17.2' });
    expect(probe.clockSkewMs).toBeGreaterThan(590_000);
    expect(probe.notes.join(' ')).toMatch(/FileStore.*does not serve artifacts.*ahead/);
    expect(server.seen.filter(({ method, path }) => method !== 'GET' && path !== 'experiments/search')).toEqual([]);
  });
});
