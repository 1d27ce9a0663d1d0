import { describe, expect, test } from '@jest/globals';
import { errorName, isAboutBytes, isGone, reasonOf, remedyOf } from '../../src/system-error.ts';

const failed = (code: string): Error => Object.assign(new Error(`${code}: something, open 'x'`), { code, errno: -1 });

describe('messages of the system', () => {
  test('are in words, with the name of the number', () => {
    expect(reasonOf(failed('EMFILE'))).toBe('this process has too many files open (EMFILE)');
    expect(reasonOf(failed('Unknown system error -116'))).toBe('the file server no longer knows this file (ESTALE)');
  });

  test('stay unchanged if there are no words for them, or if they are our own', () => {
    expect(reasonOf(failed('EWHATEVER'))).toBe("EWHATEVER: something, open 'x'");
    expect(reasonOf(Object.assign(new Error('it is not a regular file'), { code: 'EISDIR' }))).toBe('it is not a regular file');
    expect(reasonOf('text')).toBe('text');
  });

  test('distinguish a missing file from one that cannot be checked', () => {
    expect(['ENOENT', 'ENOTDIR', 'EIO', 'ENOTCONN', 'EACCES', 'ELOOP'].filter((code) => isGone(failed(code)))).toEqual([
      'ENOENT',
      'ENOTDIR',
    ]);
  });

  test('have a suitable remedy', () => {
    expect(remedyOf(failed('EACCES'))).toMatch(/permissions/);
    expect(remedyOf(failed('ELOOP'))).toMatch(/path/);
    expect(remedyOf(failed('EMFILE'))).toMatch(/open files/);
    for (const code of ['EIO', 'ENOTCONN', 'Unknown system error -116']) expect(remedyOf(failed(code))).toMatch(/file server/);
  });

  test('concern single bytes only if a disk or a server has lost them', () => {
    expect(['EIO', 'Unknown system error -121', 'Unknown system error -117'].map((code) => isAboutBytes(failed(code)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(['EACCES', 'Unknown system error -116', 'ETIMEDOUT'].map((code) => isAboutBytes(failed(code)))).toEqual([false, false, false]);
    expect(errorName(failed('Unknown system error -99999'))).toBe('Unknown system error -99999');
  });
});
