import { describe, expect, test } from '@jest/globals';
import { damageRemedy } from '../../../src/cli/damage-remedy.ts';
import { damageBytes, damageReason } from '../../../src/cli/terminal/index.ts';
import { damageText } from '../../../src/cli/terminal/plain-words.ts';
import { describeForeign } from '../../../src/decode/foreign.ts';

const at = { start: 0, end: 458 };

describe('the remedy for damage', () => {
  test.each([
    ['version https://git-lfs.github.com/spec/v1\noid sha256:', 'fetch the file itself with git lfs pull'],
    ['\x1f\x8b\x08\0', 'unpack it first'],
    ['step,value\n1,2\n', 'copy the file again from its source'],
  ])('is a single one that matches the reason: %j', (head, remedy) => {
    const detail = describeForeign(Buffer.from(head, 'latin1')) ?? '';
    expect(damageRemedy({ ...at, reason: 'not_event_file', detail })).toBe(remedy);
  });

  test('is not a copy if the writer wrote the damage, and is empty if the state is normal', () => {
    expect(damageRemedy({ reason: 'data_checksum' })).toMatch(/^copy the file again/);
    expect(damageRemedy({ reason: 'bad_message', detail: 'invalid wire type 7' })).not.toMatch(/^copy/);
    expect(damageRemedy({ reason: 'too_large', needs: 2 ** 31 })).toBe('set memory: 2GiB');
    expect(damageRemedy({ reason: 'torn' })).toBeUndefined();
  });
});

describe('data that the system cannot read', () => {
  const detail = 'the system cannot read these bytes: the disk or the file server has an error (EIO)';

  test('is reported once', () => {
    expect(damageReason({ reason: 'unreadable', detail })).toBe(detail);
    expect(damageReason({ reason: 'unreadable', detail: 'no permission (EACCES)' })).toBe(
      'the system cannot read these bytes: no permission (EACCES)',
    );
  });

  test('has no number of bytes if the length of the file is unknown', () => {
    const damage = { run: { root: 'logs', path: 'a' }, file: 'tfevents', start: 0, end: 1, reason: 'unreadable', detail } as const;
    expect(damageText(damage)).toBe(`logs/a/tfevents, offset 0: ${detail}`);
    expect(damageBytes({ ...damage, end: 4096 })).toBe('4,096 bytes');
    expect(damageBytes({ ...damage, reason: 'data_checksum' })).toBe('1 byte');
  });
});
