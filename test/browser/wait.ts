// Waiting for what a page shows.
import { isDeepStrictEqual } from 'node:util';
import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';

const PATIENCE_MS = 20_000;
const EACH_MS = 20;

/** Waits until an answer is as expected; fails with the last one. */
export async function expectSoon<Answer>(look: () => Promise<Answer>, expected: Answer | RegExp): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    const isThere = expected instanceof RegExp ? expected.test(String(found)) : isDeepStrictEqual(found, expected);
    if (isThere || performance.now() > end) {
      if (expected instanceof RegExp) expect(String(found)).toMatch(expected);
      else expect(found).toEqual(expected);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, EACH_MS));
  }
}

/** Waits for the text of the first element of a selector. */
export async function expectText(page: Page, selector: string, expected: string | RegExp): Promise<void> {
  await expectSoon(async () => (await page.locator(selector).allTextContents())[0], expected);
}

/** The view in the address, as people read it. */
export function viewOf(page: Page): string {
  return decodeURIComponent(new URL(page.url()).hash);
}
