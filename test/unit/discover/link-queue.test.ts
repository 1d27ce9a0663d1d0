import { describe, expect, test } from '@jest/globals';
import { LinkQueue } from '../../../src/discover/link-queue.ts';
import { compareNames } from '../../../src/model/index.ts';

describe('LinkQueue', () => {
  test('returns the first by its path, also among those that were added meanwhile', () => {
    const queue = new LinkQueue();
    const paths = Array.from({ length: 500 }, (_, i) => `l${(i * 7919) % 500}`);
    for (const path of paths) queue.add({ path, real: `/${path}` });
    const taken: string[] = [];
    for (let link = queue.take(); link !== undefined; link = queue.take()) {
      taken.push(link.path);
      if (link.path === 'l3') queue.add({ path: 'l3/below', real: '/below' });
    }
    expect(taken).toEqual([...paths, 'l3/below'].sort(compareNames));
    expect(queue.take()).toBeUndefined();
  });
});
