import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import type { Backend, Handle, Outcome, ReadBackPoint } from '../../../../src/contract/index.ts';
import { connectMlflow, mlflowType, runIdOf } from '../../../contract/mlflow-harness.ts';
import { MlflowStub, type StubOptions } from '../../../support/mlflow-stub/index.ts';
import { parcelOf, type Row, signal, source } from './server.ts';

const type = (await mlflowType())!;
let stub: MlflowStub;
const backends: Backend[] = [];

afterEach(async () => {
  for (const backend of backends.splice(0)) await backend.close();
  await stub.close();
});

async function start(options: StubOptions): Promise<void> {
  stub = await MlflowStub.start(options);
}

/** A process of its own: it knows nothing of those before it. */
async function opened(section: Readonly<Record<string, unknown>> = {}): Promise<{ backend: Backend; handle: Handle }> {
  const backend = await connectMlflow(type, { tracking_uri: stub.url, ...section });
  backends.push(backend);
  return { backend, handle: await backend.open(source, undefined, signal) };
}

const send = (backend: Backend, handle: Handle, rows: readonly Row[], start = 0): Promise<readonly Outcome[]> =>
  backend.send([parcelOf(handle, rows, start)], signal);
const all = (count: number): object[] => [{ kind: 'accepted', points: count, refusals: [] }];

async function heldBy(backend: Backend, handle: Handle): Promise<string[]> {
  const found: string[] = [];
  for await (const { tag, points } of backend.readBack(handle)) {
    for (const { step, value } of points as readonly ReadBackPoint[]) found.push(`${tag} ${step} ${value}`);
  }
  return found.sort();
}

const plain = (rows: readonly Row[]): string[] => rows.map(([tag, step, , value]) => `${tag} ${step} ${value}`).sort();

/** More entries than old versions sort out at a time, of many names, some of them without a number. */
const ROWS: readonly Row[] = [
  ...Array.from({ length: 450 }, (_, i): Row => [`m/${i % 150}`, i, 1.7e9 + i, i / 7]),
  ...Array.from({ length: 30 }, (_, i): Row => ['odd', i, 1.7e9 + i, Number.NaN]),
  ...Array.from({ length: 30 }, (_, i): Row => ['odd', 100 + i, 1.7e9 + i, i]),
];

test.each(['hundred', 'nan', 'exact'] as const)(
  'a batch that is stored already is accepted completely if the server detects replays by "%s"',
  async (replays) => {
    await start({ replays });
    const { backend, handle } = await opened();
    expect(await send(backend, handle, ROWS)).toMatchObject(all(ROWS.length));
    // The state was lost: all of it comes again, with some that is new.
    const again = await opened();
    const more: Row[] = [...ROWS, ['odd', 500, 1.7e9, Number.NaN], ['m/1', 501, 1.7e9, 2]];
    expect(await send(again.backend, again.handle, more)).toMatchObject(all(more.length));
    expect(await heldBy(again.backend, again.handle)).toEqual(plain(more));
    expect(stub.violations).toEqual([]);
  },
);

test('mirrorboard recovers from a lost answer with a limited number of requests', async () => {
  await start({ replays: 'hundred' });
  const { backend, handle } = await opened();
  const count = (): number => stub.count('runs/log-batch') + stub.count('metrics/get-history');
  const before = count();
  stub.fail({ kind: 'close', stored: true }, { on: ['runs/log-batch'] });
  expect(await send(backend, handle, ROWS)).toMatchObject(all(ROWS.length));
  // Whole, whole again, one for each hundred, the points without a number apart, and a look at the history of those.
  expect(count() - before).toBeLessThan(15);
});

test('a server with a file store is recognized by its behaviour, even if it does not report its type', async () => {
  await start({ isOld: true, isFileStore: true, version: '2.22.2' });
  const rows: Row[] = [
    ['loss', 1, 1.7e9, 0.5],
    ['loss/val', 1, 1.7e9, 0.25],
  ];
  const { backend, handle } = await opened();
  expect(await send(backend, handle, rows)).toMatchObject(all(2));
  const again = await opened();
  expect(await send(again.backend, again.handle, rows)).toMatchObject(all(2));
  expect(await heldBy(again.backend, again.handle)).toEqual(plain(rows));
  expect(backend.describe().replacesByKey).toBe(false);
  expect((await again.backend.probe(signal)).notes.join(' ')).toContain('FileStore');
});

test('names that a database treats as equal are kept apart, also in later processes', async () => {
  await start({ foldsNames: true });
  const names = ['loss', 'Loss', 'LOSS', 'acc', 'acc ', 'precision', 'précision'];
  const rows = names.map((name, i): Row => [name, 1, 1.7e9, i]);
  const { backend, handle } = await opened();
  expect(await send(backend, handle, rows)).toMatchObject(all(rows.length));
  const again = await opened();
  // Another order: what is there decides, not who comes first.
  expect(await send(again.backend, again.handle, rows.toReversed())).toMatchObject(all(rows.length));
  expect(await heldBy(again.backend, again.handle)).toEqual(plain(rows));
  const params = [
    { name: 'lr', value: 0.1 },
    { name: 'LR', value: 0.2 },
  ];
  expect(await again.backend.setParams?.(handle, params, signal)).toEqual([{ kind: 'set' }, { kind: 'set' }]);
  expect(await again.backend.compareArtifacts?.(handle, { files: [], params }, signal)).toEqual([]);
  expect([...stub.store.run(runIdOf(handle)).params.keys()]).toEqual(['lr', 'LR.x.']);
});

/** As Unicode's table has it, which is what newer collations go by. */
const UNICODE = { ø: 'o', ł: 'l', đ: 'd', æ: 'ae', þ: 'th', ァ: 'あ', '٣': '3' };
const LETTERS = [
  'gron',
  'grøn',
  'groen',
  'GRØN',
  'praecision',
  'præcision',
  'løss',
  'łoss',
  'loss',
  'あ',
  'ァ',
  '精度',
  '3',
  '٣',
  '𝛼',
  '𠀀',
];
const equalRows = (names: readonly string[]): Row[] =>
  names.flatMap((name) => [1, 2, 3].map((step): Row => [name, step, 1.7e9 + step, step === 2 ? Number.NaN : step]));

test('the trial finds letters that a database treats as equal, and escapes them', async () => {
  await start({ foldsNames: true, foldsAs: UNICODE });
  const rows = equalRows(LETTERS);
  const { backend, handle } = await opened();
  const before = stub.count('runs/log-batch');
  expect(await send(backend, handle, rows)).toMatchObject(all(rows.length));
  // The names, and the points: nothing had to be searched for.
  expect(stub.count('runs/log-batch') - before).toBe(2);
  const again = await opened();
  expect(await send(again.backend, again.handle, rows.toReversed())).toMatchObject(all(rows.length));
  expect(await heldBy(again.backend, again.handle)).toEqual(plain(rows));
  expect(stub.points(stub.run('train/a')).every(({ key }) => /^[\x20-\x7e]+$/.test(key))).toBe(true);
  const params = ['gron', 'grøn', 'GRØN', 'æ', 'ae'].map((name, value) => ({ name, value }));
  expect(await again.backend.setParams?.(handle, params, signal)).toEqual(params.map(() => ({ kind: 'set' })));
  expect(await again.backend.compareArtifacts?.(handle, { files: [], params }, signal)).toEqual([]);
  expect((await backend.probe(signal)).notes.join(' ')).toContain('treats letters as equal');
});

test.each(['exact', 'nan', 'hundred'] as const)(
  'names that only the database treats as equal get others when they clash, if the server detects replays by "%s"',
  async (replays) => {
    // As MySQL's collation for Latin: nothing that the trial writes shows it.
    await start({ foldsNames: true, foldsAs: { j: 'i', v: 'u' }, replays });
    const names = ['pii', 'pij', 'pjj', 'PJI', 'uv', 'loss', 'vu', 'uu.x.', 'i@', 'j@', ...Array.from({ length: 120 }, (_, i) => `m/${i}`)];
    const rows = equalRows([...names, `${'a'.repeat(300)}i`, `${'a'.repeat(300)}j`]);
    const { backend, handle } = await opened();
    const count = (): number => stub.count('runs/log-batch') + stub.count('metrics/get-history') + stub.count('runs/get');
    const before = count();
    expect(await send(backend, handle, rows)).toMatchObject(all(rows.length));
    expect(count() - before).toBeLessThan(120);
    expect(await heldBy(backend, handle)).toEqual(plain(rows));
    // What was learned holds for what comes then, and for another process.
    const more = rows.map(([tag, step, time, value]): Row => [tag, Number(step) + 10, time, value]);
    const then = count();
    expect(await send(backend, handle, more)).toMatchObject(all(more.length));
    expect(count() - then).toBeLessThan(3);
    const again = await opened();
    expect(await send(again.backend, again.handle, [...more, ...rows].toReversed())).toMatchObject(all(2 * rows.length));
    expect(await heldBy(again.backend, again.handle)).toEqual(plain([...rows, ...more]));
    expect(stub.violations).toEqual([]);
  },
);

test('a point that a database wrongly refuses as a duplicate is rejected by name', async () => {
  await start({});
  const { backend, handle } = await opened();
  stub.refuse('odd', 'clash');
  const rows = equalRows(['loss', 'odd']);
  const [outcome] = await send(backend, handle, rows);
  expect(outcome).toMatchObject({ kind: 'accepted', points: 3 });
  const refusals = outcome?.kind === 'accepted' ? outcome.refusals : [];
  expect(refusals.map(({ reason }) => reason)).toEqual([1, 2, 3].map(() => expect.stringContaining("Duplicate entry 'odd")));
});

test('a run keeps the names that it got before a trial of the database', async () => {
  await start({ foldsNames: true, foldsAs: UNICODE });
  const { handle } = await opened();
  stub.store.logMetric(stub.store.run(runIdOf(handle)), { key: 'grøn', value: 1, timestamp: 1n, step: 1n });
  const again = await opened();
  const rows: Row[] = [
    ['gron', 2, 1, 2],
    ['grøn', 2, 1, 2],
  ];
  expect(await send(again.backend, again.handle, rows)).toMatchObject(all(2));
  expect(await heldBy(again.backend, again.handle)).toEqual(['gron 2 2', 'grøn 1 1', 'grøn 2 2']);
  expect(new Set(stub.points(stub.run('train/a')).map(({ key }) => key))).toEqual(new Set(['grøn', 'gron.x.']));
});

test('the results of an older trial are completed with the missing ones', async () => {
  await start({ foldsNames: true, foldsAs: UNICODE });
  const said = { form: 1, version: '3.17.2', files: false, folds: true, ascii: false, tag: 8000, param: 6000 };
  stub.store.experiments.get('0')?.tags.set('mirrorboard.server', JSON.stringify(said));
  await opened({ experiment_name: 'Default' });
  expect(JSON.parse(stub.store.experiments.get('0')?.tags.get('mirrorboard.server') ?? '')).toMatchObject({ ...said, letters: true });
});

test('a database in utf8mb3 gets names and texts that it can store', async () => {
  await start({ isNarrow: true });
  const odd = { ...source, name: '🚀', tags: { '😀': '😀' }, fingerprint: [{ file: '🚀/訓練', checksum: 7 }] };
  const backend = await connectMlflow(type, { tracking_uri: stub.url });
  backends.push(backend);
  const handle = await backend.open(odd, undefined, signal);
  const long = Array.from({ length: 30 }, (_, i) => `${i}${'a@'.repeat(200)}`);
  const rows = equalRows(['loss 🚀', '𝛼', '𠀀/x', '精度', '😀'.repeat(130), '.𝛼', ...long]);
  expect(await send(backend, handle, rows)).toMatchObject(all(rows.length));
  expect(await heldBy(backend, handle)).toEqual(plain(rows));
  expect(stub.points(stub.run('\\ud83d\\ude80')).some(({ key }) => key === '精度')).toBe(true);
  const params = [{ name: '😀', value: '😀' }];
  expect(await backend.setParams?.(handle, params, signal)).toEqual([{ kind: 'set' }]);
  expect(await backend.compareArtifacts?.(handle, { files: [], params }, signal)).toEqual([]);
  expect(runIdOf(await (await opened()).backend.open({ ...odd, instanceId: 'other' }, undefined, signal))).toBe(runIdOf(handle));
  expect((await backend.probe(signal)).notes.join(' ')).toContain('utf8mb3');
});

test('tags whose names a database treats as equal are kept apart, or cost nothing else', async () => {
  await start({ foldsNames: true });
  const backend = await connectMlflow(type, { tracking_uri: stub.url });
  backends.push(backend);
  const handle = await backend.open({ ...source, tags: { Team: 'a', team: 'b', 'Mirrorboard.run_key': 'c' } }, undefined, signal);
  const { tags } = stub.store.run(runIdOf(handle));
  expect([tags.get('Team'), tags.get('team.x.'), tags.get('mirrorboard.run_key')]).toEqual(['a', 'b', source.key]);
  const rows: Row[] = [['acc@5', 1, 1, 1]];
  expect(await send(backend, handle, rows)).toMatchObject(all(1));
  const before = stub.count('runs/log-batch');
  expect(await backend.setParams?.(handle, [{ name: 'ACC@5', value: 1 }], signal)).toEqual([{ kind: 'set' }]);
  expect(stub.count('runs/log-batch') - before).toBe(1);
  expect(await heldBy(backend, handle)).toEqual(plain(rows));
});

test('a database in latin1 gets names and texts that it can store', async () => {
  await start({ isLatin1: true });
  const odd = { ...source, name: '訓練', tags: { team: '視覚' }, fingerprint: [{ file: 'ä/訓練', checksum: 7 }] };
  const backend = await connectMlflow(type, { tracking_uri: stub.url });
  backends.push(backend);
  const handle = await backend.open(odd, undefined, signal);
  const rows: Row[] = [['精度', 1, 1.7e9, 0.5]];
  expect(await send(backend, handle, rows)).toMatchObject(all(1));
  expect(await backend.setParams?.(handle, [{ name: '率', value: '高い' }], signal)).toEqual([{ kind: 'set' }]);
  expect(await heldBy(backend, handle)).toEqual(plain(rows));
  // Found again by its files.
  expect(runIdOf(await (await opened()).backend.open({ ...odd, instanceId: 'other' }, undefined, signal))).toBe(runIdOf(handle));
});

test('a param that is too long fails alone, and is cut if the server names the limit', async () => {
  await start({ paramLength: 500 });
  const { backend, handle } = await opened();
  const params = [...Array.from({ length: 41 }, (_, i) => ({ name: `p${i}`, value: i })), { name: 'long', value: 'x'.repeat(1500) }];
  expect(await backend.setParams?.(handle, params, signal)).toEqual(params.map(() => ({ kind: 'set' })));
  expect(stub.store.run(runIdOf(handle)).params.size).toBe(42);
  expect(await backend.compareArtifacts?.(handle, { files: [], params }, signal)).toEqual([]);
});

test('a run of very many files is opened if tags are short', async () => {
  await start({ tagLength: 5000 });
  const fingerprint = Array.from({ length: 400 }, (_, i) => ({
    file: `events.out.tfevents.17000000${i}.host`,
    checksum: 4_000_000_000 + i,
  }));
  const backend = await connectMlflow(type, { tracking_uri: stub.url });
  backends.push(backend);
  const handle = await backend.open({ ...source, fingerprint }, undefined, signal);
  expect(stub.store.run(runIdOf(handle)).tags.get('mirrorboard.fingerprint')?.length).toBeLessThanOrEqual(5000);
});

test('mirrorboard tests a server once, with a run that it removes', async () => {
  await start({});
  await opened();
  expect([...stub.store.runs.values()].map(({ name, stage }) => [name, stage])).toEqual([
    ['mirrorboard-trial', 'deleted'],
    ['train/a', 'active'],
  ]);
  await opened();
  await opened({ experiment_name: 'Another' });
  expect([...stub.store.runs.values()].filter(({ name }) => name === 'mirrorboard-trial')).toHaveLength(1);
});

test('a trial resumes after a failure', async () => {
  await start({});
  const backend = await connectMlflow(type, { tracking_uri: stub.url });
  backends.push(backend);
  // Every request but a few is too much for the server. Neither 429 nor 503: what came too fast the client sends again
  // by itself.
  for (let opened = false; !opened; ) {
    stub.heal();
    const before = stub.count('runs/log-batch');
    stub.fail({ kind: 'slow', ms: 0 }, { on: ['runs/log-batch'], times: 2 });
    stub.fail({ kind: 'status', status: 504 }, { on: ['runs/log-batch'], times: Infinity });
    opened = await backend.open(source, undefined, signal).then(
      () => true,
      () => false,
    );
    expect(stub.count('runs/log-batch') - before).toBeLessThanOrEqual(3);
  }
  stub.heal();
  expect([...stub.store.runs.values()].filter(({ name }) => name === 'mirrorboard-trial')).toHaveLength(1);
});

test.each([400, 413, 500])('an answer with %d of a broken server does not count as a result', async (status) => {
  const factsOf = (): unknown => JSON.parse([...stub.store.experiments.values()].at(-1)?.tags.get('mirrorboard.server') ?? 'null');
  await start({ isOld: true, isFileStore: true });
  await opened();
  const sound = factsOf();
  expect(sound).toMatchObject({ files: true, folds: false, letters: false, ascii: false, narrow: false, tag: 8000, param: 6000 });
  for (const [before, times] of Array.from({ length: 13 }, (_, i) => [i, 1 + (i % 3)] as const)) {
    await stub.close();
    await start({ isOld: true, isFileStore: true });
    const backend = await connectMlflow(type, { tracking_uri: stub.url });
    backends.push(backend);
    if (before > 0) stub.fail({ kind: 'slow', ms: 0 }, { on: ['runs/log-batch'], times: before });
    stub.fail({ kind: 'status', status }, { on: ['runs/log-batch'], times });
    const open = (): Promise<boolean> => backend.open(source, undefined, signal).then(() => true);
    while (!(await open().catch((error: unknown) => expect(error).toMatchObject({ retry: 'later' })))) await setImmediate();
    expect([before, factsOf()]).toEqual([before, sound]);
    await backend.close();
  }
});

test('a run of a file store keeps its names with slashes, and accepts others', async () => {
  await start({ isFileStore: true });
  const { handle } = await opened();
  for (const key of ['loss', 'acc/val'])
    stub.store.logMetric(stub.store.run(runIdOf(handle)), { key, value: 1, timestamp: 1_700_000_000_000n, step: 1n });
  const rows = ['loss', 'loss/val', 'acc', 'acc/val', 'acc/test'].map((name): Row => [name, 1, 1.7e9, 1]);
  for (let i = 0; i < 2; i++) {
    const again = await opened();
    expect(await send(again.backend, again.handle, rows)).toMatchObject(all(5));
    expect(await heldBy(again.backend, again.handle)).toEqual(plain(rows));
  }
});

test('an aborted trial leaves no run', async () => {
  await start({});
  const backend = await connectMlflow(type, { tracking_uri: stub.url });
  stub.fail({ kind: 'status', status: 504 }, { on: ['runs/log-batch'] });
  await expect(backend.open(source, undefined, signal)).rejects.toMatchObject({ retry: 'later' });
  await backend.close();
  expect(stub.runs()).toEqual([]);
});

test('a trial that another process left incomplete continues, and its run is removed', async () => {
  await start({});
  const experiment = await fetch(`${stub.url}/api/2.0/mlflow/runs/create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ experiment_id: '0', run_name: 'left', start_time: 1, tags: [{ key: 'mirrorboard.trial', value: 'store' }] }),
  });
  expect(experiment.status).toBe(200);
  await opened({ experiment_name: 'Default' });
  expect(stub.runs().map(({ name }) => name)).toEqual(['train/a']);
});

test('two processes that test a server at the same time both finish', async () => {
  await start({});
  const both = await Promise.all([0, 1].map(() => connectMlflow(type, { tracking_uri: stub.url })));
  for (const backend of both) backends.push(backend);
  const open = async (backend: Backend): Promise<Handle> => {
    for (;;) {
      try {
        return await backend.open(source, undefined, signal);
      } catch (error) {
        expect(error).toMatchObject({ retry: 'later' });
      }
    }
  };
  const [first, second] = await Promise.all(both.map(open));
  expect(first).toBe(second);
  expect(stub.runs().map(({ name }) => name)).toEqual(['train/a']);
});

test('doctor reports before the first write that files bypass the server, with a remedy', async () => {
  await start({ artifactsAt: 's3://bucket' });
  const backend = await connectMlflow(type, { tracking_uri: stub.url, experiment_name: 'New' });
  backends.push(backend);
  expect((await backend.probe(signal)).notes.join(' ')).toMatch(/at s3:.*mirrors only scalars.*--artifacts-destination/);
});

test('everything goes into the named workspace, which is part of the target', async () => {
  await start({ workspaces: ['default', 'team-a'] });
  const { backend, handle } = await opened({ workspace: 'team-a' });
  expect(await send(backend, handle, [['loss', 1, 1.7e9, Infinity]])).toMatchObject(all(1));
  expect([...stub.asked]).toEqual(['team-a']);
  expect(backend.link?.(handle)).toContain('&workspace=team-a');
  const targetOf = (section: object): string => {
    const parsed = type.parse({ tracking_uri: 'http://h', experiment_name: 'e', ...section }, {});
    return parsed.kind === 'settings' ? type.target(parsed.settings) : '';
  };
  expect([targetOf({}), targetOf({ workspace: 'team-a' })]).toEqual(['http://h e', 'http://h workspace team-a e']);
});

test.each([
  [{ workspaces: ['default'] }, 'team-a', /no workspace team-a/, 'or make it'],
  [{}, 'team-a', /does not support workspaces/, '--enable-workspaces'],
  [{}, 'default', /does not support workspaces/, 'leave workspace (MLFLOW_WORKSPACE) out'],
  [{ isOld: true }, 'team-a', /does not support workspaces/, '--enable-workspaces'],
])('a missing workspace stops the lane before the first write: %j %s', async (options, name, message, remedy) => {
  await start(options);
  const backend = await connectMlflow(type, { tracking_uri: stub.url }, { MLFLOW_WORKSPACE: name });
  backends.push(backend);
  const hint = expect.stringContaining(remedy);
  await expect(backend.probe(signal)).rejects.toMatchObject({ code: 'MB4004', message: expect.stringMatching(message), hint });
  await expect(backend.open(source, undefined, signal)).rejects.toMatchObject({ retry: 'never' });
  expect(stub.store.runs.size).toBe(0);
});
