// The frame of the page: colours, help, the token, links, and texts that want to be more than texts.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { event, eventFile, frame, simpleValue, text } from '../support/event-writer.ts';
import { describeInBrowser, seriousFaults } from './browser.ts';
import { ask, Scene, TOKEN } from './scene.ts';
import { expectSoon, expectText, viewOf } from './wait.ts';

/** Each would show a dialog, load something or change the page if it were not a text. */
const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(2)>',
  '"><script>alert(3)<',
  "javascript:alert(4)//'",
  '{{alert(5)}}',
  '\u202eesrever \u0007bell\u001b[31m',
  '__proto__',
  'constructor',
];

describeInBrowser('the frame of the page', (pages) => {
  let scene: Scene;
  let url: string;
  let urlWithToken: string;

  beforeAll(async () => {
    scene = new Scene();
    for (const [i, name] of HOSTILE.entries()) {
      scene.write({
        path: `hostile/${name.replaceAll('/', '_').replace('\u0007', '')}`,
        params: { [name]: name, lr: 0.1 },
        scalars: { [name]: [i, Number.NaN, Number.POSITIVE_INFINITY], loss: [i] },
      });
    }
    const markup = event({ wallTime: 1, step: 0, summary: [text('notes', ['<script>alert(6)</script><img src=x onerror=alert(7)>'])] });
    const described = event({ wallTime: 2, step: 1, summary: [simpleValue('<b>bold</b>', 1)] });
    scene.writeFile('logs/notes/events.out.tfevents.1.h', Buffer.concat([eventFile(), frame(markup), frame(described)]));
    const start = (wallTime: number, step: number): Uint8Array => frame(event({ wallTime, step, sessionLog: { status: 'start' } }));
    scene.writeFile(
      'logs/hostile/restarted/events.out.tfevents.1.h',
      Buffer.concat([eventFile(), start(1_700_000_000, 1), frame(described)]),
    );
    scene.writeFile(
      'logs/hostile/restarted/events.out.tfevents.2.h',
      Buffer.concat([eventFile(), start(1_700_000_900, 400), frame(described)]),
    );
    await scene.backfill();
    url = await scene.serve();
    urlWithToken = await scene.serveWithToken();
  });
  afterAll(() => scene.end());

  async function open(view = ''): Promise<Page> {
    return (await pages.open(`${url}${view}`)).page;
  }

  it('shows names, tags and params from logs as texts', async () => {
    const page = await open(`#/runs?columns=${HOSTILE.map((name) => encodeURIComponent(`last:${name}`)).join(',')},param:__proto__`);
    await page.waitForSelector('.run-row.run');
    const names = await page.locator('.run-row.run .run-name').allTextContents();
    expect(names).toContain('logs/hostile/<img src=x onerror=alert(1)>');
    expect(names).toContain('logs/hostile/\\u{202e}esrever bell\\u{1b}[31m');
    expect(await page.locator('.run-table img, .run-table svg, .run-table script').count()).toBe(0);
    expect(await page.getByRole('columnheader', { name: '<svg onload=alert(2)>' }).count()).toBe(1);
    await page.keyboard.press('c');
    await page.getByLabel('param:constructor').waitFor();
    expect(await page.locator('dialog[open] img, dialog[open] svg, dialog[open] script').count()).toBe(0);
    await page.keyboard.press('Escape');
    const run = page.getByText('logs/hostile/<img src=x onerror=alert(1)>', { exact: true });
    await run.click();
    await expectText(page, '.run-title h1', 'logs/hostile/<img src=x onerror=alert(1)>');
    await page.getByRole('link', { name: '<img src=x onerror=alert(1)>', exact: true }).waitFor();
    expect(await page.locator('main img, main svg, main script').count()).toBe(0);
    // The link to it leads to the same run.
    await page.reload();
    await expectText(page, '.run-title h1', 'logs/hostile/<img src=x onerror=alert(1)>');
  });

  it.each(HOSTILE)('opens with the address of a stranger: %j', async (given) => {
    for (const view of [`#${given}`, `#/runs?filter=&group=${encodeURIComponent(given)}&match=${encodeURIComponent(given)}`]) {
      const { page } = await pages.open(`${url}${view}`);
      await page.waitForSelector('.run-row');
      expect(await page.locator('#app img, #app script').count()).toBe(0);
    }
  });

  it('lists the keyboard shortcuts that hold, and gives the focus back', async () => {
    const page = await open();
    await page.waitForSelector('.run-row.run');
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await help.waitFor();
    for (const words of ['filter the runs', 'next run', 'choose the run, or not', 'choose columns'])
      await help.getByText(words, { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
    await help.waitFor();
    await help.getByRole('button', { name: 'Close' }).click();
    await expectSoon(() => page.locator('button:focus').getAttribute('aria-label'), 'Keyboard shortcuts');
    for (const [key, view] of [
      ['2', '#/curves'],
      ['3', '#/lanes'],
      ['1', '#/runs'],
    ] as const) {
      await page.keyboard.press(key);
      await expectSoon(async () => viewOf(page), view);
    }
  });

  it('writes letters into boxes rather than running their shortcuts', async () => {
    const page = await open();
    await page.waitForSelector('.run-row.run');
    await page.keyboard.press('/');
    await page.keyboard.type('jkx?123');
    await expectSoon(() => page.inputValue('.filter input'), 'jkx?123');
    await expectSoon(() => page.locator('dialog[open]').count(), 0);
    await page.keyboard.press('Escape');
    await expectSoon(() => page.locator('.filter input:focus').count(), 0);
  });

  it('can be used with the keyboard alone: the focus is visible, and skips to the content', async () => {
    const page = await open();
    await page.waitForSelector('.run-row.run');
    await page.keyboard.press('Tab');
    await expectSoon(() => page.locator(':focus').textContent(), 'Skip to the content');
    await page.keyboard.press('Enter');
    await expectSoon(() => page.locator(':focus').getAttribute('id'), 'main');
    await page.keyboard.press('Tab');
    const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline).not.toBe('none');
  });

  it('follows the colours of the system, and a choice of others', async () => {
    const { page } = await pages.open(url, { colorScheme: 'dark' });
    const theme = (): Promise<string | null> => page.locator('html').getAttribute('data-theme');
    await expectSoon(theme, 'dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await expectSoon(theme, 'light');
    await page.getByLabel('Colors').selectOption('dark');
    await expectSoon(theme, 'dark');
    await page.reload();
    await expectSoon(theme, 'dark');
    await page.getByLabel('Colors').selectOption('system');
    await expectSoon(theme, 'light');
  });

  it('works where the browser keeps nothing', async () => {
    const { page } = await pages.open(`${url}api/v1/roots`);
    await page.addInitScript(`for (const name of ['localStorage', 'sessionStorage'])
      Object.defineProperty(window, name, { get() { throw new DOMException('forbidden', 'SecurityError'); } });`);
    await page.goto(url);
    await page.waitForSelector('.run-row.run');
    await page.getByLabel('Colors').selectOption('dark');
    await expectSoon(() => page.locator('html').getAttribute('data-theme'), 'dark');
  });

  it('moves nothing for people who want no motion', async () => {
    const { page } = await pages.open(url, { reducedMotion: 'reduce' });
    await page.waitForSelector('.run-row.run');
    const moving = await page.evaluate<string[]>(`[...document.querySelectorAll('*')]
      .filter((element) => getComputedStyle(element).transitionDuration !== '0s' || getComputedStyle(element).animationName !== 'none')
      .map((element) => element.className)`);
    expect(moving).toEqual([]);
  });

  it('hides and archives runs, and lists them again', async () => {
    const { page, faults } = await pages.open(`${urlWithToken}#/runs?order=-run`);
    faults.expect(/status of 401/);
    await page.getByRole('textbox', { name: 'Token' }).fill(TOKEN);
    await page.keyboard.press('Enter');
    const names = (): Promise<string[]> => page.locator('.run-row.run .run-name').allTextContents();
    const note = page.locator('.run-row.run', { hasText: 'logs/notes' });
    await expectSoon(async () => (await names())[0], 'logs/notes');
    await note.locator('.box').click();
    for (const [button, word] of [
      ['Hide', 'hidden'],
      ['Archive', 'archived'],
    ] as const) {
      await page.getByRole('button', { name: button }).click();
      await expectSoon(async () => (await names()).includes('logs/notes'), false);
      await page.getByLabel('Show hidden').check();
      await note.getByText(word, { exact: true }).waitFor();
      expect(await seriousFaults(page)).toEqual([]);
      await page.getByRole('button', { name: 'Unhide' }).click();
      await note.getByText(word, { exact: true }).waitFor({ state: 'hidden' });
      await page.getByLabel('Show hidden').uncheck();
      await expectSoon(async () => (await names())[0], 'logs/notes');
    }
  });

  it('compares the hyperparameters of the runs that lists show', async () => {
    const rows = async (view: string): Promise<number> => {
      const page = await open(view);
      await page.locator('.hparam-table tbody tr').first().waitFor();
      return page.locator('.hparam-table tbody tr').count();
    };
    expect(await rows('#/curves?tab=hparams')).toBe(HOSTILE.length);
    const set = (visibility: string): Promise<Response> =>
      fetch(new URL('api/v1/runs/visibility', urlWithToken), {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ runs: ['logs/hostile/constructor'], visibility }),
      });
    expect((await set('hidden')).status).toBe(200);
    expect(await rows('#/curves?tab=hparams')).toBe(HOSTILE.length - 1);
    expect(await rows('#/curves?tab=hparams&hidden=true')).toBe(HOSTILE.length);
    expect((await set('visible')).status).toBe(200);
  });

  it('asks for the token, says if it is wrong, and keeps it for this tab only', async () => {
    const { page, faults } = await pages.open(urlWithToken);
    faults.expect(/status of 401/);
    const dialog = page.getByRole('dialog', { name: 'Token' });
    await dialog.waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('textbox', { name: 'Token' }).fill('wrong');
    await page.keyboard.press('Enter');
    await dialog.getByText('This token is not valid.').waitFor();
    await page.getByRole('textbox', { name: 'Token' }).fill(TOKEN);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForSelector('.run-row.run');
    await expectText(page, '.live-word', 'live');
    expect(page.url()).not.toContain(TOKEN);
    expect(await page.content()).not.toContain(TOKEN);
    expect(await page.evaluate('JSON.stringify({ ...localStorage }) + document.cookie')).toBe('{}');
    await page.reload();
    await page.waitForSelector('.run-row.run');
    const other = await page.context().newPage();
    await other.goto(urlWithToken);
    await other.getByRole('dialog', { name: 'Token' }).waitFor();
  });

  it('says that nobody answers, and goes on when somebody does', async () => {
    const { page, faults } = await pages.open(url);
    faults.expect(/net::ERR|status of 503/);
    await page.waitForSelector('.run-row.run');
    await page.context().setOffline(true);
    await page.getByRole('columnheader', { name: 'Run' }).getByRole('button').click();
    await page.getByText('mirrorboard does not answer.').waitFor();
    await page.context().setOffline(false);
    await page.getByText('mirrorboard does not answer.').waitFor({ state: 'hidden' });
    await expectSoon(() => page.getByRole('columnheader', { name: 'Run' }).getAttribute('aria-sort'), 'ascending');
    await expectText(page, '.run-row.run .run-name', 'logs/hostile/"><script>alert(3)<');
    await expectText(page, '.live-word', 'live');
  });

  it('shows one run: params, tags, files, with the numbers of the store', async () => {
    const page = await open('#/run?run=logs/hostile/constructor');
    await page.locator('.run-title h1').waitFor();
    const details = await ask<{ readonly series: readonly unknown[]; readonly run: { readonly points: number } }>(
      url,
      'run?run=logs/hostile/constructor',
    );
    await expectSoon(() => page.locator('section[aria-labelledby=tags-title] tbody tr').count(), details.series.length);
    await expectSoon(() => page.locator('.fact-list dd').first().textContent(), String(details.run.points));
    await page.getByLabel('Search tags').fill('loss');
    await expectSoon(() => page.locator('section[aria-labelledby=tags-title] tbody tr').count(), 1);
    await page.keyboard.press('Escape');
    await page.keyboard.press('x');
    await page.getByRole('button', { name: 'Chosen ✓' }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('link', { name: 'loss', exact: true }).click();
    await expectSoon(async () => viewOf(page), /^#\/curves\?runs=logs\/hostile\/constructor&tags=\^loss\$$/);
  });

  it('shows when the writers of a run started, and that they started again', async () => {
    const page = await open('#/run?run=logs/hostile/restarted');
    const rows = page.locator('section[aria-labelledby=sessions-title] tbody tr');
    await rows.first().waitFor();
    const { sessions } = await ask<{
      readonly sessions: readonly { readonly file: string; readonly offset: number; readonly step: number }[];
    }>(url, 'run?run=logs/hostile/restarted');
    expect(sessions.map(({ file, step }) => [file, step])).toEqual([
      ['events.out.tfevents.1.h', 1],
      ['events.out.tfevents.2.h', 400],
    ]);
    const cells = await rows.evaluateAll((all) =>
      all.map((row) => [...row.querySelectorAll('td')].slice(1).map((cell) => cell.textContent)),
    );
    expect(cells).toEqual(sessions.map(({ file, offset, step }) => [String(step), file, String(offset)]));
    await expectSoon(() => rows.getByText('restart', { exact: true }).count(), 1);
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('says that no run meets the filter', async () => {
    const page = await open('#/runs?filter=nothing-has-this-name');
    await page.getByText('No run meets the filter.').waitFor();
    await page.fill('.filter input', 'notes');
    await page.waitForSelector('.run-row.run');
    await page.getByText('No run meets the filter.').waitFor({ state: 'hidden' });
  });

  it('says which run is not there', async () => {
    const { page, faults } = await pages.open(`${url}#/run?run=logs/nothing`);
    faults.expect(/status of 404/);
    await page.getByText('the store has no run logs/nothing').waitFor();
    await page.getByRole('link', { name: 'All runs' }).click();
    await page.waitForSelector('.run-row.run');
  });
});
