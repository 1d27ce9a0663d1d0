import { expect, it } from '@jest/globals';
import { FoundInodes } from '../../../src/sync/found-inodes.ts';

const stamp = (inode: number): string => `1.2.${inode}`;

it('a file is asked for as it was found, until it was read', () => {
  const files = new FoundInodes();
  files.found('a', stamp(7));
  expect(files.file({ name: 'a', isOther: true })).toEqual({ name: 'a', isOther: true, inode: '7' });
  expect(files.file({ name: 'b' })).toEqual({ name: 'b' });
  files.read('a');
  expect(files.file({ name: 'a' })).toEqual({ name: 'a' });
});

it('a file is passed over once, in case its file system gives it another inode each time', () => {
  const files = new FoundInodes();
  files.found('a', stamp(7));
  files.passedOver('a');
  expect(files.file({ name: 'a' })).toEqual({ name: 'a' });
  files.found('a', stamp(8));
  expect(files.file({ name: 'a' })).toEqual({ name: 'a' });
  files.found('a', stamp(9));
  expect(files.file({ name: 'a' })).toEqual({ name: 'a', inode: '9' });
});

it('a file without an inode is read whatever has its name', () => {
  const files = new FoundInodes();
  files.found('a', '');
  expect(files.file({ name: 'a' })).toEqual({ name: 'a' });
});
