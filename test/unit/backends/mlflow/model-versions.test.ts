import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mlflow } from '../../../../src/backends/mlflow/index.ts';
import type { Backend, Handle } from '../../../../src/contract/index.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { connectMlflow } from '../../../contract/mlflow-harness.ts';
import { MlflowStub } from '../../../support/mlflow-stub/index.ts';

const signal = new AbortController().signal;
const T = 1_700_000_000;
let stub: MlflowStub;
let backend: Backend;
let runs: GrowingRun[];
let handles: Handle[];

beforeEach(async () => {
  stub = await MlflowStub.start();
  backend = await connectMlflow(mlflow, { tracking_uri: stub.url, experiment_name: 'models' });
  runs = ['a', 'b'].map((path) => new GrowingRun(path));
  handles = [];
  for (const run of runs) handles.push(await backend.open(run.source(), undefined, signal));
});
afterEach(async () => {
  await backend.close();
  await stub.close();
  for (const run of runs) run.remove();
});

async function register(run: number, name: string, second?: number, alias: string | undefined = 'newest'): Promise<void> {
  const written = second === undefined ? {} : { writtenAtMs: (T + second) * 1000 };
  const version = {
    model: 'Net',
    file: { path: `${name}.pth`, hash: name },
    tags: {},
    ...(alias === undefined ? {} : { alias }),
    ...written,
  };
  expect(await backend.registerModel?.(handles[run] as Handle, version, signal)).toEqual({ kind: 'stored' });
}

/** The file that the alias stands at. */
async function newest(): Promise<string | undefined> {
  const answer = await fetch(`${stub.url}/api/2.0/mlflow/registered-models/alias?name=Net&alias=newest`);
  const { model_version: version } = (await answer.json()) as { readonly model_version: { readonly source: string } };
  return version.source.split('/').at(-1);
}

describe('an alias of a model', () => {
  it('is at the version that was written last, in any order of registration', async () => {
    await register(0, 'a1', 3);
    await register(0, 'a2', 9);
    await register(1, 'b1', 1);
    await register(1, 'b2', 8);
    expect(await newest()).toBe('a2.pth');
    // Once more, as after a lost state.
    for (const [run, name, at] of [
      [1, 'b1', 1],
      [1, 'b2', 8],
      [0, 'a1', 3],
      [0, 'a2', 9],
      [1, 'b2', 8],
    ] as const)
      await register(run, name, at);
    expect(await newest()).toBe('a2.pth');
    expect(stub.count('model-versions/create')).toBe(4);
  });

  it('moves to a content that was written again', async () => {
    await register(0, 'a', 3);
    await register(1, 'b', 9);
    await register(0, 'a', 20);
    expect(await newest()).toBe('a.pth');
    await register(1, 'b', 9);
    expect(await newest()).toBe('a.pth');
  });

  it('moves away from a version without a time', async () => {
    await register(0, 'early');
    await register(1, 'b', -1000);
    expect(await newest()).toBe('b.pth');
    await register(0, 'early', -2000);
    expect(await newest()).toBe('b.pth');
  });
});
