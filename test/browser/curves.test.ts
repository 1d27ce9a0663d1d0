// The charts of the Curves view: what a person does there, compared with what the store has.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { HOSTILE_TAG, trainingLog } from '../support/training-log.ts';
import { describeInBrowser, picture, seriousFaults } from './browser.ts';
import { ask, Scene } from './scene.ts';
import { expectSoon, viewOf } from './wait.ts';

const STEPS = 3000;
const RUNS = 6;

interface Curves {
  readonly curves: readonly {
    readonly id: string;
    readonly count: number;
    readonly data: {
      readonly kind: string;
      readonly step: readonly number[];
      readonly wall_time: readonly number[];
      readonly value: readonly (number | string)[];
      readonly last_step: readonly number[];
      readonly smoothed?: readonly number[];
      readonly offset?: readonly number[];
      readonly file?: readonly string[];
    };
  }[];
}

function card(page: Page, tag: string) {
  return page.locator(`.card[data-tag=${JSON.stringify(tag)}]`);
}

/** Waits until a chart is drawn, and nothing is on its way. */
async function drawn(page: Page, tag: string): Promise<void> {
  await card(page, tag).scrollIntoViewIfNeeded();
  await card(page, tag).locator('.u-over').waitFor();
  await expectSoon(async () => /loading|preview/.test((await card(page, tag).locator('.card-note').textContent()) ?? ''), false);
}

/** The cells of the table below a chart, by rows. */
async function rows(page: Page, tag: string): Promise<string[][]> {
  const found = await card(page, tag)
    .locator('.values tbody tr')
    .evaluateAll((all) =>
      all.map((row) =>
        [...row.querySelectorAll('td')].map(
          (cell) => (cell.firstChild?.nodeType === 3 ? cell.firstChild.textContent : cell.textContent) ?? '',
        ),
      ),
    );
  // Arrays of this test's realm: those of the driver are no equals.
  return JSON.parse(JSON.stringify(found)) as string[][];
}

/** Drags over a part of a chart, from one share of its width to another. */
async function drag(page: Page, tag: string, from: number, to: number): Promise<void> {
  const box = await card(page, tag).locator('.u-over').boundingBox();
  if (box === null) throw new Error(`there is no chart of ${tag}`);
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * from, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * ((from + to) / 2), y, { steps: 4 });
  await page.mouse.move(box.x + box.width * to, y, { steps: 4 });
  await page.mouse.up();
}

/** What a button of the menu of a chart saves. */
async function saved(page: Page, tag: string, button: string): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  await card(page, tag).locator('summary').click();
  const [download] = await Promise.all([page.waitForEvent('download'), card(page, tag).getByRole('button', { name: button }).click()]);
  const file = { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  await card(page, tag).locator('summary').click();
  return file;
}

describeInBrowser('the charts', (pages) => {
  let scene: Scene;
  let url: string;

  beforeAll(async () => {
    scene = new Scene();
    trainingLog({ dir: `${scene.folder}/logs`, runs: RUNS, steps: STEPS });
    await scene.backfill();
    url = await scene.serve();
  });
  afterAll(() => scene.end());

  const open = async (query = ''): Promise<Page> =>
    (await pages.open(`${url}#/curves${query}`, { viewport: { width: 1500, height: 900 } })).page;
  const curves = (tag: string, more = ''): Promise<Curves> => ask<Curves>(url, `curves?root=logs&tag=${encodeURIComponent(tag)}${more}`);

  it('are in sections by prefix, and are of the newest runs if none is chosen', async () => {
    const page = await open();
    await expectSoon(
      () => page.locator('.charts > h2').allTextContents(),
      ['▾ edge 3', '▾ hostile 1', '▾ optimizer 2', '▾ train 2', '▾ val 2'],
    );
    expect(await page.locator('.shown-note').textContent()).toBe('No run is chosen: these are the 6 newest ones.');
    await drawn(page, 'train/loss');
    await page.getByRole('button', { name: /edge/ }).first().click();
    await expectSoon(() => card(page, 'edge/nan').count(), 0);
  });

  it('have the exact values of the store below', async () => {
    const page = await open('?tags=val/loss');
    await drawn(page, 'val/loss');
    const last = (await curves('val/loss')).curves.map(({ id, data }) => [
      id.replace('logs/', ''),
      String(data.value.at(-1)),
      String(data.step.at(-1)),
    ]);
    const shown = async (): Promise<string> => JSON.stringify((await rows(page, 'val/loss')).map((row) => row.slice(0, 3)).sort());
    await expectSoon(shown, JSON.stringify(last.sort()));
  });

  it('say how many points are drawn, and show all when zoomed in; double click and back show all of the axis', async () => {
    const page = await open('?tags=^train/');
    await drawn(page, 'train/loss');
    const note = (): Promise<string | null> => card(page, 'train/loss').locator('.card-note').textContent();
    await expectSoon(note, /^[\d,]+ of 18,000 points drawn$/);
    await drag(page, 'train/loss', 0.5, 0.6);
    await expectSoon(async () => /range=/.test(viewOf(page)), true);
    const [, from = '', to = ''] = /range=([\d.]+)\.\.([\d.]+)/.exec(viewOf(page)) ?? [];
    expect(Number(from)).toBeGreaterThan(STEPS * 0.45);
    expect(Number(to)).toBeLessThan(STEPS * 0.65);
    await expectSoon(note, '');
    // The other chart has the same range: its points of that range are all drawn, too.
    await expectSoon(() => card(page, 'train/accuracy').locator('.card-note').textContent(), '');
    // Changes that follow each other within 0.8 s are one step back.
    const zoomedAt = performance.now();
    await expectSoon(async () => performance.now() - zoomedAt > 1000, true);
    await card(page, 'train/loss')
      .locator('.u-over')
      .dblclick({ position: { x: 5, y: 5 } });
    await expectSoon(async () => /range=/.test(viewOf(page)), false);
    await page.goBack();
    await expectSoon(async () => /range=/.test(viewOf(page)), true);
  });

  it('zoom alone when they are not linked', async () => {
    const page = await open('?tags=^train/');
    await drawn(page, 'train/loss');
    await page.getByLabel('Link x').uncheck();
    await drag(page, 'train/loss', 0.2, 0.4);
    await card(page, 'train/loss').getByRole('button', { name: 'Reset' }).waitFor();
    expect(await card(page, 'train/accuracy').getByRole('button', { name: 'Reset' }).count()).toBe(0);
    expect(viewOf(page)).not.toMatch(/range=/);
  });

  it('tell by keyboard where a point is in the files', async () => {
    const page = await open('?tags=val/loss&runs=logs/lr0.1/seed0');
    await drawn(page, 'val/loss');
    await card(page, 'val/loss').locator('.chart').focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
    await expectSoon(() => card(page, 'val/loss').locator('.values th').first().textContent(), 'Crosshair');
    const [[, value, step] = []] = await rows(page, 'val/loss');
    const [curve] = (await ask<Curves>(url, 'curves?run=logs/lr0.1/seed0&tag=val/loss&positions=true')).curves;
    const at = curve?.data.step.indexOf(Number(step)) ?? -1;
    expect(String(curve?.data.value[at])).toBe(value);
    await page.keyboard.press('Enter');
    const facts = page.locator('dialog[open] .facts');
    await expectSoon(() => facts.textContent(), /Checksum of its data0x[0-9a-f]{8} \(valid\)/);
    const text = (await facts.textContent()) ?? '';
    expect(text).toContain(`Record at byte${curve?.data.offset?.[at]}`);
    expect(text).toContain(`Event file${curve?.data.file?.[at]}`);
    expect(text).toContain(`Value${value}`);
    await page.keyboard.press('Escape');
    await page.keyboard.press('+');
    await expectSoon(async () => /range=/.test(viewOf(page)), true);
    await page.keyboard.press('0');
    await expectSoon(async () => /range=/.test(viewOf(page)), false);
  });

  it('show the smoothing of the server, by a number or the slider', async () => {
    const page = await open('?tags=val/loss&runs=logs/lr0.1/seed0');
    await drawn(page, 'val/loss');
    await page.keyboard.press('s');
    await page.keyboard.type('0.9');
    await page.keyboard.press('Enter');
    const [curve] = (await ask<Curves>(url, 'curves?run=logs/lr0.1/seed0&tag=val/loss&smooth=0.9')).curves;
    const expected = Number((curve?.data.smoothed?.at(-1) ?? Number.NaN).toPrecision(5));
    await expectSoon(async () => Number((await rows(page, 'val/loss'))[0]?.[1]), expected);
    expect(viewOf(page)).toContain('smooth=0.9');
    await drawn(page, 'val/loss');
    await page.getByLabel('Smoothing, by a slider').fill('1');
    await expectSoon(async () => /smooth=0\.999/.test(viewOf(page)), true);
  });

  it('are saved as CSV and JSON with every point, and as pictures', async () => {
    const page = await open('?tags=edge/nan');
    await drawn(page, 'edge/nan');
    const all = (await curves('edge/nan')).curves;
    const csv = await saved(page, 'edge/nan', 'Every point as CSV');
    const lines = csv.bytes.toString().trimEnd().split('\n');
    expect([csv.name, lines[0]]).toEqual(['edge-nan.csv', 'run,tag,step,wall_time,value']);
    const expected = all.flatMap(({ id, data }) =>
      data.step.map((step, i) => `${id},edge/nan,${step},${data.wall_time[i]},${data.value[i]}`),
    );
    expect(lines.slice(1).sort()).toEqual(expected.sort());
    const json = JSON.parse((await saved(page, 'edge/nan', 'Every point as JSON')).bytes.toString()) as readonly { readonly run: string }[];
    const columns = all.map(({ id, data }) => ({
      run: id,
      tag: 'edge/nan',
      step: data.step,
      wall_time: data.wall_time,
      value: data.value,
    }));
    const byRun = (a: { readonly run: string }, b: { readonly run: string }): number => (a.run < b.run ? -1 : 1);
    expect([...json].sort(byRun)).toEqual(columns.sort(byRun));
    const svg = await saved(page, 'edge/nan', 'Picture as SVG');
    const facts = await page.evaluate<readonly unknown[]>(`(() => {
      const root = new DOMParser().parseFromString(${JSON.stringify(svg.bytes.toString())}, 'image/svg+xml').documentElement;
      return [root.nodeName, root.querySelector('text').textContent, root.querySelectorAll('path').length > 20];
    })()`);
    expect([svg.name, ...facts]).toEqual(['edge-nan.svg', 'svg', 'edge/nan', true]);
    const png = await saved(page, 'edge/nan', 'Picture as PNG');
    expect([png.name, png.bytes.subarray(1, 4).toString(), png.bytes.readUInt32BE(16)]).toEqual(['edge-nan.png', 'PNG', 1920]);
  });

  it('draw seeds as their mean, by a regular expression or a param', async () => {
    const page = await open('?tags=val/loss');
    await drawn(page, 'val/loss');
    const group = async (rule: string): Promise<void> => {
      await page.getByPlaceholder('regex or param:NAME').fill(rule);
      await page.keyboard.press('Enter');
    };
    await group('lr[^/]*');
    await expectSoon(async () => (await rows(page, 'val/loss')).map(([name]) => name).sort(), ['lr0.03', 'lr0.1']);
    const all = (await curves('val/loss')).curves.filter(({ id }) => id.startsWith('logs/lr0.1/'));
    const mean = all.reduce((sum, { data }) => sum + Number(data.value.at(-1)), 0) / all.length;
    const shown = (await rows(page, 'val/loss')).find(([name]) => name === 'lr0.1')?.[1];
    expect(Number(shown)).toBeCloseTo(mean, 5);
    await group('param:optimizer');
    await expectSoon(async () => (await rows(page, 'val/loss')).map(([name]) => name).sort(), ['optimizer = adam', 'optimizer = sgd']);
    await group('(');
    await page.getByText(/Invalid regular expression/).waitFor();
  });

  it('have axes, outliers, restarts, pins and filters in the link', async () => {
    const page = await open();
    await drawn(page, 'optimizer/grad_norm');
    await page.keyboard.press('l');
    await page.getByLabel('Ignore outliers').check();
    await page.getByTitle('Which points of a restarted run are shown').locator('select').selectOption('all');
    await page.getByTitle('What the x axis shows').locator('select').selectOption('relative');
    await card(page, 'optimizer/grad_norm').hover();
    await page.keyboard.press('p');
    await expectSoon(() => page.locator('.charts > h2').first().textContent(), '▾ Pinned 1');
    await page.keyboard.press('t');
    await page.keyboard.type('restart');
    await expectSoon(() => page.locator('.card h3').allTextContents(), ['optimizer/grad_norm', 'edge/restart']);
    const view = viewOf(page);
    for (const part of ['yscale=log', 'outliers=ignore', 'shown=all', 'x=relative', 'pins=optimizer/grad_norm', 'tags=restart']) {
      expect(view).toContain(part);
    }
    // Half of the restart's points are overtaken, and drawn only with all points.
    await drawn(page, 'edge/restart');
    const [curve] = (await curves('edge/restart', '&shown=all')).curves;
    const csv = await saved(page, 'edge/restart', 'Every point as CSV');
    expect(csv.bytes.toString().trimEnd().split('\n')).toHaveLength((curve?.count ?? 0) + 1);
    const again = (await pages.open(page.url())).page;
    await expectSoon(() => again.locator('.card h3').allTextContents(), ['optimizer/grad_norm', 'edge/restart']);
    expect(await again.getByLabel('Ignore outliers').isChecked()).toBe(true);
    await page.keyboard.press('Escape');
    await page.keyboard.press('t');
    await page.keyboard.type('(');
    await page.getByText(/Invalid regular expression/).waitFor();
  });

  it('fill the page, and leave it', async () => {
    const page = await open('?tags=val/');
    await drawn(page, 'val/loss');
    await card(page, 'val/loss').locator('.chart').focus();
    await page.keyboard.press('f');
    await expectSoon(async () => (await card(page, 'val/loss').boundingBox())?.width, 1500);
    await page.keyboard.press('Escape');
    await expectSoon(async () => ((await card(page, 'val/loss').boundingBox())?.width ?? 0) < 800, true);
    await page.keyboard.press(']');
    await expectSoon(() => page.evaluate<string>(`document.activeElement.closest('.card')?.dataset.tag ?? ''`), /^val\//);
  });

  it('take y ranges that are typed', async () => {
    const page = await open('?tags=edge/lone');
    await drawn(page, 'edge/lone');
    await card(page, 'edge/lone').locator('summary').click();
    const field = card(page, 'edge/lone').getByLabel('y from');
    await field.fill('x');
    await field.press('Enter');
    await expectSoon(() => field.getAttribute('aria-invalid'), 'true');
    await field.fill('-1');
    await field.press('Enter');
    await expectSoon(() => field.getAttribute('aria-invalid'), 'false');
    await page.keyboard.press('Escape');
    const svg = (await saved(page, 'edge/lone', 'Picture as SVG')).bytes.toString();
    expect(svg).toContain('>-1</text>');
    expect(svg).toMatch(/<circle[^>]*r="3"/);
  });

  it('show names from logs as text', async () => {
    const page = await open('?tags=hostile');
    await page.locator('.card .u-over').waitFor();
    const title = await page.locator('.card h3').textContent();
    expect(title).toBe('hostile/<img src=x onerror=alert(1)>\\u{1b}[31m\\u{202e}=cmd|calc');
    expect(await page.locator('.card img').count()).toBe(0);
    const csv = await page.locator('.card').getAttribute('data-tag');
    expect(csv).toBe(HOSTILE_TAG);
  });

  it('have no serious fault for people who use other means than eyes and a mouse', async () => {
    const page = await open('?tags=^(train|val)/&smooth=0.9&yscale=log');
    await drawn(page, 'val/loss');
    await page.locator('.scroll').evaluate((element) => element.scrollTo(0, 0));
    await drawn(page, 'train/loss');
    await card(page, 'train/loss')
      .locator('.u-over')
      .hover({ position: { x: 100, y: 60 } });
    await picture(page, 'curves');
    expect(await seriousFaults(page)).toEqual([]);
    await card(page, 'train/loss').locator('summary').click();
    expect(await seriousFaults(page)).toEqual([]);
  });
});

describeInBrowser('the charts of many runs', (pages) => {
  let scene: Scene;
  let url: string;

  beforeAll(async () => {
    scene = new Scene();
    for (let i = 0; i < 12; i++) scene.write({ path: `seed_${i}`, scalars: { 'a/loss': [3, 2, i], 'a/acc': [1, 2, i] } });
    await scene.backfill();
    url = await scene.serve();
  });
  afterAll(() => scene.end());

  it('list few of the values, and all once somebody looks at them', async () => {
    const { page } = await pages.open(`${url}#/curves?match=`);
    const counts = async (): Promise<number[]> => [(await rows(page, 'a/loss')).length, (await rows(page, 'a/acc')).length];
    await expectSoon(counts, [8, 8]);
    await expectSoon(() => card(page, 'a/loss').locator('.values').getByRole('button').allTextContents().then(String), '4 more');
    await card(page, 'a/loss').locator('.values').hover();
    await expectSoon(counts, [12, 8]);
    await card(page, 'a/acc').locator('.values').focus();
    await expectSoon(counts, [12, 12]);
  });

  it('list all of the values when one of them fills the page', async () => {
    const { page } = await pages.open(`${url}#/curves?match=`);
    await drawn(page, 'a/loss');
    await card(page, 'a/loss').locator('.chart').focus();
    await page.keyboard.press('f');
    await expectSoon(async () => (await rows(page, 'a/loss')).length, 12);
  });

  it('leave room for a chart on narrow screens, where their settings open on request', async () => {
    const { page } = await pages.open(`${url}#/curves?match=`, { viewport: { width: 390, height: 800 } });
    await drawn(page, 'a/loss');
    const top = async (): Promise<number> => (await page.locator('.scroll').boundingBox())?.y ?? Number.NaN;
    expect(await top()).toBeLessThan(300);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Ignore outliers').check();
    await expectSoon(async () => viewOf(page), /outliers=ignore/);
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Ignore outliers').waitFor({ state: 'hidden' });
    await card(page, 'a/loss').locator('.chart').focus();
    await page.keyboard.press('s');
    await expectSoon(() => page.evaluate<string>('document.activeElement.ariaLabel'), 'Smoothing, as a number');
    await page.keyboard.type('0.5');
    await page.keyboard.press('Enter');
    await expectSoon(async () => viewOf(page), /smooth=0\.5/);
  });
});

describeInBrowser('the charts of a run that grows', (pages) => {
  let scene: Scene;

  afterAll(() => scene.end());

  it('show new points within seconds', async () => {
    scene = new Scene();
    const values = [3, 2, 1];
    scene.write({ path: 'a', scalars: { loss: values }, beginSec: 1_700_000_000 });
    await scene.backfill();
    scene.watch('logs');
    const url = await scene.serve();
    const { page } = await pages.open(`${url}#/curves`);
    await expectSoon(async () => (await rows(page, 'loss'))[0]?.slice(1, 3), ['1', '2']);
    values.push(0.5);
    scene.write({ path: 'a', scalars: { loss: values }, beginSec: 1_700_000_000 });
    await expectSoon(async () => (await rows(page, 'loss'))[0]?.slice(1, 3), ['0.5', '3']);
    // A choice by a regular expression has the runs that come later.
    const { page: chosen } = await pages.open(`${url}#/curves?match=^logs/(a|late)`);
    await expectSoon(async () => (await rows(chosen, 'loss')).length, 1);
    scene.write({ path: 'late', scalars: { loss: [7, 8] }, beginSec: 1_700_000_000 });
    scene.write({ path: 'other', scalars: { loss: [9] }, beginSec: 1_700_000_000 });
    await expectSoon(async () => (await rows(chosen, 'loss')).map(([, value]) => value), ['8', '0.5']);
    await expectSoon(async () => (await rows(page, 'loss')).map(([, value]) => value), ['9', '8', '0.5']);
  });
});
