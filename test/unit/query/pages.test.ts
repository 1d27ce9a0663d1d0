import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { backfill } from '../../../src/index.ts';
import { type RunOrder, StoreQuery } from '../../../src/query/index.ts';
import { event, eventFile, hparamsSessionStart, simpleValue, tensorScalar, text } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder: string;
let query: StoreQuery;

beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  query.close();
});

function put(run: string, ...events: readonly Uint8Array[]): void {
  mkdirSync(join(folder, 'logs', run), { recursive: true });
  writeFileSync(join(folder, 'logs', run, 'events.out.tfevents.1'), eventFile(...events));
}

const point = (step: number | bigint, value: number): Uint8Array => event({ wallTime: 1000, step, summary: [simpleValue('loss', value)] });

async function mirror(): Promise<void> {
  const store = { path: join(folder, 'runs.db'), mediaPath: join(folder, 'media') };
  await backfill({
    roots: [{ path: join(folder, 'logs') }],
    store,
    statePath: join(folder, 'state'),
    signal: new AbortController().signal,
  });
  query ??= new StoreQuery(store.path);
}

async function opened(): Promise<void> {
  query = undefined as unknown as StoreQuery;
  await mirror();
}

/** Reads all pages; `between` runs after each. */
async function allPages(order: RunOrder, between: (page: number) => Promise<void> = async () => undefined): Promise<string[]> {
  const paths: string[] = [];
  let after: string | undefined;
  for (let page = 0; ; page++) {
    const { runs, next } = query.ask({ kind: 'runs', order, limit: 2, ...(after === undefined ? {} : { after }) });
    paths.push(...runs.map(({ run }) => run.path));
    if (next === undefined) return paths;
    after = next;
    await between(page);
  }
}

describe('pages of runs', () => {
  it.each([false, true])('neither repeat nor hide a run while others come (descending: %s)', async (descending) => {
    const names = ['b', 'd', 'f', 'h', 'j'];
    for (const name of names) put(name, point(1, 1));
    await opened();
    const found = await allPages({ by: 'run', descending }, async (page) => {
      // One before what was read, one after.
      put(`a${page}`, point(1, 1));
      put(`k${page}`, point(1, 1));
      await mirror();
    });
    expect(found.filter((name) => names.includes(name))).toEqual(descending ? names.toReversed() : names);
    expect(new Set(found).size).toBe(found.length);
  });

  it('go on behind the last run if it is gone or has another key', async () => {
    for (const [i, name] of ['a', 'b', 'c', 'd', 'e'].entries()) put(name, point(1, i));
    await opened();
    const found = await allPages({ by: 'metric', tag: 'loss' }, async (page) => {
      if (page !== 0) return;
      put('b', point(1, 1), point(2, 100));
      await mirror();
    });
    expect(found).toEqual(['a', 'b', 'c', 'd', 'e', 'b']);
  });

  it.each([
    ['numbers, infinities and none', { by: 'metric', tag: 'loss' }, ['c', 'a', 'b', 'd', 'e', 'f']],
    ['the same, descending', { by: 'metric', tag: 'loss', descending: true }, ['d', 'b', 'a', 'c', 'e', 'f']],
    ['long texts', { by: 'param', name: 'note' }, ['b', 'a', 'c', 'd', 'e', 'f']],
    ['wide steps', { by: 'lastStep', descending: true }, ['f', 'b', 'a', 'c', 'd', 'e']],
  ] as const)('are sorted by %s', async (_, order, wanted) => {
    const long = 'x'.repeat(5000);
    put('a', event({ wallTime: 1, step: 0, summary: [hparamsSessionStart({ note: `${long}b` })] }), point(2n ** 60n, 1));
    put('b', event({ wallTime: 1, step: 0, summary: [hparamsSessionStart({ note: `a${long}` })] }), point(2n ** 60n + 1n, 2));
    put('c', point(1, Number.NEGATIVE_INFINITY));
    put('d', point(1, Number.POSITIVE_INFINITY));
    put('e', point(1, Number.NaN));
    put('f', event({ wallTime: 1, step: 2n ** 62n, summary: [tensorScalar('other', 1, 'double')] }));
    await opened();
    expect(await allPages(order)).toEqual(wanted);
  });

  it.each(['', '5', 'x', '[]', '["a"]', '[1,2]', '["a","b",{}]', '["a","b",null]', '["a","b",1,2]'])(
    'do not begin at %j',
    async (after) => {
      put('a', point(1, 1));
      await opened();
      expect(() => query.ask({ kind: 'runs', after })).toThrow(expect.objectContaining({ code: 'MB3024' }));
    },
  );
});

describe('hyperparameters', () => {
  it('are cut if they are long texts, so that no log fills the memory', async () => {
    const long = 'x'.repeat(1_000_000);
    put('a', event({ wallTime: 1, step: 0, summary: [hparamsSessionStart({ note: long, lr: 0.5 })] }));
    await opened();
    const cut = `${'x'.repeat(4096)}…`;
    expect(query.ask({ kind: 'hparams' })[0]?.params).toEqual({ note: cut, lr: 0.5 });
    expect(query.ask({ kind: 'runs', params: ['note'], select: { filter: 'lr>0.1' } }).runs[0]?.params).toEqual({ note: cut });
  });

  it('are refused if all together are too many for the memory', async () => {
    put('a', event({ wallTime: 1, step: 0, summary: [hparamsSessionStart({ lr: 0.5 })] }));
    await opened();
    const { run } = query.ask({ kind: 'hparams' })[0] ?? {};
    expect(run?.path).toBe('a');
    query.close();
    const db = new DatabaseSync(join(folder, 'runs.db'));
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
      INSERT INTO hparam (object, name, value, number, type)
      SELECT (SELECT max(object) FROM hparam), 'p' || i, substr(hex(zeroblob(2048)), 1, 4096), 0, 'string' FROM n`);
    db.close();
    query = new StoreQuery(join(folder, 'runs.db'));
    expect(() => query.ask({ kind: 'hparams' })).toThrow(expect.objectContaining({ code: 'MB5004' }));
    expect(query.ask({ kind: 'runs' }).total).toBe(1);
  });
});

describe('a question', () => {
  it('has at most 32 words in its filter', async () => {
    put('a', point(1, 1));
    await opened();
    const words = (count: number): string => new Array(count).fill('a').join(' ');
    expect(query.ask({ kind: 'runs', select: { filter: words(32) } }).total).toBe(1);
    expect(() => query.ask({ kind: 'runs', select: { filter: words(33) } })).toThrow(/at most 32 words/);
  });

  it('ends early if nobody wants the answer any more', async () => {
    for (const name of ['a', 'b', 'c']) put(name, point(1, 1), event({ wallTime: 1, step: 1, summary: [text('note', 'x')] }));
    await opened();
    const run = { root: 'logs', path: 'a' };
    const questions = [
      { kind: 'runs', metrics: ['loss'] },
      { kind: 'runs', select: { filter: 'loss>0' } },
      { kind: 'hparams' },
      { kind: 'damage' },
      { kind: 'curvePage', tags: ['loss'] },
      { kind: 'values', run, tag: 'note' },
    ] as const;
    for (const question of questions) {
      let looks = 0;
      const isStopped = (): boolean => ++looks > 0;
      expect(() => query.ask(question, isStopped)).toThrow(expect.objectContaining({ name: 'Stopped' }));
      expect(looks).toBe(1);
    }
  });
});

describe('a page of curves', () => {
  it('has at most so many numbers', async () => {
    for (const name of ['a', 'b', 'c']) put(name, ...Array.from({ length: 10 }, (_, step) => point(step, step)));
    await opened();
    const ask = (mostNumbers: number, more: object = {}): number =>
      query.ask({ kind: 'curvePage', tags: ['loss'], mostNumbers, ...more }).curves.reduce((sum, { count }) => sum + count, 0);
    expect(ask(90)).toBe(30);
    expect(() => ask(89)).toThrow(expect.objectContaining({ code: 'MB5004', hint: expect.stringContaining('width=1000') }));
    expect(() => ask(90, { smooth: { weight: 0.5 } })).toThrow(/120 numbers/);
    expect(() => ask(90, { positions: true })).toThrow(/180 numbers/);
    expect(ask(78, { width: 2 })).toBe(30);
    expect(() => ask(77, { width: 2 })).toThrow(/smaller width|78 numbers/);
    // A range is counted as it is read: the third run is not.
    expect(ask(18, { from: 8 })).toBe(6);
    expect(() => ask(17, { from: 8 })).toThrow(/18 numbers/);
  });

  it('is one snapshot of a page of runs, and names a run that is missing', async () => {
    for (const name of ['a', 'b', 'c']) put(name, point(1, 1));
    await opened();
    const first = query.ask({ kind: 'curvePage', tags: ['loss', 'none'], limit: 2 });
    expect([first.total, first.curves.map(({ run }) => run.path)]).toEqual([3, ['a', 'b']]);
    const second = query.ask({ kind: 'curvePage', tags: ['loss'], limit: 2, after: first.next ?? '' });
    expect([second.next, second.curves.map(({ run }) => run.path)]).toEqual([undefined, ['c']]);
    const runs = ['c', 'x'].map((path) => ({ root: 'logs', path }));
    expect(() => query.ask({ kind: 'curvePage', tags: ['loss'], select: { runs } })).toThrow(/no run logs\/x/);
  });
});

describe('pages of values', () => {
  it('go back from the last value, within a number and bytes', async () => {
    const note = (step: number, length = 10): Uint8Array =>
      event({ wallTime: 1, step, summary: [text('note', String(step).repeat(length))] });
    put('a', ...[1, 2, 3, 4, 5].map((step) => note(step)), note(6, 2000), note(7));
    await opened();
    const run = { root: 'logs', path: 'a' };
    const pages: (readonly (number | bigint)[])[] = [];
    let before: { readonly file: string; readonly offset: number; readonly index: number } | undefined;
    do {
      const page = query.ask({ kind: 'valuePage', run, tag: 'note', limit: 2, ...(before === undefined ? {} : { before }) });
      expect(page.total).toBe(7);
      pages.push(page.values.map(({ step }) => step));
      before = page.next;
    } while (before !== undefined);
    expect(pages).toEqual([[6, 7], [4, 5], [2, 3], [1]]);
    const small = query.ask({ kind: 'valuePage', run, tag: 'note', mostBytes: 1000 });
    expect(small.values.map(({ step }) => step)).toEqual([7]);
    expect(() => query.ask({ kind: 'valuePage', run, tag: 'note', mostBytes: 1000, before: small.next as never })).toThrow(
      expect.objectContaining({ code: 'MB5004' }),
    );
    expect(query.ask({ kind: 'valuePage', run, tag: 'none' })).toEqual({ total: 0, values: [], next: undefined });
    expect(query.ask({ kind: 'values', run, tag: 'note' })).toHaveLength(7);
  });
});
