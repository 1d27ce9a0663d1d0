import { describe, expect, it } from '@jest/globals';
import { changedMsOf, fileStamp, inodeOf, KEPT_STAMP } from '../../../src/model/index.ts';

describe('the stamp of a file', () => {
  it('says when the file changed last, and its inode', () => {
    const stamp = fileStamp({ mtimeNs: 1_700_000_000_123_000_000n, ctimeNs: 5n, ino: 17n });
    expect([changedMsOf(stamp), inodeOf(stamp)]).toEqual([1_700_000_000_123, '17']);
    expect(changedMsOf(fileStamp({ mtimeNs: -2_000_000n, ctimeNs: 5n, ino: 17n }))).toBe(-2);
  });

  it('says of no time that it is 0: of a file that nobody looked at, or that is kept for good', () => {
    expect([changedMsOf(''), changedMsOf(KEPT_STAMP)]).toEqual([0, 0]);
  });
});
