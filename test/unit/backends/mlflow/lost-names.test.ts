import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { connectMlflow, mlflowType } from '../../../contract/mlflow-harness.ts';
import { MlflowStub } from '../../../support/mlflow-stub/index.ts';
import { parcelOf, signal, source } from './server.ts';

const type = (await mlflowType())!;
let stub: MlflowStub;
beforeEach(async () => {
  stub = await MlflowStub.start();
});
afterEach(() => stub.close());

test.each([
  ['that is longer than a tag of a run may be', 'x'.repeat(9000)],
  ['with NUL, that is longer than a key may be', 'nul\0byte'.repeat(40)],
  ['with half a character, that is longer than a key may be', `${'y'.repeat(300)}\ud800`],
  ['that stands for other names', 'in mirrorboard/points-….jsonl only'],
  ['that looks like one that was cut', `${'x'.repeat(200)}.h0123456789abcdef`],
])('a series with a name %s is read back under it, and under no other', async (_, tag) => {
  const backend = await connectMlflow(type, { tracking_uri: stub.url });
  const handle = await backend.open(source, undefined, signal);
  const outcomes = await backend.send(
    [
      parcelOf(handle, [
        [tag, 1, 1000.5, 0.5],
        [tag, 2, 1001, -0],
        ['loss', 1, 1000, 1],
      ]),
    ],
    signal,
  );
  expect(outcomes).toMatchObject([{ kind: 'accepted', points: 3 }]);
  const found: [string, unknown][] = [];
  for await (const { tag: name, points } of backend.readBack(handle))
    for (const { step, value } of points) found.push([name, [step, value]]);
  const wanted = [
    [tag, [1, 0.5]],
    [tag, [2, -0]],
    ['loss', [1, 1]],
  ];
  expect(found.sort((a, b) => (String(a) < String(b) ? -1 : 1))).toEqual(wanted.sort((a, b) => (String(a) < String(b) ? -1 : 1)));
  await backend.close();
  expect(stub.violations).toEqual([]);
});

test('without files, a series whose name no metric can have is unsupported', async () => {
  const backend = await connectMlflow(type, { tracking_uri: stub.url, artifacts: false });
  const handle = await backend.open(source, undefined, signal);
  const tag = 'x'.repeat(9000);
  const [outcome] = await backend.send(
    [
      parcelOf(handle, [
        [tag, 1, 1, 1],
        ['loss', 1, 1, 1],
      ]),
    ],
    signal,
  );
  expect(outcome).toMatchObject({ kind: 'accepted', points: 1, refusals: [{ offset: 0, kind: 'unsupported' }] });
  expect(backend.asHeld?.(tag, 'scalars', { step: 1, wallTime: 1, value: 1 })).toBeUndefined();
  expect(stub.points(stub.run('train/a')).map(({ key }) => key)).toEqual(['loss']);
  await backend.close();
});
