import { describe, expect, test } from '@jest/globals';
import { plainText, redact, redactCut } from '../../../src/http/index.ts';

describe('redact', () => {
  test.each([
    ['http://user:pa%3Ass@host:5000/a', 'http://[redacted]@host:5000/a'],
    ['postgresql+psycopg2://u:p@db/mlflow', 'postgresql+psycopg2://[redacted]@db/mlflow'],
    ['GET http://h/x?token=abc&page=2: 401', 'GET http://h/x?token=[redacted]&page=2: 401'],
    ['https://b/o?X-Amz-Signature=9f&X-Amz-Credential=AK', 'https://b/o?X-Amz-Signature=[redacted]&X-Amz-Credential=[redacted]'],
    ['Authorization: Bearer abc.def-ghi', 'Authorization: Bearer [redacted]'],
    ['sent Basic dXNlcjpwYXNz there', 'sent Basic [redacted] there'],
    ['{"api_key":"k\\"1","name":"loss"}', '{"api_key":"[redacted]","name":"loss"}'],
  ])('removes secrets from %s', (text, expected) => expect(redact(text)).toBe(expected));

  test('removes a secret whose end was cut off', () => expect(redact('{"api_key":"k1')).toBe('{"api_key":"[redacted]"'));

  test('keeps text without a secret', () => {
    const text = 'PUT http://h:5000/a/b?page_token=2&key_name=loss: 400: metrics[3].key is "train/loss"';
    expect(redact(text.replace('page_token', 'page'))).toBe(text.replace('page_token', 'page'));
  });

  test('removes known secrets, also in the form of an address and of basic authentication', () => {
    const secret = 'p@ss word';
    expect(redact(`a ${secret} b ${encodeURIComponent(secret)} c ${Buffer.from(secret).toString('base64')}`, [secret])).toBe(
      'a [redacted] b [redacted] c [redacted]',
    );
  });
});

describe('redactCut', () => {
  const secret = 'p@ss word of a user';

  test('returns the beginning of a long text, and marks the cut', () => {
    const cut = redactCut('x '.repeat(1_000_000), 100);
    expect([cut.length, cut.at(-1)]).toEqual([100, '…']);
    expect(redactCut('short', 100)).toBe('short');
  });

  test.each([
    ['a known text', (fill: string) => `${fill}${secret} and more`, secret.slice(0, 6)],
    ['a user in an address', (fill: string) => `${fill}http://user:hunter22@host/`, 'hunter'],
    ['a token', (fill: string) => `${fill}?token=abcdef0123456789`, 'abcd'],
  ])('removes %s completely if the cut goes through it', (_, textOf, part) => {
    // Redactions make a text shorter, so the end of the part that is searched can be within the part that is shown.
    const filler = `?key=${'k'.repeat(70)} `;
    for (let length = 300; length < 400; length++) {
      const fill = filler.repeat(10).slice(-length);
      expect(redactCut(textOf(fill) + ' z'.repeat(300), 100, [secret])).not.toContain(part);
    }
  });
});

test('plainText returns the visible text of a page', () => {
  expect(plainText('<html><style type="x">a { b: c }</style><p class="y">not <b>here</b></p>').replace(/\s+/g, ' ').trim()).toBe(
    'not here',
  );
});
