import { afterEach, describe, expect, test } from '@jest/globals';
import { Gathered, GatherRoom } from '../../../../src/backends/mlflow/gathered.ts';
import type { Backend, Handle } from '../../../../src/contract/index.ts';
import { tensor } from '../../../../src/testing/events/tensors.ts';
import { connectMlflow, mlflowType, runIdOf } from '../../../contract/mlflow-harness.ts';
import { MlflowStub } from '../../../support/mlflow-stub/index.ts';
import { parcelOf, signal, source } from './server.ts';

const type = (await mlflowType())!;

const piece = (offset: number, length = 10) => ({ offset, index: 0, text: `${offset} `.padEnd(length, 'x') });

describe('small files that follow each other', () => {
  const store = (gathered: Gathered<ReturnType<typeof piece>>, files: Map<string, number>, fresh: ReturnType<typeof piece>[]): void => {
    const joined = gathered.join('f', fresh);
    if (joined === undefined) return;
    const path = `${joined.pieces[0]?.offset}-${joined.pieces.length}`;
    files.set(path, joined.pieces.length);
    gathered.stored('f', path, joined);
    for (const old of gathered.takeObsolete()) files.delete(old);
  };

  test('are joined into a few, and no line is written more than a few times', () => {
    const gathered = new Gathered<ReturnType<typeof piece>>(new GatherRoom(), 1 << 20);
    const files = new Map<string, number>();
    let written = 0;
    for (let i = 0; i < 2000; i++) {
      const before = new Map(files);
      store(gathered, files, [piece(i, 500)]);
      for (const [path, lines] of files) if (!before.has(path)) written += lines;
    }
    expect([...files.values()].reduce((sum, lines) => sum + lines, 0)).toBe(2000);
    expect(files.size).toBeLessThan(20);
    expect(written / 2000).toBeLessThan(25);
  });

  test('are not written again if they are complete, and start again if the file did', () => {
    const gathered = new Gathered<ReturnType<typeof piece>>(new GatherRoom(), 1 << 20);
    const files = new Map<string, number>();
    store(gathered, files, [piece(1), piece(2)]);
    store(gathered, files, [piece(3)]);
    expect(gathered.join('f', [piece(2), piece(3)])).toBeUndefined();
    expect(gathered.join('f', [piece(1, 20)])).toEqual({ pieces: [piece(1, 20)], absorbed: [] });
  });

  test('take no more memory than allowed', () => {
    const room = new GatherRoom();
    room.left = 1000;
    const gathered = new Gathered<ReturnType<typeof piece>>(room, 1 << 20);
    const files = new Map<string, number>();
    for (let i = 0; i < 100; i++) store(gathered, files, [piece(i, 100)]);
    expect(room.left).toBeGreaterThanOrEqual(0);
    gathered.forgetAll();
    expect(room.left).toBe(1000);
  });
});

describe('texts and histograms of a live run', () => {
  let stub: MlflowStub;
  let backend: Backend;
  afterEach(async () => {
    await backend.close();
    await stub.close();
  });

  const aText = (i: number) =>
    ({
      tag: 'note',
      plugin: 'text',
      step: i,
      wallTime: i,
      offset: i * 100,
      checksum: i,
      index: 0,
      form: 'tensor',
      payload: tensor({ dtype: 'string', values: [`text ${i}`] }),
    }) as const;
  const send = async (handle: Handle, i: number): Promise<void> => {
    expect(await backend.send([parcelOf(handle, [], i * 100, [aText(i)])], signal)).toMatchObject([{ kind: 'accepted', points: 1 }]);
  };
  const texts = async (handle: Handle): Promise<number[]> => {
    const steps: number[] = [];
    for await (const { points } of backend.readBack(handle)) for (const { step } of points) steps.push(Number(step));
    return steps.sort((a, b) => a - b);
  };
  const start = async (): Promise<Handle> => {
    stub = await MlflowStub.start();
    backend = await connectMlflow(type, { tracking_uri: stub.url });
    return backend.open(source, undefined, signal);
  };
  const all = Array.from({ length: 60 }, (_, i) => i + 1);

  test('are in a few files, each once, with any number of flushes', async () => {
    const handle = await start();
    for (const i of all) await send(handle, i);
    await backend.finish(handle, { status: 'finished', endedAt: 60 }, signal);
    const files = stub.artifactsOf(stub.store.run(runIdOf(handle)));
    expect([...files.keys()].filter((path) => path.endsWith('.md')).length).toBeLessThan(4);
    expect(files.size).toBeLessThan(10);
    expect(await texts(handle)).toEqual(all);
    const shown = [...files].flatMap(([path, data]) => (path.endsWith('.md') ? [data.toString()] : [])).join('\n');
    for (const i of all) expect(shown).toContain(`text ${i}`);
  });

  test('are kept if the server does not allow the removal of files', async () => {
    const handle = await start();
    stub.fail({ kind: 'status', status: 405 }, { on: ['artifacts/delete'], times: Infinity });
    for (const i of all) await send(handle, i);
    expect(stub.count('artifacts/delete')).toBeLessThan(5);
    expect(await texts(handle)).toEqual(all);
  });
});
