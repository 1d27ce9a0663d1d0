import { describe, expect, it } from '@jest/globals';
import { handleReader, handleText, isName } from '../../../src/backend-kit/index.ts';
import type { Handle } from '../../../src/contract/index.ts';

const read = handleReader('a run of notes', ['run', 'folder', 'joined'], ({ run, folder }) =>
  isName(run) ? { id: run, folder: typeof folder === 'string' ? folder : undefined } : undefined,
);

describe('the handle of a tracker run', () => {
  it('is unpacked as it was packed, without the fields that were undefined', () => {
    const handle = handleText({ run: 'r1', folder: undefined, joined: true });
    expect(handle).toBe('{"run":"r1","joined":true}');
    expect(read(handle)).toEqual({ id: 'r1', folder: undefined });
  });

  it('is an error if it is invalid', () => {
    for (const text of ['', '[]', 'null', '{}', '{"run":""}', '{"run":1}']) {
      expect(() => read(text as Handle)).toThrow(expect.objectContaining({ code: 'MB9001' }));
    }
  });

  it('of a later version is an error for its run alone', () => {
    expect(() => read('{"run":"r1","shard":2}' as Handle)).toThrow(
      expect.objectContaining({ code: 'MB4006', message: expect.stringContaining('shard') }),
    );
  });
});
