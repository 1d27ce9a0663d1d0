import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { errorCodes } from '../../../src/errors.ts';

const text = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
/** `## CODE: title`, then the lines below it. */
const entries = text
  .split(/^## /m)
  .slice(1)
  .map((section) => {
    const [, code = '', title = ''] = /^(\S+): (.*)$/m.exec(section) ?? [];
    return { code, title, section };
  });

describe('docs/errors.md', () => {
  test('has an entry for every code, and no other, in their order', () => {
    expect(entries.map(({ code }) => code)).toEqual(Object.keys(errorCodes));
  });

  test.each(Object.entries(errorCodes))('have the same title and exit code for %s as the program', (code, { title, exit }) => {
    const entry = entries.find((candidate) => candidate.code === code);
    expect(entry?.title).toBe(title);
    expect(entry?.section).toContain(`Exit code ${exit}.`);
    for (const part of ['**Means:**', '**Usual cause:**', '**What to do:**']) expect(entry?.section).toContain(part);
  });
});
