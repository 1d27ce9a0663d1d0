import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Backend, Handle } from '../../../../src/contract/index.ts';
import { connectMlflow, mlflowType } from '../../../contract/mlflow-harness.ts';
import * as w from '../../../support/event-writer.ts';
import { MlflowStub } from '../../../support/mlflow-stub/index.ts';
import { parcelOf, signal, source } from './server.ts';

const type = (await mlflowType())!;
let stub: MlflowStub;
let backend: Backend;
let handle: Handle;
beforeEach(async () => {
  stub = await MlflowStub.start();
  await connect();
});
afterEach(async () => {
  await backend.close();
  await stub.close();
});

async function connect(section: object = {}): Promise<void> {
  backend = await connectMlflow(type, { tracking_uri: stub.url, ...section });
  handle = await backend.open(source, undefined, signal);
}

const textEvent = (tag: string, step: number | bigint, text: string, offset: number) => ({
  tag,
  plugin: 'text',
  step,
  wallTime: 1000 + offset,
  offset,
  checksum: offset,
  index: 0,
  form: 'tensor' as const,
  payload: w.tensor({ dtype: 'string', values: [text] }),
});
const send = (...points: readonly ReturnType<typeof textEvent>[]) => backend.send([parcelOf(handle, [], 0, points)], signal);
const end = () => backend.finish(handle, { status: 'finished', endedAt: 2000 }, signal);
const tables = (): Record<string, unknown> =>
  Object.fromEntries(
    [...stub.artifactsOf(stub.run('train/a'))]
      .filter(([path]) => path.endsWith('.json'))
      .map(([path, data]) => [path, JSON.parse(String(data))]),
  );
const listed = (): unknown => JSON.parse(stub.run('train/a').tags.get('mlflow.loggedArtifacts') ?? 'null');

describe('tables of texts', () => {
  test('are created when a run ends, by step, and again when it ends again', async () => {
    await send(textEvent('notes/a', 2, 'two', 1), textEvent('notes/a', 1, 'one', 2), textEvent('b', 2n ** 60n, 'wide', 3));
    expect(tables()).toEqual({});
    await end();
    const columns = ['step', 'wall_time', 'text'];
    const b = { columns, data: [[String(2n ** 60n), 1003, 'wide']] };
    expect(tables()).toEqual({
      'text/notes~a.json': {
        columns,
        data: [
          [1, 1002, 'one'],
          [2, 1001, 'two'],
        ],
      }, // prettier
      'text/b.json': b,
    });
    const both = [
      { path: 'text/notes~a.json', type: 'table' },
      { path: 'text/b.json', type: 'table' },
    ];
    expect(listed()).toEqual(expect.arrayContaining(both));

    await backend.finish(handle, undefined, signal);
    await send(textEvent('notes/a', 3, 'three', 4));
    // By another process, which did not send the texts.
    await backend.close();
    await connect();
    await end();
    expect(tables()['text/notes~a.json']).toMatchObject({
      data: [
        [1, 1002, 'one'],
        [2, 1001, 'two'],
        [3, 1004, 'three'],
      ],
    });
    expect(listed()).toHaveLength(2);
    expect(stub.violations).toEqual([]);
  });

  test('are added to the lists of other programs, and yield to a tag of the same name', async () => {
    stub.run('train/a').tags.set('mlflow.loggedArtifacts', JSON.stringify([{ path: 'theirs.json', type: 'table' }]));
    await send(textEvent('a', 1, 'x', 1), textEvent('a.json', 1, 'y', 2));
    await end();
    expect(Object.keys(tables()).sort()).toEqual(['text/a.json.json', 'text/a/table.json']);
    expect(listed()).toEqual([{ path: 'theirs.json', type: 'table' }, expect.anything(), expect.anything()]);
  });

  test('are not requested if a run holds no text', async () => {
    await backend.send([parcelOf(handle, [['loss', 1, 1, 1]])], signal);
    const before = new Map(stub.counts);
    await end();
    expect([...stub.counts].filter(([name, count]) => before.get(name) !== count)).toEqual([['runs/update', 1]]);
  });

  test('wait for a server that is down, as the end itself does', async () => {
    await send(textEvent('a', 1, 'x', 1));
    stub.fail({ kind: 'status', status: 503 }, { on: ['artifacts/put'] });
    await expect(end()).rejects.toMatchObject({ retry: 'later' });
    expect(stub.run('train/a').status).toBe('RUNNING');
    await end();
    expect([stub.run('train/a').status, Object.keys(tables())]).toEqual(['FINISHED', ['text/a.json']]);
  });
});
