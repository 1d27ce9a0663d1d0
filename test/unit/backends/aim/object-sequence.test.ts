import { expect, it } from '@jest/globals';
import type { AimClient, Resource } from '../../../../src/backends/aim/client.ts';
import type { Frames } from '../../../../src/backends/aim/frames.ts';
import { ObjectSequence } from '../../../../src/backends/aim/object-sequence.ts';
import { Custom, type Tree } from '../../../../src/backends/aim/tree.ts';

const mapped = { family: 'text', objects: [], exact: undefined, bytes: 5, params: [], paramsMeta: undefined } as const;

it.each([[[7n, 'a', true]], [7n], ['a text'], [new Map()]] as Tree[][])(
  'writes nothing over a cell whose content %s is no object',
  async (odd) => {
    const client = {
      address: 'http://127.0.0.1',
      keys: () => Promise.resolve([]),
      find: () => Promise.resolve(odd),
    } as unknown as AimClient;
    let updates = 0;
    const frames = { flush: () => Promise.resolve(), update: () => Promise.resolve(updates++) } as unknown as Frames;
    const sequence = new ObjectSequence({ context: {}, contextId: 1n, name: 'note' }, 'text', 'run', new Map([['last_step', 7n]]));
    const point = { step: 7, wallTime: 2, position: { file: 'f1', offset: 10, index: 0 }, id: 'id-2', mapped };
    await expect(sequence.write([point], client, frames, 'seqs' as Resource, AbortSignal.any([]))).rejects.toThrow(
      'an object of the sequence',
    );
    expect(updates).toBe(0);
  },
);

// The server died after it kept the earlier point and took the later one, and before the run said how many are kept.
it('counts the objects that were stored at one step before a crash', async () => {
  const fields = new Map<string, Tree>([
    ['first_step', 0n],
    ['last_step', 7n],
  ]);
  const later = new Custom('aim.text', { data: 'later', mb_place: '10:0:f1', mb_id: 'id-2', mb_time: 2 });
  const client = {
    address: 'http://127.0.0.1',
    keys: () => Promise.resolve(['id-1']),
    find: () => Promise.resolve(later),
  } as unknown as AimClient;
  const frames = { flush: () => Promise.resolve(), update: () => Promise.resolve() } as unknown as Frames;
  const sequence = new ObjectSequence({ context: {}, contextId: 1n, name: 'note' }, 'text', 'run', fields);
  const again = {
    step: 7,
    wallTime: 2,
    position: { file: 'f1', offset: 10, index: 0 },
    id: 'id-2',
    mapped: { ...mapped, objects: [later] },
  };
  await sequence.write([again], client, frames, 'seqs' as Resource, AbortSignal.any([]));
  expect(sequence.traceFields()).toContainEqual(['mb_collapsed', 1n]);
});
