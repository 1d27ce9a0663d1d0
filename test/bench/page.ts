// The web page in a real browser: how soon it shows something, how much memory it takes, if it stays so.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { BROWSER_PATH, launchBrowser, NO_BROWSER } from '../support/chromium.ts';
import { event, frame, simpleValue } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, megabytes, seconds, spread, times } from './figures.ts';
import { interleave } from './pairs.ts';
import type { Home } from './product.ts';
import { HAS_PROC } from './watching.ts';

const RUNS = 10_000;
const ROW = '.run-row.run';
/** As fast as training writes to its log at most. */
const APPEND_MS = 1000;
const LIVE_MINUTES = 10;

/** A page of many runs. */
export const page: Bench = {
  name: 'page',
  about: `The table of ${count(RUNS)} runs in Chromium, from the request to its rows on the screen, against the page of one run`,
  async run(context) {
    if (!canRun(context)) return;
    const { scaled, pairs, row } = context;
    const runs = scaled(RUNS);
    const [many, one] = [await stored(context, runs), await stored(context, 1)];
    await using large = await context.product.serve(many);
    await using small = await context.product.serve(one);
    const browser = await launchBrowser();
    try {
      // The first request of a server loads code.
      await firstRows(browser, large.url);
      await firstRows(browser, small.url);
      const measured = await interleave(
        pairs,
        () => firstRows(browser, large.url),
        () => firstRows(browser, small.url),
      );
      const [ours, reference] = [spread(measured.map(([a]) => a)), spread(measured.map(([, b]) => b))];
      const shown = { ours: seconds(ours.median), reference: seconds(reference.median) };
      row({
        what: `${count(runs)} runs: rows on the screen`,
        ...shown,
        figure: ours,
        format: seconds,
        target: { bound: 'most', reach: 1 },
      });
      row({
        what: '  compared with one run',
        ...shown,
        figure: spread(measured.map(([a, b]) => a / b)),
        format: times,
        multipleOf: 'time',
        isDetail: true,
      });
      await measureScrolling(browser, large.url, runs, context);
      row({ what: '  memory of the server', ours: '', figure: spread([large.bytes()]), format: megabytes });
    } finally {
      await browser.close();
    }
  },
};

/** A page that follows a run for long. */
export const pageLive: Bench = {
  name: 'page-live',
  about: `The page for ${LIVE_MINUTES} minutes next to a watch of a run that grows every second`,
  async run(context) {
    if (!canRun(context)) return;
    const { scratch, product, scaled, row } = context;
    const log = scratch.log({ runs: 200, tags: 20, steps: 1 });
    const home = product.newHome();
    await using _watching = await product.watch(log.dir, home);
    await using serving = await product.serve(home);
    const browser = await launchBrowser(['--js-flags=--expose-gc']);
    try {
      const opened = await openPage(browser, `${serving.url}#/runs?order=-last_step`);
      const points = scaled(LIVE_MINUTES * 60);
      const file = log.files[0] ?? '';
      const took: number[] = [];
      const heaps: number[] = [];
      for (let i = 1; i <= points; i++) {
        const step = 1000 + i;
        const began = performance.now();
        appendFileSync(file, frame(event({ wallTime: 1_800_000_000 + i, step, summary: [simpleValue('tag_0', i)] })));
        await opened.page.locator(ROW).first().getByText(step.toLocaleString('en'), { exact: true }).waitFor();
        took.push((performance.now() - began) / 1000);
        if (i % Math.max(1, Math.floor(points / 20)) === 0) heaps.push(await heapBytes(opened.devTools));
        await sleep(Math.max(0, APPEND_MS - (performance.now() - began)));
      }
      // Code is compiled and caches fill in the beginning.
      const [early, late] = [heaps.slice(0, Math.ceil(heaps.length / 3)), heaps.slice(-Math.ceil(heaps.length / 3))];
      row({
        what: `a new point on the screen, ${points} times`,
        ours: '',
        figure: spread(took),
        format: seconds,
        target: { bound: 'most', reach: 2 },
      });
      row({ what: '  memory of scripts at the end', ours: '', figure: spread(late), format: megabytes });
      row({
        what: '  compared with the beginning',
        ours: '',
        figure: spread([spread(late).median / spread(early).median]),
        format: times,
        target: { bound: 'most', reach: 1.25 },
      });
      row({ what: '  memory of the server', ours: '', figure: spread([serving.bytes()]), format: megabytes });
    } finally {
      await browser.close();
      // It has grown.
      scratch.dropLog(log);
    }
  },
};

function canRun({ note }: BenchContext): boolean {
  if (BROWSER_PATH === undefined) note(NO_BROWSER);
  if (!HAS_PROC) note('memory of a running process is read from /proc, which is on Linux only');
  return BROWSER_PATH !== undefined && HAS_PROC;
}

async function stored({ scratch, product }: BenchContext, runs: number): Promise<Home> {
  const log = scratch.log({ runs, tags: 2, steps: 5 });
  const home = product.newHome();
  await product.backfill(log.dir, home);
  return home;
}

interface OpenedPage {
  readonly page: Page;
  readonly devTools: CDPSession;
}

async function openPage(browser: Browser, url: string): Promise<OpenedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const opened = await context.newPage();
  const devTools = await context.newCDPSession(opened);
  await devTools.send('Performance.enable');
  await opened.goto(url, { waitUntil: 'commit' });
  await opened.locator(ROW).first().waitFor();
  return { page: opened, devTools };
}

/** The time in a new profile from the request for the page until rows are on the screen. */
async function firstRows(browser: Browser, url: string): Promise<number> {
  const began = performance.now();
  const opened = await openPage(browser, url);
  // The frame after the next one has them.
  await opened.page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
  const took = (performance.now() - began) / 1000;
  await opened.page.context().close();
  return took;
}

async function measureScrolling(browser: Browser, url: string, runs: number, { row }: BenchContext): Promise<void> {
  const { page: opened, devTools } = await openPage(browser, url);
  const atFirst = await heapBytes(devTools);
  const began = performance.now();
  await opened.keyboard.press('End');
  await opened.locator(`${ROW}[aria-rowindex="${runs + 1}"]`).waitFor();
  const took = (performance.now() - began) / 1000;
  row({ what: '  to the last run and its row', ours: '', figure: spread([took]), format: seconds });
  row({
    what: '  memory of scripts, with all runs',
    ours: `${megabytes(atFirst)} at first`,
    figure: spread([await heapBytes(devTools)]),
    format: megabytes,
    target: { bound: 'most', reach: 50e6 },
  });
  await opened.context().close();
}

/** The memory of what scripts still need. */
async function heapBytes(devTools: CDPSession): Promise<number> {
  await devTools.send('HeapProfiler.collectGarbage');
  const { metrics } = await devTools.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.NaN;
}
