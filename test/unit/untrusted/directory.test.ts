import { expect, test } from '@jest/globals';
import { fullPath, inDirectory } from '../../../src/untrusted/index.ts';

test('paths below the root of the system begin with one slash', () => {
  expect(['/', '/logs'].map((directory) => inDirectory(directory, 'run'))).toEqual(['/run', '/logs/run']);
  expect(['', 'exp'].map((path) => fullPath({ root: '/', path, links: 'owner' }, 'run'))).toEqual(['/run', '/exp/run']);
});
