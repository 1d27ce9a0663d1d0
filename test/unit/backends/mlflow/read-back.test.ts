import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReadBackPoint } from '../../../../src/contract/index.ts';
import { apiError, parcelOf, type Row, runOf, ScriptedServer, signal, source } from './server.ts';

let server: ScriptedServer;
/** Metrics as a database keeps them: by key, each point once. */
let metrics: Map<string, Map<string, Record<string, unknown>>>;
let tags: { key: string; value: string }[];

beforeEach(async () => {
  metrics = new Map();
  tags = [];
  server = await new ScriptedServer(({ method, path, query, body }) => {
    if (path === 'runs/log-batch') {
      tags.push(...(body.tags ?? []));
      for (const metric of body.metrics ?? []) {
        const clamped = metric.value === 'Infinity' ? Number.MAX_VALUE : metric.value;
        const points = metrics.get(metric.key) ?? new Map();
        metrics.set(metric.key, points.set(`${metric.step} ${metric.timestamp} ${clamped}`, { ...metric, value: clamped }));
      }
      return {};
    }
    if (path === 'runs/get') return { body: { run: runOf('r1', tags, {}, { metrics: [...metrics.keys()].map((key) => ({ key })) }) } };
    if (path === 'metrics/get-history') {
      const all = [...(metrics.get(query.get('metric_key') ?? '')?.values() ?? [])];
      const from = Number(query.get('page_token') ?? 0);
      const page = all.slice(from, from + 2);
      const next = from + 2 < all.length ? { next_page_token: String(from + 2) } : {};
      // Steps come as bare digits, however long they are.
      return { body: Buffer.from(JSON.stringify({ metrics: page, ...next }).replace(/"step":"(-?\d+)"/g, '"step": $1')) };
    }
    if (path === 'artifacts/list') {
      const folder = `file/1/r1/artifacts/${query.get('path')}/`;
      const inside = [...server.files].filter(([name]) => name.startsWith(folder) && !name.slice(folder.length).includes('/'));
      const files = inside.map(([name, data]) => ({
        path: name.slice('file/1/r1/artifacts/'.length),
        is_dir: false,
        file_size: data.length,
      }));
      return { body: { files } };
    }
    if (path.startsWith('file/') && method === 'GET') return { body: server.files.get(decodeURIComponent(path)) };
    return undefined;
  }).start();
});
afterEach(() => server.close());

const rows: readonly Row[] = [
  ['acc@5', 1, 1700000000.1234, 0.5],
  ['loss', 1, 1700000000.5, Number.POSITIVE_INFINITY],
  ['loss', 2, Number.NaN, 3],
  ['loss', 3, 1700000001, -0],
  ['loss', 9007199254740993n, 1700000002, 9007199254740993n],
  ['loss', 5, 1700000003, Number.NaN],
  ['x'.repeat(300), 6, 1700000003, 1],
];

async function everything(backend: Awaited<ReturnType<ScriptedServer['backend']>>, handle: Parameters<typeof backend.readBack>[0]) {
  const found = new Map<string, ReadBackPoint[]>();
  for await (const { tag, points } of backend.readBack(handle)) found.set(tag, [...(found.get(tag) ?? []), ...points]);
  return found;
}

describe('reading back', () => {
  test('finds points of exact-point files that were joined after the listing', async () => {
    const backend = await server.backend();
    const handle = await backend.open(source, undefined, signal);
    const odd = (i: number): Row => ['loss', i, 1.7e9 + i, -0];
    const isOld = new Map<string, Buffer>();
    for (let i = 0; i < 6; i++) {
      // Each by a process of its own: nothing is joined.
      const other = await server.backend();
      await other.send([parcelOf(handle, [odd(i)], i * 10)], signal);
    }
    for (const [name, data] of server.files) isOld.set(name, data);
    const usual = server.script;
    server.script = (seen) => {
      const answer = usual(seen);
      if (seen.path !== 'artifacts/list')
        return seen.path.startsWith('file/') && answer?.body === undefined && seen.method === 'GET'
          ? apiError(404, 'RESOURCE_DOES_NOT_EXIST', 'none')
          : answer;
      if (isOld.size > 0) {
        // Behind the first list all but the last two are made one, the first of them stays for now.
        const names = [...isOld.keys()].sort((a, b) => Number(/-(\d+)-/.exec(a)?.[1]) - Number(/-(\d+)-/.exec(b)?.[1]));
        const joined = names.slice(1, 4);
        const content = Buffer.concat(joined.map((name) => isOld.get(name) ?? Buffer.alloc(0)));
        for (const name of joined) server.files.delete(name);
        server.files.set((joined[0] ?? '').replace(/[0-9a-f]{16}\.jsonl$/, '0123456789abcdef.jsonl'), content);
        isOld.clear();
      }
      return answer;
    };
    const found = (await everything(backend, handle)).get('loss') ?? [];
    expect(found.map(({ step }) => Number(step)).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('returns each point once, and exact if it is also in a file, no matter how often it was sent and cut', async () => {
    const backend = await server.backend();
    const handle = await backend.open(source, undefined, signal);
    await backend.send([parcelOf(handle, rows)], signal);
    await backend.send([parcelOf(handle, rows)], signal);
    // After a crash another process cuts them otherwise.
    await (await server.backend()).send([parcelOf(handle, rows.slice(0, 3))], signal);
    expect(server.files.size).toBe(2);
    const found = await everything(backend, handle);
    for (const tag of new Set(rows.map(([name]) => name))) {
      const held = rows
        .filter(([name]) => name === tag)
        .map(([, step, wallTime, value]) => backend.asHeld?.(tag, 'scalars', { step, wallTime, value }));
      const points = found.get(tag)?.map(({ step, wallTime, value }) => ({ step, wallTime, value }));
      expect(points).toHaveLength(held.length);
      expect(points).toEqual(expect.arrayContaining(held));
    }
    expect(found.get('loss')?.find(({ step }) => step === 1)).toMatchObject({ file: 'f', offset: 10, index: 0 });
  });

  test('returns only the requested points', async () => {
    const backend = await server.backend();
    const handle = await backend.open(source, undefined, signal);
    await backend.send([parcelOf(handle, rows)], signal);
    const found: string[] = [];
    for await (const { tag } of backend.readBack(handle, { isWanted: (tag) => tag === 'acc@5' })) found.push(tag);
    expect(found).toEqual(['acc@5']);
  });

  test('reports a point as missing if its file is missing', async () => {
    const backend = await server.backend();
    const handle = await backend.open(source, undefined, signal);
    const graph = {
      tag: 'g',
      plugin: 'graphs',
      step: 1,
      wallTime: 1.00001,
      offset: 3,
      checksum: 1,
      index: 0,
      form: 'graph_def',
      payload: new Uint8Array(9),
    } as const;
    await backend.send([parcelOf(handle, [], 0, [graph])], signal);
    expect((await everything(backend, handle)).get('g')).toMatchObject([
      { wallTime: 1.00001, value: expect.stringContaining('"bytes":9') },
    ]);
    for (const name of server.files.keys()) if (name.includes('/graph/')) server.files.delete(name);
    expect((await everything(backend, handle)).get('g')).toBeUndefined();
  });
});
