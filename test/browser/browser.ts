// Pages in a real browser for tests.
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { BROWSER_PATH, launchBrowser, NO_BROWSER } from '../support/chromium.ts';

const POLICY_LISTENER = `document.addEventListener('securitypolicyviolation', (event) => {
  console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI);
});`;

/** Tests in a browser. Where there is none, they are skipped, with a test that says so. */
export function describeInBrowser(name: string, body: (pages: Pages) => void): void {
  if (BROWSER_PATH === undefined) {
    test.skip(`${name}: ${NO_BROWSER}`, () => undefined);
    return;
  }
  describe(name, () => {
    const pages = new Pages();
    afterEach(() => pages.closePages());
    afterAll(() => pages.close());
    body(pages);
  });
}

/** What a page did that it must not: errors, forbidden loads, requests to others. */
export interface Faults {
  readonly lines: string[];
  /** Failures of requests that the test provokes: patterns of the lines to leave out. */
  expect(pattern: RegExp): void;
}

interface Opened {
  readonly page: Page;
  readonly faults: Faults;
  readonly expected: RegExp[];
}

/** The pages of a test. */
export class Pages {
  #browser: Browser | undefined;
  #opened: Opened[] = [];

  /** Opens an address in a browser profile of its own. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<{ readonly page: Page; readonly faults: Faults }> {
    this.#browser ??= await launchBrowser();
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    const lines: string[] = [];
    const expected: RegExp[] = [];
    page.on('pageerror', (error) => lines.push(`error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') lines.push(`console: ${message.text()} ${message.location().url}`);
    });
    page.on('dialog', (dialog) => {
      lines.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    const origin = new URL(url).origin;
    page.on('request', (request) => {
      const to = request.url();
      if (!to.startsWith(`${origin}/`) && !/^(?:data|blob):/.test(to)) lines.push(`request: ${to}`);
    });
    await page.addInitScript(POLICY_LISTENER);
    const faults: Faults = { lines, expect: (pattern) => void expected.push(pattern) };
    this.#opened.push({ page, faults, expected });
    await page.goto(url);
    return { page, faults };
  }

  /** Closes the pages of a test, and fails if one of them did what it must not. */
  async closePages(): Promise<void> {
    const opened = this.#opened.splice(0);
    await Promise.all(opened.map(({ page }) => page.context().close()));
    const faults = opened.flatMap(({ faults: { lines }, expected }) => lines.filter((line) => !expected.some((one) => one.test(line))));
    expect(faults).toEqual([]);
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    this.#browser = undefined;
  }
}

/** Returns the serious faults that axe-core finds for people who use other means than eyes and a mouse. */
export async function seriousFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`));
}

/** Writes a picture of the page for the documentation, if that was asked for: MIRRORBOARD_SCREENSHOTS=1. */
export async function picture(page: Page, name: string): Promise<void> {
  if (process.env['MIRRORBOARD_SCREENSHOTS'] !== '1') return;
  // Where the test happens to run is of no interest.
  await page.evaluate(`for (const place of document.querySelectorAll('.where'))
    place.textContent = place.textContent.replace(/^.*[/]mirrorboard-test-[^/]+/, '/srv/training')`);
  await page.screenshot({ path: `docs/images/page-${name}.png` });
}
