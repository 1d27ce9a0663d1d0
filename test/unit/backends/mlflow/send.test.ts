import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Backend, Handle, Outcome } from '../../../../src/contract/index.ts';
import { tensor } from '../../../../src/testing/events/tensors.ts';
import { apiError, parcelOf, type Row, runOf, ScriptedServer, type Seen, signal, source } from './server.ts';

let server: ScriptedServer;
let backend: Backend;
let handle: Handle;

beforeEach(async () => {
  server = await new ScriptedServer().start();
});
afterEach(() => server.close());

async function open(section: Readonly<Record<string, unknown>> = {}): Promise<void> {
  backend = await server.backend(section);
  handle = await backend.open(source, undefined, signal);
}

const rows = (count: number, tag = 'loss', from = 0): Row[] => Array.from({ length: count }, (_, i) => [tag, from + i, 1.7e9 + i, i / 7]);
const metricsOf = (seen: Seen): { key: string; step: number }[] => seen.body?.metrics ?? [];
const batches = (): readonly Seen[] => server.calls('runs/log-batch').filter((seen) => metricsOf(seen).length > 0);
const only = async (...all: (readonly Row[])[]): Promise<readonly Outcome[]> => {
  let start = 0;
  const parcels = all.map((some) => {
    const parcel = parcelOf(handle, some, start);
    start = parcel.batch.end;
    return parcel;
  });
  return backend.send(parcels, signal);
};
const isBatch = ({ path, body }: Seen): boolean => path === 'runs/log-batch' && body.metrics !== undefined;

const TRIAL_METRIC = 'mirrorboard.derived/trial';
const isTrial = (seen: Seen): boolean => metricsOf(seen).some(({ key }) => key === TRIAL_METRIC);

describe('sending scalars', () => {
  test('joins parcels into requests of a thousand, with their length and without compression', async () => {
    await open();
    expect(await only(rows(1500), rows(700, 'acc'))).toEqual([
      { kind: 'accepted', points: 1500, refusals: [] },
      { kind: 'accepted', points: 700, refusals: [] },
    ]);
    expect(batches().map((seen) => metricsOf(seen).length)).toEqual([1000, 1000, 200]);
    expect(batches()[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(batches()[0]?.headers['content-length']).toBeDefined();
    expect(batches()[0]?.headers['content-encoding']).toBeUndefined();
    expect(batches()[0]?.text.startsWith('{"run_id":"r1","metrics":[{"key":"loss","value":0,"timestamp":1700000000000,"step":0},')).toBe(
      true,
    );
  });

  test('keeps requests below the documented number of bytes', async () => {
    await open();
    await only(Array.from({ length: 1000 }, (_, i): Row => [`${'层'.repeat(240)}${i % 10}`, i, 1, 1]));
    for (const { text } of batches()) expect(Buffer.byteLength(text)).toBeLessThan(900_000);
  });

  test('escapes names, publishes the originals before it uses them, and does so once', async () => {
    await open();
    await only([['acc@5', 1, 1, 1]]);
    await only([['acc@5', 2, 1, 1]]);
    const sent = server.calls('runs/log-batch').map(({ body }) => body.tags ?? body.metrics.map((metric: { key: string }) => metric.key));
    expect(sent.slice(1)).toEqual([[{ key: 'mirrorboard.key.acc.x40.5', value: 'acc@5' }], ['acc.x40.5'], ['acc.x40.5']]);
  });

  test('writes values that a metric cannot hold into a file, always under the same name', async () => {
    await open();
    const odd: Row[] = [
      ['loss', 1, 1.5, Number.POSITIVE_INFINITY],
      ['loss', 2, Number.NaN, 1],
      ['loss', 3, 1.5, 0.5],
    ];
    await only(odd);
    await only(odd);
    expect([...server.files.keys()]).toHaveLength(1);
    const [[path, data] = ['', Buffer.alloc(0)]] = server.files;
    expect(path).toMatch(/^file\/1\/r1\/artifacts\/mirrorboard\/points-[0-9a-f]{12}-0-[0-9a-f]{16}\.jsonl$/);
    expect(
      data
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { tag: 'loss', step: 1, value: 'Infinity', wall_time: 1.5, file: 'f', run: 'train/a' },
      { step: 2, wall_time: 'NaN', value: 1 },
    ]);
    expect(metricsOf(batches()[0] as Seen)).toMatchObject([{ value: 'Infinity' }, { timestamp: 0 }, { timestamp: 1500 }]);
  });

  test('keeps times to the last bit if that is configured and there are files', async () => {
    for (const [section, isKept] of [
      [{}, false],
      [{ exact_times: true }, true],
      [{ exact_times: true, artifacts: false }, false],
    ] as const) {
      await open(section);
      expect(backend.describe().keeps.wallTime).toBe(isKept);
    }
  });

  test('continues without artifacts, and reports other points as unsupported', async () => {
    server.script = ({ path }) =>
      path === '/api/2.0/mlflow-artifacts/artifacts' ? { status: 503, body: { detail: 'Artifact serving is disabled' } } : undefined;
    await open();
    const text = {
      tag: 'note',
      plugin: 'text',
      step: 1,
      wallTime: 1,
      offset: 10,
      checksum: 1,
      index: 0,
      form: 'tensor',
      payload: new Uint8Array(0),
    } as const;
    const [outcome] = await backend.send([parcelOf(handle, [['loss', 1, 1, -0]], 0, [text])], signal);
    expect(outcome).toMatchObject({ kind: 'accepted', points: 1, refusals: [{ offset: 10, index: 0, kind: 'unsupported' }] });
    expect(server.files.size).toBe(0);
    expect(backend.describe().holds['text']).toBe('none');
    expect(backend.asHeld?.('note', 'text', { step: 1, wallTime: 1, value: '{}' })).toBeUndefined();
    expect(backend.asHeld?.('loss', 'scalars', { step: 1, wallTime: 1.0001, value: -0 })).toEqual({ step: 1, wallTime: 1, value: 0 });
  });
});

describe('the response to an answer of the server', () => {
  test.each([
    ['nobody is there', { isReset: true }, { kind: 'retry' }],
    ['429 with a time', { status: 429, body: 'slow', headers: { 'retry-after': '7' } }, { kind: 'retry', afterMs: 7000 }],
    ['502', { status: 502, body: 'bad gateway' }, { kind: 'retry', error: { code: 'MB4001' } }],
    ['500', apiError(500, 'INTERNAL_ERROR', 'oops'), { kind: 'retry' }],
    ['401', { status: 401, body: 'no' }, { kind: 'fatal', error: { code: 'MB4002' } }],
    ['404 of another server', { status: 404, body: '<html>' }, { kind: 'fatal', error: { code: 'MB4003' } }],
    [
      'a deleted run',
      apiError(400, 'INVALID_PARAMETER_VALUE', "The run r1 must be in the 'active' state."),
      { kind: 'runFatal', error: { code: 'MB4006' } },
    ],
    ['an unknown run', apiError(404, 'RESOURCE_DOES_NOT_EXIST', 'Run r1 not found'), { kind: 'runFatal', error: { code: 'MB4006' } }],
  ])('%s', async (_, answer, outcome) => {
    await open();
    server.script = (seen) => (isBatch(seen) ? answer : undefined);
    expect(await only(rows(3))).toMatchObject([outcome]);
  });

  test('resends points that clashed with another writer, and loses none', async () => {
    await open();
    const race = apiError(400, 'BAD_REQUEST', '(sqlite3.IntegrityError) UNIQUE constraint failed');
    server.script = (seen) => (isBatch(seen) && batches().length < 3 ? race : undefined);
    expect(await only(rows(3))).toMatchObject([{ kind: 'accepted', points: 3, refusals: [] }]);
  });

  test('settles the parcels that were sent before a failure', async () => {
    await open();
    server.script = (seen) => (isBatch(seen) && batches().length === 2 ? { status: 503, body: 'busy' } : undefined);
    expect((await only(rows(600), rows(600), rows(10))).map(({ kind }) => kind)).toEqual(['accepted', 'retry', 'retry']);
  });

  test('removes the point that the server names, and sends the rest', async () => {
    await open();
    server.script = (seen) => {
      const at = isBatch(seen) ? metricsOf(seen).findIndex(({ step }) => step === 2) : -1;
      return at < 0 ? undefined : apiError(400, 'INVALID_PARAMETER_VALUE', `Invalid value for parameter 'metrics[${at}].value'`);
    };
    expect(await only(rows(5))).toMatchObject([{ kind: 'accepted', points: 4, refusals: [{ offset: 20, index: 0, kind: 'refused' }] }]);
    expect(metricsOf(batches().at(-1) as Seen).map(({ step }) => step)).toEqual([0, 1, 3, 4]);
  });

  test('finds a refused point that the server does not name, and does not split the other parcels', async () => {
    await open();
    server.script = (seen) =>
      isBatch(seen) && metricsOf(seen).some(({ step }) => step === 77)
        ? apiError(400, 'INVALID_PARAMETER_VALUE', 'something is wrong')
        : undefined;
    expect(await only(rows(50), rows(50, 'loss', 50), rows(50, 'acc'))).toMatchObject([
      { kind: 'accepted', points: 50 },
      { kind: 'accepted', points: 49, refusals: [{ offset: 500 + 270 }] },
      { kind: 'accepted', points: 50 },
    ]);
  });

  test('reports an unknown cause when everything is refused', async () => {
    await open();
    server.script = (seen) => (isBatch(seen) ? apiError(400, 'INVALID_PARAMETER_VALUE', 'no') : undefined);
    expect(await only(rows(500))).toMatchObject([{ kind: 'rejected' }]);
  });

  test('splits a request that is too large', async () => {
    await open();
    server.script = (seen) => (isBatch(seen) && metricsOf(seen).length > 100 ? { status: 413, body: '<html>too large</html>' } : undefined);
    expect(await only(rows(350))).toMatchObject([{ kind: 'accepted', points: 350 }]);
  });

  test('suspects a request only if the server accepts others', async () => {
    await open();
    let isAlive = false;
    server.script = (seen) => {
      if (seen.path !== 'runs/log-batch') return undefined;
      if (isTrial(seen)) return isAlive ? undefined : apiError(500, 'INTERNAL_ERROR', 'down');
      return metricsOf(seen).some(({ step }) => step === 3) ? apiError(500, 'INTERNAL_ERROR', 'poison') : undefined;
    };
    for (let i = 0; i < 6; i++) expect(await only(rows(8))).toMatchObject([{ kind: 'retry' }]);
    isAlive = true;
    expect(await only(rows(8))).toMatchObject([{ kind: 'accepted', points: 7, refusals: [{ offset: 30, kind: 'refused' }] }]);
  });

  const aText = (offset: number, text = 'note') =>
    ({
      tag: 'note',
      plugin: 'text',
      step: offset,
      wallTime: 1,
      offset,
      checksum: offset,
      index: 0,
      form: 'tensor',
      payload: tensor({ dtype: 'string', values: [text] }),
    }) as const;
  const isFile = ({ method, path }: Seen): boolean => method === 'PUT' && path.startsWith('file/');

  test.each([
    [500, apiError(500, 'INTERNAL_ERROR', 'no such folder')],
    [400, { status: 400, body: 'read only' }],
    [413, { status: 413, body: '<html>413 Request Entity Too Large</html>' }],
  ])('refuses no point if the artifact store accepts none (%i)', async (_, answer) => {
    await open();
    let isAway = true;
    server.script = (seen) => (isAway && isFile(seen) ? answer : undefined);
    const parcel = parcelOf(handle, [['loss', 1, 1, -0]], 0, [aText(20), aText(30)]);
    const [outcome] = await backend.send([parcel], signal);
    expect(outcome?.kind).toBe('retry');
    await expect(backend.tryOut?.(handle, 'points', signal)).rejects.toMatchObject({ retry: 'later' });
    expect(batches().filter((seen) => !isTrial(seen))).toEqual([]);
    isAway = false;
    await backend.tryOut?.(handle, 'points', signal);
    expect(await backend.send([parcel], signal)).toMatchObject([{ kind: 'accepted', points: 3, refusals: [] }]);
  });

  test('refuses a file that is too long for a proxy if another one is accepted, and names the limit', async () => {
    await open();
    server.script = (seen) => (isFile(seen) && seen.text.length > 5000 ? { status: 413, body: '<html>too large</html>' } : undefined);
    const parcel = parcelOf(handle, [['loss', 1, 1, 1]], 0, [aText(20, 'long '.repeat(2000)), aText(30)]);
    const reason = expect.stringMatching(/413.*client_max_body_size/);
    expect(await backend.send([parcel], signal)).toMatchObject([
      { kind: 'accepted', points: 2, refusals: [{ offset: 20, kind: 'refused', reason }] },
    ]);
    await backend.tryOut?.(handle, 'points', signal);
  });

  test.each([400, 413, 500])('refuses no point of a new run while no metric is accepted (%i)', async (status) => {
    await open();
    let isOut = true;
    server.script = (seen) => (isOut && isBatch(seen) ? apiError(status, 'BAD_REQUEST', 'permission denied for table metrics') : undefined);
    await expect(backend.tryOut?.(handle, 'points', signal)).rejects.toMatchObject({ retry: 'later' });
    for (let i = 0; status === 500 && i < 9; i++) expect(await only(rows(3))).toMatchObject([{ kind: 'retry' }]);
    isOut = false;
    await backend.tryOut?.(handle, 'points', signal);
    expect(await only(rows(3))).toMatchObject([{ kind: 'accepted', points: 3, refusals: [] }]);
  });

  test('tests metrics with its own, each time at another time', async () => {
    await open();
    await backend.tryOut?.(handle, 'points', signal);
    expect(batches().filter(isTrial).map(metricsOf)).toEqual([[{ key: TRIAL_METRIC, step: 0, value: 1, timestamp: expect.any(Number) }]]);
    // What is there was looked up: the database is at work.
    server.script = (seen) => (isBatch(seen) ? apiError(400, 'BAD_REQUEST', 'IntegrityError: UNIQUE constraint failed') : undefined);
    await backend.tryOut?.(handle, 'points', signal);
  });

  const paramsOf = (seen: Seen): { key: string; value: string }[] => (seen.path === 'runs/log-batch' ? (seen.body.params ?? []) : []);
  const isParams = (seen: Seen): boolean => paramsOf(seen).length > 0;
  const trials = (): string[] => server.seen.flatMap(paramsOf).flatMap(({ key }) => (key.startsWith('mirrorboard.trial.') ? [key] : []));
  const many = Array.from({ length: 121 }, (_, i) => ({ name: `p${i}`, value: BigInt(i) }));

  test.each([400, 413])('refuses no param while none is accepted (%i)', async (status) => {
    await open();
    let isOut = true;
    server.script = (seen) => (isOut && isParams(seen) ? apiError(status, 'BAD_REQUEST', 'permission denied for table params') : undefined);
    await expect(backend.setParams?.(handle, many, signal)).rejects.toMatchObject({ retry: 'later' });
    // Nobody goes through all of them to learn that.
    expect(server.seen.filter(isParams).length).toBeLessThan(12);
    await expect(backend.tryOut?.(handle, 'params', signal)).rejects.toMatchObject({ retry: 'later' });
    isOut = false;
    expect(await backend.setParams?.(handle, many, signal)).toEqual(many.map(() => ({ kind: 'set' })));
  });

  test('suspects params that crash the server only if it accepts another one', async () => {
    await open();
    let isOut = true;
    server.script = (seen) =>
      isParams(seen) && (isOut || paramsOf(seen).some(({ key }) => key === 'p7')) ? apiError(500, 'INTERNAL_ERROR', 'down') : undefined;
    for (let i = 0; i < 9; i++) await expect(backend.setParams?.(handle, many, signal)).rejects.toMatchObject({ retry: 'later' });
    isOut = false;
    const outcomes = (await backend.setParams?.(handle, many, signal)) ?? [];
    expect(outcomes.flatMap((outcome, i) => (outcome.kind === 'set' ? [] : [[i, outcome.kind]]))).toEqual([[7, 'refused']]);
  });

  test('tests params with one that is not there yet, and creates few of them', async () => {
    await open();
    for (let i = 0; i < 12; i++) await backend.tryOut?.(handle, 'params', signal);
    expect(new Set(trials())).toEqual(new Set(Array.from({ length: 8 }, (_, i) => `mirrorboard.trial.${i + 1}`)));
  });

  test('does not wait without end for tags and hyperparameters that make the server fail', async () => {
    await open();
    server.script = ({ path, body }) => {
      if (path !== 'runs/log-batch' || body.tags?.[0]?.key === 'mirrorboard.alive') return undefined;
      return body.tags !== undefined ? apiError(500, 'INTERNAL_ERROR', 'poison') : undefined;
    };
    const outcomes = [];
    for (let i = 0; i < 8; i++) outcomes.push((await only([['acc@5', 1, 1, 1]]))[0]);
    expect(outcomes.at(0)).toMatchObject({ kind: 'retry' });
    expect(outcomes.at(-1)).toMatchObject({ kind: 'accepted', points: 1 });
    expect(server.warnings).toContain('a tag of an MLflow run was refused');
  });

  test('publishes no name that a database cannot store unchanged', async () => {
    await open();
    await only([['nul\0byte', 1, 1, 1]], [['half\ud800', 1, 1, 1]]);
    const sent = server.calls('runs/log-batch').map(({ body }) => body.tags ?? body.metrics.map((metric: { key: string }) => metric.key));
    expect(sent.slice(1)).toEqual([['nul.x0.byte', 'half.xd800.']]);
  });

  test('treats an interruption like a server that is down', async () => {
    await open();
    const stop = new AbortController();
    server.script = (seen) => {
      if (isBatch(seen)) stop.abort();
      return undefined;
    };
    expect(await backend.send([parcelOf(handle, rows(3))], stop.signal)).toMatchObject([{ kind: 'retry' }]);
  });
});

describe('a file store', () => {
  test('does not get a point again, and gets no name with a slash', async () => {
    const held: { key: string; step: number; timestamp: number; value: number }[] = [];
    let isLost = true;
    server.script = (seen) => {
      if (seen.path === '/api/3.0/mlflow/server-info') return { body: { store_type: 'FileStore' } };
      if (seen.path === 'metrics/get-history') return { body: { metrics: held.filter(({ key }) => key === seen.query.get('metric_key')) } };
      if (!isBatch(seen)) return undefined;
      held.push(...(seen.body.metrics as typeof held));
      // The answer to the first one is lost.
      if (!isLost) return undefined;
      isLost = false;
      return { status: 504, body: 'late' };
    };
    await open();
    expect(await only(rows(5, 'a/b'))).toMatchObject([{ kind: 'retry' }]);
    expect(await only(rows(5, 'a/b'))).toMatchObject([{ kind: 'accepted', points: 5 }]);
    expect(await only(rows(5, 'a/b'))).toMatchObject([{ kind: 'accepted', points: 5 }]);
    expect(held.map(({ key, step }) => [key, step])).toEqual([0, 1, 2, 3, 4].map((step) => ['a.x2f.b', step]));
    expect(backend.describe().replacesByKey).toBe(false);
  });

  test('does not get existing points again after all positions were lost', async () => {
    const held: { key: string; step: number; timestamp: number; value: number }[] = [];
    let looks = 0;
    server.script = (seen) => {
      if (seen.path === '/api/3.0/mlflow/server-info') return { body: { store_type: 'FileStore' } };
      if (seen.path === 'metrics/get-history' && ++looks > 0) return { body: { metrics: held } };
      if (isBatch(seen)) held.push(...((seen.body.metrics ?? []) as typeof held));
      return undefined;
    };
    const piece = (start: number) =>
      parcelOf(
        handle,
        Array.from({ length: 5 }, (_, i) => ['loss', start / 10 + i, 1 + i, i] as const),
        start,
      );
    await open();
    for (const start of [0, 50, 100]) await backend.send([piece(start)], signal);
    // The run is new: there is nothing to look for.
    expect([held.length, looks]).toEqual([15, 0]);
    backend = await server.backend();
    await backend.open(source, handle, signal);
    for (const start of [0, 50, 100, 150, 200]) await backend.send([piece(start)], signal);
    expect(held.map(({ step }) => step)).toEqual(Array.from({ length: 25 }, (_, step) => step));
    // What follows the first piece that was not there is new.
    expect(looks).toBe(4);
  });
});

describe('hyperparameters', () => {
  /** HParamsPluginData with a session's start: `lr` is a number. */
  const hparams = (lr: number | string): Uint8Array => {
    const value = typeof lr === 'string' ? Buffer.from(`..${lr}`) : Buffer.alloc(9);
    if (typeof lr === 'string')
      value.set([0x1a, value.length - 2]); // Value.string_value
    else {
      value[0] = 0x11; // Value.number_value
      value.writeDoubleLE(lr, 1);
    }
    const entry = Buffer.concat([Buffer.from([0x0a, 2]), Buffer.from('lr'), Buffer.from([0x12, value.length]), value]);
    const start = Buffer.concat([Buffer.from([0x0a, entry.length]), entry]);
    return Buffer.concat([Buffer.from([0x1a, start.length]), start]);
  };
  const parcel = (lr: number | string) =>
    parcelOf(handle, [], 0, [
      {
        tag: '_hparams_/session_start_info',
        plugin: 'hparams',
        step: 0,
        wallTime: 1,
        offset: 5,
        checksum: 1,
        index: 0,
        form: 'content',
        payload: hparams(lr),
      },
    ]);
  const written = (): unknown[] => server.calls('runs/log-batch').map(({ body }) => body.params ?? body.tags);

  test('become params, and exact values in files; a changed one keeps its first value', async () => {
    await open();
    expect(await backend.send([parcel(0.1)], signal)).toMatchObject([{ kind: 'accepted', points: 1 }]);
    await backend.send([parcel(0.1)], signal);
    await backend.send([parcel(0.2)], signal);
    expect(written().slice(1)).toEqual([[{ key: 'lr', value: '0.1' }], [{ key: 'mirrorboard.param.lr', value: '0.2' }]]);
    expect(server.warnings.length).toBe(1);
    expect([...server.files.values()].map((data) => JSON.parse(data.toString()).value.session_start_info.hparams.lr)).toEqual([0.1, 0.2]);
  });

  test('have no NUL, which some databases refuse', async () => {
    await open();
    await backend.send([parcel('a\0b')], signal);
    expect(written().slice(1)).toEqual([[{ key: 'lr', value: 'a␀b' }]]);
    expect([...server.files.values()].map((data) => JSON.parse(data.toString()).value.session_start_info.hparams.lr)).toEqual(['a\0b']);
    expect(server.warnings).toEqual([]);
  });

  test.each([400, 500])('wait while no param is accepted; one that is still refused is rejected once (%i)', async (status) => {
    await open();
    let isOut = true;
    server.script = ({ path, body }) => {
      const params = path === 'runs/log-batch' ? (body.params as { key: string }[] | undefined) : undefined;
      return params !== undefined && (isOut || params[0]?.key === 'lr') ? apiError(status, 'BAD_REQUEST', 'no') : undefined;
    };
    for (let i = 0; i < 6; i++) expect(await backend.send([parcel(0.1)], signal)).toMatchObject([{ kind: 'retry' }]);
    expect(server.warnings).toEqual([]);
    isOut = false;
    for (let i = 0; i < 3; i++) expect(await backend.send([parcel(0.1)], signal)).toMatchObject([{ kind: 'accepted', points: 1 }]);
    expect(server.warnings).toEqual(['a hyperparameter was refused; it is stored exactly elsewhere']);
  });

  test('are read first if another program wrote meanwhile', async () => {
    await open();
    server.script = ({ path, body, query }) => {
      if (path === 'runs/get') return { body: { run: runOf(query.get('run_id') ?? '', [], {}, { params: [{ key: 'lr', value: '9' }] }) } };
      return path === 'runs/log-batch' && body.params !== undefined
        ? apiError(400, 'INVALID_PARAMETER_VALUE', 'Changing param values is not allowed')
        : undefined;
    };
    expect(await backend.send([parcel(0.1)], signal)).toMatchObject([{ kind: 'accepted' }]);
    expect(written().at(-1)).toEqual([{ key: 'mirrorboard.param.lr', value: '0.1' }]);
  });
});

describe('the end of a run', () => {
  test('sets its status, and can be undone', async () => {
    await open();
    await backend.finish(handle, { status: 'failed', endedAt: 1700000001.5 }, signal);
    await backend.finish(handle, undefined, signal);
    expect(server.calls('runs/update').map(({ body }) => body)).toEqual([
      { run_id: 'r1', status: 'FAILED', end_time: 1700000001500 },
      { run_id: 'r1', status: 'RUNNING' },
    ]);
    await backend.remove?.(handle, signal);
    expect(server.calls('runs/delete')[0]?.body).toEqual({ run_id: 'r1' });
  });
});
