// The Runs view with 10,000 runs: what a person does there, by mouse and by keyboard.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeInBrowser, picture, seriousFaults } from './browser.ts';
import { ask, Scene, writeManyRuns } from './scene.ts';
import { expectSoon, expectText, viewOf } from './wait.ts';

const RUNS = 10_000;

interface Runs {
  readonly total: number;
  readonly runs: readonly {
    readonly id: string;
    readonly metrics: Readonly<Record<string, { readonly last: number; readonly min: number }>>;
    readonly params: Readonly<Record<string, unknown>>;
  }[];
}

const FILTER = '.filter input';

/** The sum of what moved since the page began, as Chromium measures it. */
const LAYOUT_SHIFT = `new Promise((resolve) => {
  new PerformanceObserver((list) => resolve(list.getEntries().reduce((sum, { value }) => sum + value, 0))).observe({
    type: 'layout-shift',
    buffered: true,
  });
  setTimeout(() => resolve(0), 200);
})`;

async function ids(page: Page): Promise<string[]> {
  return await page.locator('.run-row.run .run-name').allTextContents();
}

/** Waits until the first rows are these. */
async function expectFirst(page: Page, expected: readonly string[]): Promise<void> {
  await expectSoon(async () => (await ids(page)).slice(0, expected.length), [...expected]);
}

async function expectChosen(page: Page, count: string): Promise<void> {
  await expectText(page, '.chosen-count', count);
}

/** The number of rows, with the head. */
async function expectRows(page: Page, count: number): Promise<void> {
  await expectSoon(() => page.locator('.run-table').getAttribute('aria-rowcount'), String(count));
}

async function first(url: string, query: string, limit = 5): Promise<string[]> {
  return (await ask<Runs>(url, `runs?limit=${limit}&${query}`)).runs.map(({ id }) => id);
}

describeInBrowser('the table of 10,000 runs', (pages) => {
  let scene: Scene;
  let url: string;

  beforeAll(async () => {
    scene = new Scene();
    writeManyRuns(scene, RUNS);
    await scene.backfill();
    url = await scene.serve();
  });
  afterAll(() => scene.end());

  async function open(view = ''): Promise<Page> {
    const { page } = await pages.open(`${url}${view}`);
    await page.waitForSelector('.run-row.run');
    return page;
  }

  it('shows the newest runs first, and only the rows in view', async () => {
    const page = await open();
    await expectFirst(page, await first(url, 'order=-first_wall_time'));
    await expectText(page, '.run-count', '10,000 runs');
    expect(await page.locator('.run-row').count()).toBeLessThan(100);
    await expectRows(page, RUNS + 1);
  });

  it('shows metrics and params next to the names', async () => {
    const page = await open(
      '#/runs?filter=lr%3C0.05&order=-last:val/acc&columns=last:val/acc,min:train/loss,param:lr,param:optimizer,last_step,first_wall_time',
    );
    for (const key of ['x', 'j', 'x', 'j', 'j', 'x']) await page.keyboard.press(key);
    await expectChosen(page, '3 chosen');
    const [best] = (await ask<Runs>(url, 'runs?limit=1&order=-last:val/acc&metric=val/acc&filter=lr%3C0.05')).runs;
    await expectSoon(() => page.locator('.run-row.run .cell.metric').first().getAttribute('title'), String(best?.metrics['val/acc']?.last));
    await picture(page, 'runs');
  });

  it('reaches the last run by scrolling and by keyboard', async () => {
    const last = (await first(url, 'order=first_wall_time', 1))[0] ?? '';
    const page = await open();
    await page.locator('.run-table').evaluate((table) => table.scrollTo(0, table.scrollHeight));
    await page.getByText(last, { exact: true }).waitFor();
    expect(await page.locator('.run-row').count()).toBeLessThan(100);
    await page.keyboard.press('Home');
    await expectFirst(page, await first(url, 'order=-first_wall_time'));
    await page.keyboard.press('End');
    await page.getByText(last, { exact: true }).waitFor();
    await expectSoon(() => page.locator('.run-row.cursor .run-name').textContent(), last);
  });

  it('filters as the API does, says what is wrong with a filter, and goes back', async () => {
    const page = await open();
    await page.keyboard.press('/');
    await page.keyboard.type('lr<0.05 val/acc>0.99');
    const found = await ask<Runs>(url, `runs?limit=5&order=-first_wall_time&filter=${encodeURIComponent('lr<0.05 val/acc>0.99')}`);
    expect(found.total).toBeGreaterThan(5);
    await expectFirst(
      page,
      found.runs.map(({ id }) => id),
    );
    await expectText(page, '.run-count', `${found.total} runs`);
    expect(viewOf(page)).toBe('#/runs?filter=lr<0.05+val/acc>0.99');
    // One step, however many letters.
    await page.goBack();
    await expectText(page, '.run-count', '10,000 runs');
    expect(await page.inputValue(FILTER)).toBe('');
    await page.goForward();
    await expectText(page, '.run-count', `${found.total} runs`);
    expect(await page.inputValue(FILTER)).toBe('lr<0.05 val/acc>0.99');
  });

  it('keeps the rows while a filter is wrong, and says why at the box', async () => {
    const { page, faults } = await pages.open(url);
    faults.expect(/status of 400/);
    await page.waitForSelector('.run-row.run');
    await page.fill(FILTER, 'lr>>1');
    await expectText(page, '.filter .problem', /is not a number/);
    await expectSoon(() => page.getAttribute(FILTER, 'aria-invalid'), 'true');
    expect(await page.locator('.run-row.run').count()).toBeGreaterThan(10);
    await page.fill(FILTER, 'exp_001/');
    await expectText(page, '.run-count', '50 runs');
    await expectSoon(() => page.locator('.filter .problem').count(), 0);
  });

  it('sorts by any column, in both directions, as the API does', async () => {
    const page = await open('#/runs?columns=last:train/loss,param:lr,points');
    await page.getByRole('columnheader', { name: 'train/loss' }).getByRole('button').click();
    await expectFirst(page, await first(url, 'order=last:train/loss'));
    await page.getByRole('columnheader', { name: 'train/loss' }).getByRole('button').press('Enter');
    await expectFirst(page, await first(url, 'order=-last:train/loss'));
    await expectSoon(() => page.getByRole('columnheader', { name: 'train/loss' }).getAttribute('aria-sort'), 'descending');
    await page.getByRole('columnheader', { name: 'lr' }).getByRole('button').click();
    await expectFirst(page, await first(url, 'order=param:lr'));
    await page.getByRole('columnheader', { name: 'Run' }).getByRole('button').click();
    await expectFirst(page, await first(url, 'order=run'));
    await page.reload();
    await expectFirst(page, await first(url, 'order=run'));
  });

  it('shows the columns that are chosen, with the numbers of the store', async () => {
    const page = await open();
    await page.keyboard.press('c');
    await page.getByLabel('Search', { exact: false }).last().fill('loss');
    await page.getByLabel('min:train/loss').check();
    await page.getByLabel('Search', { exact: false }).last().fill('opti');
    await page.getByLabel('param:optimizer').check();
    await page.getByLabel('Remove points').click();
    await page.keyboard.press('Escape');
    const [one] = (await ask<Runs>(url, 'runs?limit=1&order=-first_wall_time&metric=train/loss&param=optimizer')).runs;
    const row = page.locator('.run-row.run', { has: page.getByText(one?.id ?? '', { exact: true }) });
    await expectSoon(() => row.locator('.cell.metric').getAttribute('title'), String(one?.metrics['train/loss']?.min));
    await expectSoon(() => row.locator('.cell.param').textContent(), String(one?.params['optimizer']));
    expect(viewOf(page)).toBe('#/runs?columns=first_wall_time,last_wall_time,last_step,min:train/loss,param:optimizer');
    expect(await page.getByRole('columnheader').allTextContents()).not.toContain('Points');
  });

  it('chooses runs by mouse: one, a range, only one, none', async () => {
    const page = await open();
    const rows = page.locator('.run-row.run .box');
    await rows.nth(1).click();
    await expectChosen(page, '1 chosen');
    await rows.nth(4).click({ modifiers: ['Shift'] });
    await expectChosen(page, '4 chosen');
    await rows.nth(2).click();
    await expectChosen(page, '3 chosen');
    await page.locator('.run-row.run').nth(6).hover();
    await page.locator('.run-row.run .only').nth(6).click();
    await expectChosen(page, '1 chosen');
    expect(viewOf(page)).toBe(`#/runs?runs=${(await ids(page))[6]}`);
    await page.getByRole('button', { name: 'None' }).click();
    await expectChosen(page, 'None chosen');
    await page.goBack();
    await expectChosen(page, '1 chosen');
  });

  it('chooses runs by keyboard: one, a range, only one, the others, all', async () => {
    const page = await open();
    for (const key of ['x', 'j', 'j', 'x']) await page.keyboard.press(key);
    await expectChosen(page, '2 chosen');
    for (const key of ['j', 'j', 'X']) await page.keyboard.press(key);
    await expectChosen(page, '4 chosen');
    for (const key of ['J', 'Shift+ArrowDown']) await page.keyboard.press(key);
    await expectChosen(page, '6 chosen');
    await page.keyboard.press('k');
    await page.keyboard.press('o');
    await expectChosen(page, '1 chosen');
    await page.keyboard.press('i');
    await expectChosen(page, '9,999 chosen');
    await page.keyboard.press('a');
    await expectChosen(page, '10,000 chosen');
    // A pattern, not a list of ten thousand names.
    expect(viewOf(page)).toBe('#/runs?match=');
    await page.keyboard.press('n');
    await expectChosen(page, 'None chosen');
  });

  it('chooses runs by a regular expression, which stands in the link', async () => {
    const page = await open();
    await page.keyboard.press('m');
    await page.keyboard.type('exp_0[01]\\d/seed_7$');
    await page.keyboard.press('Enter');
    await expectChosen(page, '20 chosen');
    await page.reload();
    await expectChosen(page, '20 chosen');
    expect(viewOf(page)).toBe('#/runs?match=exp_0[01]\\d/seed_7$');
    await page.getByLabel('Choose runs that match a regular expression').fill('(');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Invalid regular expression' }).waitFor();
  });

  it('puts a choice into a link that opens the same choice', async () => {
    const page = await open('#/runs?order=run');
    for (const key of ['x', 'j', 'x', 'j', 'j', 'x']) await page.keyboard.press(key);
    await expectChosen(page, '3 chosen');
    const other = await open(new URL(page.url()).hash);
    await expectChosen(other, '3 chosen');
    expect(await other.locator('.run-row.chosen .run-name').allTextContents()).toEqual(
      await page.locator('.run-row.chosen .run-name').allTextContents(),
    );
  });

  it('downloads every point of the chosen runs, or of all runs of the filter', async () => {
    const page = await open('#/runs?order=run&filter=exp_003');
    for (const [keys, selection] of [
      [['x', 'j', 'x'], 'run=logs/exp_003/seed_0&run=logs/exp_003/seed_1'],
      [['n'], 'filter=exp_003'],
    ] as const) {
      await expectText(page, '.run-count', '50 runs');
      for (const key of keys) await page.keyboard.press(key);
      await page.getByText('Download', { exact: true }).click();
      const coming = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Scalars as CSV' }).click();
      const download = await coming;
      expect(download.suggestedFilename()).toBe('mirrorboard.csv');
      const exported = await (await fetch(`${url}api/v1/export?format=csv&${selection}`)).text();
      expect(exported.split('\n').length).toBeGreaterThan(20);
      expect(readFileSync(await download.path(), 'utf8')).toBe(exported);
      await page.getByText('Downloaded mirrorboard.csv').waitFor();
    }
  });

  it('groups by a regular expression and by a param, and closes groups', async () => {
    const page = await open('#/runs?filter=run:exp_00*&order=run');
    await page.getByLabel('Group by').fill('exp_\\d+');
    await page.keyboard.press('Enter');
    await expectText(page, '.run-row.group .group-name', 'exp_000');
    await expectRows(page, 500 + 10 + 1);
    await page.locator('.run-row.group button[aria-expanded]').first().click();
    await expectRows(page, 450 + 10 + 1);
    await page.locator('.run-row.group .box').first().click();
    await expectChosen(page, '50 chosen');
    await page.getByLabel('Group by').fill('param:optimizer');
    await page.keyboard.press('Enter');
    await expectText(page, '.run-row.group .group-name', 'optimizer = adam');
    await page.getByLabel('Group by').fill('(');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Invalid regular expression' }).waitFor();
  });

  it('opens a run by keyboard and by mouse, and comes back to the same view', async () => {
    const page = await open('#/runs?filter=exp_01');
    await expectText(page, '.run-count', '500 runs');
    for (const key of ['j', 'j', 'Enter']) await page.keyboard.press(key);
    await page.locator('.run-title').waitFor();
    await page.goBack();
    await expectText(page, '.run-count', '500 runs');
    const name = (await ids(page))[3] ?? '';
    await page.getByText(name, { exact: true }).click();
    await expectText(page, '.run-title h1', name);
    await picture(page, 'run');
    await page.keyboard.press('u');
    await expectText(page, '.run-count', '500 runs');
  });

  it('shows a run that a program writes now within two seconds, unless it is paused', async () => {
    const page = await open();
    await page.getByText('live', { exact: true }).waitFor();
    scene.write({ path: 'fresh/one', scalars: { loss: [1, 2, 3] }, beginSec: 1_800_000_000 });
    await scene.backfill();
    const stored = performance.now();
    await page.getByText('logs/fresh/one', { exact: true }).waitFor();
    expect(performance.now() - stored).toBeLessThan(2000);
    await expectText(page, '.run-count', '10,001 runs');
    await page.getByRole('button', { name: 'Pause' }).click();
    scene.write({ path: 'fresh/two', scalars: { loss: [1] }, beginSec: 1_800_000_100 });
    await scene.backfill();
    await page.getByText('paused', { exact: true }).waitFor();
    await expectText(page, '.live-when', /^\d+ s ago$/);
    expect(await page.getByText('logs/fresh/two', { exact: true }).count()).toBe(0);
    await page.getByRole('button', { name: 'Follow' }).click();
    await page.getByText('logs/fresh/two', { exact: true }).waitFor();
  });

  it('has no serious fault for people who use a screen reader or a keyboard, in light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await pages.open(`${url}#/runs?columns=last:train/loss,param:lr,points&group=exp_%5Cd%2B`, { colorScheme });
      await page.waitForSelector('.run-row.group');
      expect(await seriousFaults(page)).toEqual([]);
      await page.keyboard.press('c');
      await page.getByLabel('param:optimizer').waitFor();
      expect(await seriousFaults(page)).toEqual([]);
    }
  });

  it('moves nothing while it loads, and fits a narrow screen', async () => {
    const page = await open();
    await expectText(page, '.live-word', 'live');
    expect(await page.evaluate(LAYOUT_SHIFT)).toBeLessThan(0.02);
    await page.setViewportSize({ width: 390, height: 700 });
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await picture(page, 'narrow');
  });

  it('keeps nothing in the browser but the choice of colours', async () => {
    const page = await open();
    await page.getByLabel('Colors').selectOption('dark');
    const kept = await page.evaluate('({ local: { ...localStorage }, session: { ...sessionStorage }, cookies: document.cookie })');
    expect(kept).toEqual({ local: { 'mirrorboard-theme': 'dark' }, session: {}, cookies: '' });
    await expectSoon(() => page.locator('html').getAttribute('data-theme'), 'dark');
    await page.reload();
    await page.waitForSelector('.run-row.run');
    await expectSoon(() => page.locator('html').getAttribute('data-theme'), 'dark');
  });
});
