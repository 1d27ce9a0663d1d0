import { expect, it } from '@jest/globals';
import type { AimClient, Resource } from '../../../../src/backends/aim/client.ts';
import type { Frames } from '../../../../src/backends/aim/frames.ts';
import { ObjectSequence } from '../../../../src/backends/aim/object-sequence.ts';
import { Custom, type Tree } from '../../../../src/backends/aim/tree.ts';

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
  const mapped = { family: 'text', objects: [later], exact: undefined, bytes: 5, params: [], paramsMeta: undefined } as const;
  const again = { step: 7, wallTime: 2, position: { file: 'f1', offset: 10, index: 0 }, id: 'id-2', mapped };
  await sequence.write([again], client, frames, 'seqs' as Resource, AbortSignal.any([]));
  expect(sequence.traceFields()).toContainEqual(['mb_collapsed', 1n]);
});
