// The values of the Curves view that are no scalars, with attacks among them.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { HOSTILE_TEXT, trainingLog } from '../support/training-log.ts';
import { describeInBrowser, picture, seriousFaults } from './browser.ts';
import { ask, Scene } from './scene.ts';
import { expectSoon, viewOf } from './wait.ts';

const FIRST = 'logs/lr0.1/seed0';

interface Params {
  readonly runs: readonly { readonly id: string; readonly params: Readonly<Record<string, unknown>> }[];
}

interface Metrics {
  readonly runs: readonly { readonly id: string; readonly metrics: Readonly<Record<string, { readonly last: number }>> }[];
}

describeInBrowser('the media', (pages) => {
  let scene: Scene;
  let url: string;

  beforeAll(async () => {
    scene = new Scene();
    trainingLog({ dir: `${scene.folder}/logs`, runs: 6, steps: 1000 });
    await scene.backfill();
    url = await scene.serve();
  });
  afterAll(() => scene.end());

  const open = async (query: string): Promise<Page> =>
    (await pages.open(`${url}#/curves?${query}`, { viewport: { width: 1300, height: 900 } })).page;

  it('are tabs, those that the runs have anything for', async () => {
    const page = await open('');
    const names = ['Scalars', 'Histograms', 'Images', 'Audio', 'Text', 'PR curves', 'HParams'];
    await expectSoon(async () => (await page.locator('.tabs button').allTextContents()).join(), names.join());
    await page.getByRole('button', { name: 'Images' }).click();
    await page.locator('.images img').first().waitFor();
    expect(viewOf(page)).toBe('#/curves?tab=images');
    await page.goBack();
    await page.locator('.u-over').first().waitFor();
  });

  it('show the images of all runs at a step', async () => {
    const page = await open('tab=images');
    await expectSoon(() => page.locator('.images img').count(), 12);
    const size = (): Promise<string> =>
      page.evaluate<string>(`(({ naturalWidth, src }) => naturalWidth + src.slice(0, 5))(document.querySelector('.images img'))`);
    await expectSoon(size, '32blob:');
    await expectSoon(() => page.locator('.step-number').textContent(), '800');
    const before = await page.locator('.images img').first().getAttribute('src');
    await page.locator('.step-slider input').focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowLeft');
    await expectSoon(() => page.locator('.step-number').textContent(), '0');
    await expectSoon(async () => (await page.locator('.images img').first().getAttribute('src')) !== before, true);
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('play clips', async () => {
    const page = await open(`tab=audio&runs=${FIRST}`);
    const length = (): Promise<number> => page.evaluate<number>(`document.querySelector('audio')?.duration ?? 0`);
    await expectSoon(async () => Math.abs((await length()) - 0.2) < 0.01, true);
    await expectSoon(() => page.locator('.clip .muted').textContent(), 'step 800');
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('show Markdown without its HTML, scripts, pictures and wrong links', async () => {
    const page = await open(`tab=text&runs=${FIRST}`);
    const text = page.locator('.markdown');
    await expectSoon(() => text.locator('h1').allTextContents().then(String), 'Notes');
    expect(await text.locator('td').allTextContents()).toEqual(expect.arrayContaining(['1', '2']));
    expect(await text.locator('script, img, svg, style, form, iframe').count()).toBe(0);
    expect(await text.locator('a[href]').count()).toBe(0);
    expect(await text.textContent()).toContain('<script>window.hit = 1</script>');
    expect(await page.evaluate('window.hit')).toBeUndefined();
    await page.getByLabel('As it is in the log').check();
    await expectSoon(() => page.locator('.raw-text').textContent(), HOSTILE_TEXT);
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('draw histograms as ridges and as a heat map', async () => {
    const { page, faults } = await pages.open(`${url}#/curves?tab=histograms`, { viewport: { width: 1300, height: 900 } });
    // This test reads the picture more often than pages do.
    faults.expect(/willReadFrequently/);
    await expectSoon(() => page.locator('canvas.histogram').count(), 6);
    const ink = (): Promise<number> =>
      page.evaluate<number>(`(() => {
        const canvas = document.querySelector('canvas.histogram');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let drawn = 0;
        for (let i = 3; i < data.length; i += 4) if (data[i] > 0) drawn++;
        return drawn;
      })()`);
    await expectSoon(async () => (await ink()) > 1000, true);
    await picture(page, 'histograms');
    await page
      .locator('canvas.histogram')
      .first()
      .hover({ position: { x: 120, y: 190 } });
    await expectSoon(() => page.locator('.histogram-said').first().textContent(), /^step 800: [\d.]+ from -?[\d.]+ to -?[\d.]+$/);
    const ridges = await ink();
    await page.getByLabel('Draw as').selectOption('heat');
    await expectSoon(async () => (await ink()) !== ridges, true);
    await page.mouse.move(0, 0);
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('draw PR curves at a step', async () => {
    const page = await open('tab=pr-curves');
    await page.locator('.u-over').waitFor();
    await expectSoon(() => page.locator('.values tbody tr').count(), 6);
    await page.locator('.step-slider input').fill('0');
    await expectSoon(async () => [...new Set(await page.locator('.values tbody td:nth-child(2)').allTextContents())].join(), '0');
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('compare hyperparameters and metrics of the store, and choose runs by a range', async () => {
    const page = await open('tab=hparams');
    await expectSoon(() => page.locator('.hparam-table tbody tr').count(), 6);
    const { runs } = await ask<Params>(url, 'hparams');
    const { runs: measured } = await ask<Metrics>(url, 'runs?metric=val/accuracy&metric=val/loss');
    const expected = runs.map(({ id, params }) => {
      const metrics = measured.find((run) => run.id === id)?.metrics ?? {};
      return [id, params['lr'], params['optimizer'], params['seed'], metrics['val/accuracy']?.last, metrics['val/loss']?.last].join(' ');
    });
    const cells = (): Promise<string[]> =>
      page
        .locator('.hparam-table tbody tr')
        .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent).join(' ')));
    await expectSoon(async () => [...(await cells())].sort().join('\n'), [...expected].sort().join('\n'));
    await picture(page, 'hparams');
    await page.getByRole('button', { name: 'val/loss' }).click();
    const losses = (await cells()).map((row) => Number(row.split(' ').at(-1)));
    expect([...losses].sort((a, b) => a - b).join()).toBe(losses.join());
    // The upper half of the first axis: the runs with the larger learning rate.
    const box = await page.locator('.grip').first().boundingBox();
    if (box === null) throw new Error('there is no axis');
    await page.mouse.move(box.x + box.width / 2, box.y + 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
    await expectSoon(() => page.locator('.hparam-table tbody tr').count(), 3);
    await page.getByRole('button', { name: 'Choose these' }).click();
    await expectSoon(async () => viewOf(page), /runs=logs\/lr0\.1\/\(seed0,seed1,seed2\)/);
    expect(await seriousFaults(page)).toEqual([]);
  });
});

describeInBrowser('the media of real writers', (pages) => {
  let scene: Scene;

  beforeAll(async () => {
    scene = new Scene();
    await scene.backfill(`logs=${process.cwd()}/test/logs`);
  });
  afterAll(() => scene.end());

  it('show without a fault, whatever their tags and bytes are', async () => {
    const { page } = await pages.open(`${await scene.serve()}#/curves?match=`, { viewport: { width: 1300, height: 900 } });
    await page.locator('.u-over').first().waitFor();
    for (const [name, wanted] of [
      ['Histograms', 'canvas.histogram'],
      ['Images', '.images img'],
      ['Audio', 'audio'],
      ['Text', '.markdown'],
      ['PR curves', '.u-over'],
      ['HParams', '.hparam-table tbody tr'],
      ['Graphs', '.graphs li'],
    ] as const) {
      await page.locator('.tabs').getByRole('button', { name }).click();
      await page.locator(wanted).first().waitFor();
      for (let i = 0; i < 5; i++) {
        await page.locator('.scroll').evaluate((element) => element.scrollBy(0, 800));
        await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
      }
    }
    await page.locator('.scroll').evaluate((element) => element.scrollTo(0, 0));
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.graphs button').first().click()]);
    expect(readFileSync(await download.path()).length).toBeGreaterThan(100);
    expect(download.suggestedFilename()).toMatch(/\.pb$/);
  });
});
