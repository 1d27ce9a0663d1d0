import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { CommandContext } from '../../../src/cli/context.ts';
import { explainCommand, explanations } from '../../../src/cli/explain.ts';
import { errorCodes } from '../../../src/errors.ts';

async function explain(codes: readonly string[], json = false): Promise<string> {
  let text = '';
  const stdout = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  const context = { stdout, stderr: stdout, env: { COLUMNS: '70' }, exitCode: 9 } as unknown as CommandContext;
  await explainCommand(codes, { json }, context);
  expect(context.exitCode).toBe(0);
  return text;
}

describe('explain', () => {
  test('reads the documentation page that the build puts next to the program', () => {
    const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
    expect(readFileSync(new URL('../../../src/cli/errors.md', import.meta.url), 'utf8')).toBe(page);
    expect([...explanations(page).keys()]).toEqual(Object.keys(errorCodes));
  });

  test.each(Object.keys(errorCodes))('explains %s and its remedy, as plain text', async (code) => {
    const text = await explain([code]);
    expect(text).toMatch(new RegExp(`^${code}: `));
    for (const part of ['Means: ', 'Usual cause: ', 'What to do: ']) expect(text).toContain(`\n${part}`);
    expect(text).not.toMatch(/\*\*|\]\(/);
    const document = JSON.parse(await explain([code], true));
    expect(document).toMatchObject({
      type: 'error_code',
      code,
      means: expect.any(String),
      usual_cause: expect.any(String),
      what_to_do: expect.any(String),
    });
  });

  test('accepts a code in any spelling, and several at a time, and lists all codes without one', async () => {
    expect(await explain(['mb3007', '1002', 'error[MB1001]:'])).toMatch(/^MB3007: [\s\S]*\nMB1002: [\s\S]*\nMB1001: /);
    expect((await explain([])).match(/^MB\d{4} /gm)).toHaveLength(Object.keys(errorCodes).length);
  });

  test('suggests the closest code for an unknown one', async () => {
    await expect(explain(['MB307'])).rejects.toMatchObject({ code: 'MB1001', message: expect.stringContaining('did you mean MB3') });
  });
});
