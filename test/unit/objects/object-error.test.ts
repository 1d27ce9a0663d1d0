import { describe, expect, test } from '@jest/globals';
import { objectError } from '../../../src/objects/object-error.ts';

describe('objectError', () => {
  const secretAccessKey = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY';
  const options = {
    url: 's3://bucket/runs',
    bucket: 'bucket',
    prefix: 'runs',
    credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey },
  };

  test('removes a secret completely if the cut of a long message goes through it', () => {
    for (let before = 1950; before < 2000; before++) {
      const { message } = objectError(new Error(`${'x '.repeat(before / 2)}${secretAccessKey} and more`), 'storing a', options);
      expect(message).not.toContain(secretAccessKey.slice(0, 4));
    }
  });

  test('tells what passes from what stays', () => {
    const codeOf = (name: string, httpStatusCode: number): readonly [string, string] => {
      const { code, retry } = objectError(Object.assign(new Error('x'), { name, $metadata: { httpStatusCode } }), 'storing a', options);
      return [code, retry];
    };
    for (const [name, status] of [
      ['RequestTimeout', 400],
      ['ConditionalRequestConflict', 409],
      ['OperationAborted', 409],
      ['SlowDown', 503],
    ] as const)
      expect(codeOf(name, status)).toEqual(['MB4001', 'later']);
    expect(codeOf('InvalidArgument', 400)[0]).toBe('MB4005');
    expect(codeOf('BucketAlreadyExists', 409)[0]).toBe('MB4005');
    expect(codeOf('AccessDenied', 403)[0]).toBe('MB4002');
  });

  test('removes the secret, also in the form of an address, and keeps the text around it', () => {
    const secret = 'abc/def+ghi';
    const error = new Error(`signed with ${secret} at ?x=${encodeURIComponent(secret)} now`);
    const { message } = objectError(error, 'storing a', { ...options, credentials: { accessKeyId: 'a', secretAccessKey: secret } });
    expect(message).toBe('storing a in s3://bucket/runs: Error: signed with [redacted] at ?x=[redacted] now');
  });
});
