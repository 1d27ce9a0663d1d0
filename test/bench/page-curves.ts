// The charts of the web page in a real browser: how soon they are there, and if a page with many of them stays smooth.
import type { Page } from 'playwright-core';
import { BROWSER_PATH, launchBrowser, NO_BROWSER } from '../support/chromium.ts';
import type { Bench } from './bench.ts';
import { count, megabytes, percentile, seconds, spread } from './figures.ts';
import { HAS_PROC } from './watching.ts';

const [RUNS, CHARTS, STEPS] = [50, 100, 2000];
/** A chart that is drawn. */
const CHART = '.card .u-over';

/** Scrolls through all charts like a person in a hurry, and returns the milliseconds of each frame. */
const SCROLL = `(async () => {
  const scroll = document.querySelector('.scroll');
  const frames = [];
  let isOn = true;
  let last = performance.now();
  const next = () => {
    const now = performance.now();
    frames.push(now - last);
    last = now;
    if (isOn) requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  while (scroll.scrollTop + scroll.clientHeight < scroll.scrollHeight - 2) {
    scroll.scrollTop += 60;
    await new Promise((resolve) => setTimeout(resolve, 33));
  }
  await new Promise((resolve) => setTimeout(resolve, 3000));
  isOn = false;
  return frames;
})()`;

/** A page of many charts, each with many runs. */
export const pageCurves: Bench = {
  name: 'page-curves',
  about: `The Curves view with ${CHARTS} charts of ${RUNS} runs in Chromium: the first chart, and the frames of a scroll through all`,
  async run({ scratch, product, scaled, row, note }) {
    if (BROWSER_PATH === undefined) note(NO_BROWSER);
    if (!HAS_PROC) note('memory of a running process is read from /proc, which is on Linux only');
    if (BROWSER_PATH === undefined || !HAS_PROC) return;
    const log = scratch.log({ runs: RUNS, tags: CHARTS, steps: scaled(STEPS), perEvent: CHARTS });
    const home = product.newHome();
    await product.backfill(log.dir, home);
    await using serving = await product.serve(home);
    const browser = await launchBrowser();
    try {
      const context = await browser.newContext({ viewport: { width: 1500, height: 950 } });
      const opened = await context.newPage();
      const began = performance.now();
      await opened.goto(`${serving.url}#/curves?match=`, { waitUntil: 'commit' });
      await opened.locator(CHART).first().waitFor();
      row({
        what: `${CHARTS} charts, ${RUNS} runs, ${count(log.points)} points: first chart`,
        ours: '',
        figure: spread([(performance.now() - began) / 1000]),
        format: seconds,
      });
      await quiet(opened);
      await browser.startTracing(opened, { categories: ['toplevel'] });
      const frames = (await opened.evaluate<number[]>(SCROLL)).map((ms) => ms / 1000).sort((a, b) => a - b);
      const longest = longestTask(await browser.stopTracing());
      row({
        what: '  longest frame of a scroll through all',
        ours: `${seconds(percentile(frames, 0.99))} for 99 % of ${count(frames.length)}`,
        figure: spread([percentile(frames, 1)]),
        format: seconds,
        target: { bound: 'most', reach: 0.1 },
      });
      // What else the machine does makes frames longer, but not this.
      row({
        what: '  longest task in processor time',
        ours: '',
        figure: spread([longest]),
        format: seconds,
        target: { bound: 'most', reach: 0.1 },
      });
      await opened.locator(CHART).first().waitFor();
      const devTools = await context.newCDPSession(opened);
      await devTools.send('Performance.enable');
      await devTools.send('HeapProfiler.collectGarbage');
      const { metrics } = await devTools.send('Performance.getMetrics');
      const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.NaN;
      row({
        what: '  memory of scripts after it',
        ours: '',
        figure: spread([heap]),
        format: megabytes,
        target: { bound: 'most', reach: 200e6 },
      });
      row({ what: '  memory of the server', ours: '', figure: spread([serving.bytes()]), format: megabytes });
    } finally {
      await browser.close();
      scratch.dropLog(log);
    }
  },
};

/** Waits until no chart in view fetches any more. */
async function quiet(page: Page): Promise<void> {
  await page.locator('.card-note', { hasText: 'loading' }).first().waitFor({ state: 'detached' });
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of the thread, without those in which it waited for a processor. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Returns the seconds of the longest task of the page's own thread. */
function longestTask(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString()) as { readonly traceEvents: readonly TraceEvent[] };
  const key = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const pages = new Set(traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain').map(key));
  return traceEvents.reduce((most, event) => (pages.has(key(event)) ? Math.max(most, (event.tdur ?? 0) / 1e6) : most), 0);
}
