import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Artifacts } from '../../../../src/backends/mlflow/artifacts.ts';
import { MlflowClient } from '../../../../src/backends/mlflow/client.ts';
import { readBack } from '../../../../src/backends/mlflow/read-back.ts';
import type { Handle, Outcome } from '../../../../src/contract/index.ts';
import { type Answer, apiError, parcelOf, type Row, runOf, ScriptedServer, type Seen, signal, source } from './server.ts';

interface Tag {
  readonly key: string;
  readonly value: string;
}

let server: ScriptedServer;
beforeEach(async () => {
  server = await new ScriptedServer().start();
});
afterEach(() => server.close());

const tagsOf = ({ path, body }: Seen): readonly Tag[] => (path === 'runs/log-batch' ? (body.tags ?? []) : []);
const tooLarge: Answer = { status: 413, body: '<html><title>413 Request Entity Too Large</title></html>' };

/** Answers requests for tags so; what is answered with nothing is stored. */
function answering(answer: (tags: readonly Tag[], seen: Seen) => Answer | undefined): Map<string, string> {
  const stored = new Map<string, string>();
  server.script = (seen) => {
    const tags = tagsOf(seen);
    const said = tags.length === 0 ? undefined : answer(tags, seen);
    if (said === undefined) for (const { key, value } of tags) stored.set(key, value);
    return said;
  };
  return stored;
}

/** Names that are too long for a key, so that a tag has to tell them. */
const LONG = Array.from({ length: 60 }, (_, i) => `${i}/${'a@'.repeat(200)}`);

async function sent(names: readonly string[]): Promise<Outcome | undefined> {
  const backend = await server.backend();
  const handle = await backend.open(source, undefined, signal);
  return (
    await backend.send(
      [
        parcelOf(
          handle,
          names.map((name): Row => [name, 1, 1, 1]),
        ),
      ],
      signal,
    )
  )[0];
}

test.each([
  ['is refused', apiError(400, 'BAD_REQUEST', 'Incorrect string value'), 0],
  ['is refused and named', apiError(400, 'INVALID_PARAMETER_VALUE', "Invalid value for parameter 'tags[3].value' supplied"), 3],
  ['clashes with another one', apiError(500, 'INTERNAL_ERROR', "Failed to set tags with given within 3 retries. Keys: ['x']"), 7],
])('a tag that %s costs only itself', async (_, failure, place) => {
  const names = LONG.toSpliced(place, 0, 'odd@');
  const stored = answering((tags) => (tags.some(({ value }) => value === 'odd@') ? failure : undefined));
  expect(await sent(names)).toMatchObject({ kind: 'accepted', points: 61, refusals: [] });
  expect(LONG.filter((name) => ![...stored.values()].includes(name))).toEqual([]);
  expect(server.warnings).toEqual(['a tag of an MLflow run was refused']);
});

test('requests for tags that are too large for a proxy are halved', async () => {
  const stored = answering((_, { text }) => (text.length > 2000 ? tooLarge : undefined));
  expect(await sent(LONG)).toMatchObject({ kind: 'accepted', points: 60, refusals: [] });
  expect(LONG.filter((name) => ![...stored.values()].includes(name))).toEqual([]);
  expect(server.warnings).toEqual([]);
});

test('points whose name no tag records are rejected by name, and sent again with the next ones', async () => {
  let isLow = true;
  const stored = answering((_, { text }) => (isLow && text.length > 500 ? tooLarge : undefined));
  const backend = await server.backend();
  const handle = await backend.open(source, undefined, signal);
  const [long = ''] = LONG;
  const only = async (start: number): Promise<Outcome | undefined> => {
    const rows: Row[] = [
      [long, start, 1, 1],
      [long, start + 1, 1, Infinity],
      ['loss', start, 1, 1],
    ];
    return (await backend.send([parcelOf(handle, rows, start)], signal))[0];
  };
  // The exact points next to the metric are stored all the same.
  expect(await only(0)).toMatchObject({
    kind: 'accepted',
    points: 2,
    refusals: [
      { offset: 0, index: 0, kind: 'refused', reason: expect.stringMatching(/^the tag mirrorboard\.key\.\S+, which records.*413/) },
    ],
  });
  const keys = server.calls('runs/log-batch').flatMap(({ body }) => (body.metrics ?? []).map(({ key }: { key: string }) => key));
  expect(keys).toEqual(['loss']);
  isLow = false;
  expect(await only(100)).toMatchObject({ kind: 'accepted', points: 3, refusals: [] });
  expect([...stored.values()]).toContain(long);
});

test('tags do not count as refused while the server accepts no other one', async () => {
  let isOut = true;
  const stored = answering(() => (isOut ? apiError(400, 'BAD_REQUEST', 'permission denied for table tags') : undefined));
  const backend = await server.backend();
  // A run that was made in the outage has no place yet.
  await expect(backend.open(source, undefined, signal)).rejects.toMatchObject({ retry: 'later' });
  isOut = false;
  const handle = await backend.open(source, undefined, signal);
  isOut = true;
  const send = async (): Promise<Outcome | undefined> => (await backend.send([parcelOf(handle, [['acc@5', 1, 1, 1]])], signal))[0];
  expect(await send()).toMatchObject({ kind: 'retry', error: { retry: 'later' } });
  isOut = false;
  expect(await send()).toMatchObject({ kind: 'accepted', points: 1 });
  expect(stored.get('mirrorboard.key.acc.x40.5')).toBe('acc@5');
  expect(server.warnings).toEqual([]);
});

test.each([
  ['that is made', undefined],
  ['that is found', runOf('r0', [...foundBy('me')])],
])('a run %s gets all tags but the one that is refused', async (_, found) => {
  const refused = apiError(400, 'INVALID_PARAMETER_VALUE', 'Invalid tag name: "mlflow.a@b"');
  const stored = new Map<string, string>();
  server.script = (seen) => {
    if (seen.path === 'runs/search') return { body: { runs: found === undefined ? [] : [found] } };
    const tags: readonly Tag[] = seen.path === 'runs/create' ? seen.body.tags : tagsOf(seen);
    if (tags.some(({ key }) => key === 'mlflow.a@b')) return refused;
    for (const { key, value } of tags) stored.set(key, value);
    return undefined;
  };
  const backend = await server.backend();
  const tags = { team: 'vision', 'mlflow.a@b': 'x', stage: 'test' };
  const handle: Handle = await backend.open({ ...source, tags }, undefined, signal);
  expect(JSON.parse(handle).run).toBe(found === undefined ? 'r1' : 'r0');
  expect([stored.get('team'), stored.get('stage'), stored.get('mlflow.a@b')]).toEqual(['vision', 'test', undefined]);
  if (found === undefined) expect([stored.get('mirrorboard.run_key'), stored.get('mlflow.source.type')]).toEqual(['abc123', 'LOCAL']);
  expect(server.warnings).toEqual(['a tag of an MLflow run was refused']);
});

test('a run whose identifying tags the server refuses stops, and no other one', async () => {
  server.script = (seen) => {
    if (seen.path === 'runs/search') return { body: { runs: [runOf('r0', foundBy('other'))] } };
    return tagsOf(seen).some(({ key }) => key === 'mirrorboard.instance') ? tooLarge : undefined;
  };
  const backend = await server.backend();
  await expect(backend.open(source, undefined, signal)).rejects.toMatchObject({ code: 'MB4006', retry: 'never' });
});

test('a name that follows from its key is not read from a tag', async () => {
  server.script = ({ path }) => {
    const data = { metrics: [{ key: 'acc.x40.5', value: 1 }] };
    if (path === 'runs/get') return { body: { run: runOf('r1', [{ key: 'mirrorboard.key.acc.x40.5', value: 'ACC@5' }], {}, data) } };
    const other = { key: 'ACC.x40.5', value: 2, timestamp: 2, step: 2 };
    if (path === 'metrics/get-history') return { body: { metrics: [other, { key: 'acc.x40.5', value: 1, timestamp: 1, step: 1 }] } };
    return undefined;
  };
  const client = new MlflowClient(server.url, { auth: undefined, tls: {}, timeoutMs: 60_000 });
  const chunks = [];
  const run = { runId: 'r1', experimentId: '1', root: undefined };
  for await (const chunk of readBack(client, new Artifacts(client), run, { signal })) chunks.push(chunk);
  await client.close();
  expect(chunks).toEqual([{ tag: 'acc@5', plugin: 'scalars', points: [{ step: 1, wallTime: 0.001, value: 1 }] }]);
});

function foundBy(instance: string): readonly Tag[] {
  return [
    { key: 'mirrorboard.run_key', value: 'abc123' },
    { key: 'mirrorboard.instance', value: instance },
    { key: 'mirrorboard.fingerprint', value: '[["f",7]]' },
    { key: 'mirrorboard.place', value: '0' },
  ];
}
