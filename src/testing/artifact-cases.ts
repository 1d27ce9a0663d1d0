import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { ArtifactFile, OwnRun, RunParam } from '../contract/index.ts';
import { contractCase } from './bench.ts';
import type { CaseContext } from './case-context.ts';
import { event, simpleValue } from './events/index.ts';

const signal = new AbortController().signal;

function fileOf(path: string, text: string): ArtifactFile {
  const data = Buffer.from(text);
  return {
    path,
    bytes: data.length,
    hash: createHash('sha256').update(data).digest('hex'),
    async *read(start = 0) {
      yield data.subarray(start);
    },
  };
}

async function allOf<T>(items: AsyncIterable<T> | Iterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Registers the cases about params and artifacts of a tracker run. */
export function artifactCases(context: CaseContext): void {
  contractCase(context, 'compares params and files with what was stored', async (bench) => {
    const run = bench.run();
    const delivery = await bench.mirror(run, run.append([event({ wallTime: 1_700_000_000, step: 1, summary: [simpleValue('loss', 1)] })]));
    const { setParams, putFile } = delivery.backend;
    const handle = delivery.ledger.handle!;
    assert.equal(delivery.backend.compareArtifacts !== undefined, context.harness.comparesArtifacts === true);
    if (delivery.backend.compareArtifacts === undefined) return;
    const params: readonly RunParam[] =
      setParams === undefined
        ? []
        : [
            { name: 'lr', value: 0.25 },
            { name: 'odd name @5/ü', value: 3n },
            { name: 'on', value: true },
            { name: 'nothing', value: null },
            { name: 'long', value: 'x'.repeat(20_000) },
          ];
    const files: ArtifactFile[] = [];
    if (params.length > 0) await delivery.backend.setParams?.(handle, params, signal);
    for (const file of [fileOf('config.yaml', 'a: 1\n'), fileOf('models/epoch 1/a.pt', 'weights'), fileOf('empty', '')]) {
      const outcome = await putFile?.call(delivery.backend, handle, file, signal);
      if (outcome?.kind === 'stored') files.push(file);
    }
    // By another process, so that nothing comes from memory.
    await bench.close(delivery.backend);
    const backend = await bench.connect();
    assert.deepEqual(await backend.compareArtifacts?.(handle, { files, params }, signal), []);

    const others =
      files.length === 0
        ? []
        : [fileOf('config.yaml', 'a: 2\n'), fileOf('models/epoch 1/a.pt', 'more weights'), fileOf('models/b.pt', 'x')];
    const otherParams =
      params.length === 0
        ? []
        : [
            { name: 'lr', value: 0.5 },
            { name: 'not there', value: 1 },
          ]; // prettier-ignore
    const found = await backend.compareArtifacts?.(handle, { files: others, params: otherParams }, signal);
    const seen = found?.map(({ kind, name, found: there }) => [kind, name, there !== undefined]);
    assert.deepEqual(
      new Set(seen),
      new Set([
        ...(otherParams.length === 0
          ? []
          : [
              ['param', 'lr', true],
              ['param', 'not there', false],
            ]), // prettier-ignore
        ...(others.length === 0
          ? []
          : [
              ['file', 'config.yaml', true],
              ['file', 'models/epoch 1/a.pt', true],
              ['file', 'models/b.pt', false],
            ]), // prettier-ignore
      ]),
    );
  });

  contractCase(context, 'hides what it tries a tracker out with', async (bench) => {
    const run = bench.run();
    const delivery = await bench.mirror(run, run.append([event({ wallTime: 1_700_000_000, step: 1, summary: [simpleValue('loss', 1)] })]));
    const { backend } = delivery;
    const handle = delivery.ledger.handle!;
    if (backend.tryOut === undefined) return;
    const own: OwnRun = { handle, files: [], params: [], tags: {} };
    const seen = async () => ({
      points: (await allOf(backend.readBack(handle))).flatMap(({ points }) => points),
      foreign: (await allOf((await backend.foreign?.([own], signal)) ?? [])).filter(({ kind }) => kind !== 'looked'),
    });
    const before = await seen();
    for (const kind of ['points', 'params', 'files', 'points', 'params', 'files'] as const) await backend.tryOut(handle, kind, signal);
    assert.deepEqual(await seen(), before);
    assert.deepEqual(before.foreign, []);
  });
}
