import { expect, test } from '@jest/globals';
import { ReaderThread } from '../../../src/reading/reader-thread.ts';
import { DEFAULT_LINKS } from '../../../src/untrusted/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('the walk of a closed thread ends', async () => {
  const folder = temporaryFolder();
  const thread = new ReaderThread();
  await thread.close();
  // Nobody answers any more.
  const pieces: unknown[] = [];
  const asked = { root: folder, below: '', include: [], exclude: [], ignore: [], links: DEFAULT_LINKS, isNaming: false };
  for await (const piece of thread.walk(asked)) pieces.push(piece);
  expect(pieces).toEqual([]);
});
