import { expect, it } from '@jest/globals';
import { FoundFiles } from '../../../src/sync/found-files.ts';

const stamp = (inode: number): string => `1.2.${inode}`;

it('a file is asked for as it was found, until it is forgotten', () => {
  const files = new FoundFiles();
  files.found('a', stamp(7));
  expect(files.file('a')).toEqual({ name: 'a', inode: '7', stamp: stamp(7) });
  expect(files.file('b')).toEqual({ name: 'b' });
  files.forget('a');
  expect(files.file('a')).toEqual({ name: 'a' });
});

it('a file is passed over once, in case its file system gives it another inode each time', () => {
  const files = new FoundFiles();
  files.found('a', stamp(7));
  files.passedOver('a');
  expect(files.file('a')).toEqual({ name: 'a' });
  files.found('a', stamp(8));
  expect(files.file('a')).toEqual({ name: 'a' });
  files.found('a', stamp(9));
  expect(files.file('a')).toEqual({ name: 'a', inode: '9', stamp: stamp(9) });
});

it('a file without an inode is read whatever has its name', () => {
  const files = new FoundFiles();
  files.found('a', '');
  expect(files.file('a')).toEqual({ name: 'a' });
});

it('a file is forgotten once the lane has it as it was found, or later', () => {
  const files = new FoundFiles();
  files.found('a', '5.7.9');
  for (const stamp of ['', '5.6.9', '5.8.8']) {
    files.taken('a', stamp);
    expect(files.file('a').stamp).toBe('5.7.9');
  }
  files.taken('a', '5.7.9');
  expect(files.file('a')).toEqual({ name: 'a' });
  files.taken('a', '5.7.9');
});
