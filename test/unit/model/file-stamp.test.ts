import { describe, expect, it } from '@jest/globals';
import { changedMsOf, fileStamp, inodeOf, isAsRecent, KEPT_STAMP } from '../../../src/model/index.ts';

describe('the stamp of a file', () => {
  it('has the inode and the time of the last change', () => {
    const stamp = fileStamp({ mtimeNs: 1_700_000_000_123_000_000n, ctimeNs: 5n, ino: 17n });
    expect([changedMsOf(stamp), inodeOf(stamp)]).toEqual([1_700_000_000_123, '17']);
    expect(changedMsOf(fileStamp({ mtimeNs: -2_000_000n, ctimeNs: 5n, ino: 17n }))).toBe(-2);
  });

  it('has no time of 0 for a file that was never checked, or that is kept permanently', () => {
    expect([changedMsOf(''), changedMsOf(KEPT_STAMP)]).toEqual([0, 0]);
  });
});

it.each([
  ['the same', '5.7.9', '5.7.9', true],
  ['later', '5.8.9', '5.7.9', true],
  ['earlier', '5.6.9', '5.7.9', false],
  ['of another file', '5.8.8', '5.7.9', false],
  ['without times', '.9', '5.7.9', false],
  ['empty', '', '5.7.9', false],
])('tells if a stamp is as recent as another one: %s', (_, stamp, other, isRecent) => {
  expect(isAsRecent(stamp, other)).toBe(isRecent);
});
