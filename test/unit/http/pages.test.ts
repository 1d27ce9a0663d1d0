import { describe, expect, test } from '@jest/globals';
import { MirrorError } from '../../../src/errors.ts';
import { AnswerFields, eachPage, FolderWalk, PageSize, Pages } from '../../../src/http/index.ts';

/** Asks for pages until there are no more of them, or the guard has enough. */
function follow(pages: Pages, tokenOf: (page: number) => unknown, items = 1): number {
  for (let page = 1; ; page++) if (pages.next(tokenOf(page), items) === undefined) return page;
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('a listing', () => {
  const listing = { what: 'listing notes', address: 'http://h' };

  test('requests smaller pages after an answer that was too large, and begins each at the end of the last one', async () => {
    const asked: (readonly [string | undefined, number])[] = [];
    const pages = eachPage<number, { kind: 'failed'; error: MirrorError }>({ ...listing, size: new PageSize(4) }, async (token, most) => {
      asked.push([token, most]);
      if (most > 2) return { kind: 'failed', error: new MirrorError('MB4030', 'too large', { retry: 'later' }) };
      const at = Number(token ?? 0);
      return { kind: 'ok', value: { items: [at, at + 1], next: at < 2 ? String(at + 2) : undefined } };
    });
    expect(await all(pages)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(asked).toEqual([
      [undefined, 4],
      [undefined, 2],
      ['2', 2],
    ]);
  });

  test('throws the error that its caller makes of a failure', async () => {
    const error = new MirrorError('MB4002', 'no');
    const failed = async () => ({ kind: 'failed', error }) as const;
    await expect(all(eachPage(listing, failed))).rejects.toBe(error);
    const other = new Error('other');
    await expect(all(eachPage({ ...listing, failed: () => other }, failed))).rejects.toBe(other);
  });

  test('distinguishes pages by their content, and recognizes one that comes twice', async () => {
    const said = (id: number): AnswerFields => new AnswerFields({ id }, { what: 'listing notes', address: 'http://h' });
    const from = (ids: readonly number[]) =>
      eachPage(listing, async (token = '0') => {
        const at = Number(token);
        return { kind: 'ok' as const, value: { items: [said(ids[at]!)], next: at + 1 < ids.length ? String(at + 1) : '' } };
      });
    expect(await all(from([1, 2, 3]))).toHaveLength(3);
    await expect(all(from([1, 2, 1, 3]))).rejects.toMatchObject({ code: 'MB4003' });
  });
});

describe('Pages', () => {
  test('ends when the server has no more', () => {
    for (const end of [undefined, null, '', 0, {}, ['t']])
      expect(follow(new Pages('listing', 'http://h'), (page) => (page < 5 ? `t${page}` : end))).toBe(5);
  });

  test('treats a repeated token as an invalid answer, also after others', () => {
    for (const period of [1, 2, 7]) {
      const pages = new Pages('listing files', 'http://h');
      let asked = 0;
      const run = (): number =>
        follow(pages, (page) => {
          asked = page;
          return `t${page % period}`;
        });
      expect(run).toThrow(expect.objectContaining({ code: 'MB4003', message: expect.stringMatching(/listing files.*http:\/\/h.*twice/) }));
      expect(asked).toBe(period + 1);
    }
  });

  test('gives up if pages are empty, too many, or too large', () => {
    const fresh = (page: number): string => `t${page}`;
    expect(() => follow(new Pages('a', 'h'), fresh, 0)).toThrow(/11 pages without anything/);
    expect(() => follow(new Pages('a', 'h', { pages: 50 }), fresh)).toThrow(/more than 50 pages/);
    expect(() => follow(new Pages('a', 'h', { items: 1000 }), fresh, 300)).toThrow(/more than 1000/);
    expect(() => new Pages('a', 'h', { items: 1000 }).next('', 1001)).toThrow(/more than 1000/);
  });

  test('treats a repeated page as an invalid answer, with any tokens', () => {
    const pages = new Pages('listing', 'h');
    expect(pages.next('a', 2, [{ id: 1n }, { id: 2n }])).toBe('a');
    expect(pages.next('b', 2, [{ id: 1n }, { id: 3n }])).toBe('b');
    expect(pages.next('c', 1, [{ id: 1n }])).toBe('c');
    expect(() => pages.next('d', 2, [{ id: 1n }, { id: 2n }])).toThrow(/the server sent the same page twice/);
    // The last page is the end, with any content.
    expect(new Pages('listing', 'h').next('', 1, [1])).toBeUndefined();
  });

  test('needs little memory for long tokens', () => {
    const pages = new Pages('a', 'h');
    const long = 'x'.repeat(1024 * 1024);
    for (let page = 0; page < 20; page++) expect(pages.next(`${long}${page}`, 1)?.length).toBeGreaterThan(long.length);
    expect(() => pages.next(`${long}3`, 1)).toThrow(/twice/);
  });
});

describe('FolderWalk', () => {
  /** Walks through folders of which each has some below it; how many were listed. */
  function walked(below: (path: string) => readonly string[], files = 1): number {
    const walk = new FolderWalk('listing the files', 'http://h');
    let listed = 0;
    for (let folder = walk.next(); folder !== undefined; folder = walk.next()) {
      listed++;
      walk.found(files, below(folder));
    }
    return listed;
  }
  const deep = (depth: number, names: readonly string[]) => (path: string) =>
    path.split('/').length > depth ? [] : names.map((name) => `${path}/${name}`);

  test('ends when no folder is left', () => {
    expect(walked(() => [])).toBe(1);
    expect(walked(deep(10, ['a', 'b']))).toBe(2 ** 11 - 1);
  });

  test('detects at once a folder that contains itself, in any number of folders', () => {
    for (const names of [['d'], ['d', 'e', 'f']]) {
      let listed = 0;
      const run = (): number =>
        walked((path) => {
          listed++;
          return deep(Infinity, names)(path);
        });
      expect(run).toThrow(
        expect.objectContaining({ code: 'MB4003', message: expect.stringMatching(/^listing the files: http:\/\/h gives folders/) }),
      );
      expect(listed).toBeLessThan(70);
    }
  });

  test('gives up if there are too many folders or files', () => {
    const many = Array.from({ length: 50_001 }, (_, i) => `${i}`);
    expect(() => walked((path) => (path.split('/').length < 3 ? many.map((name) => `${path}/${name}`) : []))).toThrow(/more than 100000\)/);
    expect(() => walked(() => [], 1_000_001)).toThrow(/more than 1000000 files/);
  });
});
