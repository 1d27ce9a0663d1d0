// The page and that of TensorBoard, side by side: the same logs, the same browser, the same steps of a user.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { BROWSER_PATH, launchBrowser, NO_BROWSER } from '../support/chromium.ts';
import { event, eventFile, frame, simpleValue } from '../support/event-writer.ts';
import { freePort } from '../support/python-tools.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, megabytes, seconds, spread, times } from './figures.ts';
import { interleave } from './pairs.ts';
import { usable } from './references/reference.ts';
import { browserBytes, type Look, looksOf, type Part, type Seen, watchPart } from './seen.ts';
import { TensorBoardPage } from './tensorboard-page.ts';
import { HAS_PROC } from './watching.ts';

/** Two halves of the runs: one is shown first, then the other. */
const [HALF, TAGS, STEPS] = [50, 20, 1000];
/** Lines have more coloured pixels than buttons and what turns while a page loads. */
const LINES = 3000;
/** Browsers do not paint the same corner in the same way each time. */
const NOTHING = 100;
const LOAD_MS = 300_000;
const MOST_PAIRS = 3;
const VIEWPORT = { width: 1500, height: 950 };
const HALVES = ['first', 'other'] as const;
type Half = (typeof HALVES)[number];

/** A page under measurement, and how a user gets on in it. */
interface Side {
  /** The address of the charts of one half of the runs. */
  readonly url: (half: Half) => string;
  /** The part with the charts. */
  readonly charts: Part;
  /** The input of the regular expression that chooses runs. */
  readonly input: string;
  /** Counts the rows of a half in the table below the first chart. */
  readonly rows: (half: Half) => string;
}

/** What a user waits for, in seconds, and what it takes in bytes. */
interface Used {
  readonly first: number;
  readonly all: number;
  readonly other: number;
  readonly browser: number;
}

const WHAT: readonly (readonly [keyof Used, string, (x: number) => string])[] = [
  ['first', 'from the request to the first curve', seconds],
  ['all', '  to all charts in view', seconds],
  ['other', '  from one half of the runs to the other', seconds],
  ['browser', '  memory of the browser, more than with an empty page', megabytes],
];

/** Both pages, in turns. */
export const pageTensorBoard: Bench = {
  name: 'page-tensorboard',
  about: `The page of a watch and that of TensorBoard in Chromium, on the same logs: ${HALF} of ${2 * HALF} runs, then the others`,
  async run(context) {
    const { scratch, product, references, scaled, pairs, row, note } = context;
    if (BROWSER_PATH === undefined) note(NO_BROWSER);
    if (!HAS_PROC) note('memory of a running process is read from /proc, which is on Linux only');
    if (BROWSER_PATH === undefined || !HAS_PROC) return;
    const tensorBoard = usable(await references.tensorBoard(), note);
    if (tensorBoard === undefined) return;
    const steps = scaled(STEPS);
    const logdir = writeHalves(context, steps);
    const home = product.newHome();
    await product.backfill(logdir, home);
    const port = await freePort();
    await using watching = await product.watch(logdir, home, ['--page', `127.0.0.1:${port}`]);
    await using reference = await TensorBoardPage.start({
      command: `${tensorBoard.bin}/tensorboard`,
      args: ['--logdir', logdir, '--load_fast', 'true'],
      env: process.env,
      cwd: scratch.folder('tensorboard'),
    });
    // Neither has to load anything while it is measured.
    if ((await reference.completeCard(tagOf(0), { runs: 2 * HALF, points: steps, mostMs: LOAD_MS })) === undefined)
      throw new Error(`TensorBoard has not loaded the logs within ${LOAD_MS / 1000} s`);
    const measured = await interleave(
      Math.min(pairs, MOST_PAIRS),
      () => use(mirrorboardSide(`http://127.0.0.1:${port}/`)),
      () => use(tensorBoardSide(reference.origin)),
    );
    for (const [key, what, format] of WHAT) {
      const [a, b] = [spread(measured.map(([ours]) => ours[key])), spread(measured.map(([, theirs]) => theirs[key]))];
      row({
        what: key === 'first' ? `${count(2 * HALF * TAGS * steps)} points: ${what}` : what,
        ours: format(a.median),
        reference: format(b.median),
        against: 'TensorBoard',
        figure: spread(measured.map(([ours, theirs]) => ours[key] / theirs[key])),
        format: times,
        target: { bound: 'most', reach: 1 },
      });
    }
    const [ours, { first, below }] = [watching.memory().peakBytes, reference.peakBytes()];
    row({
      what: '  peak memory of the server',
      ours: megabytes(ours),
      reference: megabytes(first + below),
      against: 'TensorBoard and its data server',
      figure: spread([ours / (first + below)]),
      format: times,
      target: { bound: 'most', reach: 1 },
    });
  },
};

function tagOf(index: number): string {
  return `metric/${index}`;
}

/** Writes runs that lie in two halves of the y axis, so that each run is a line of its own. */
function writeHalves({ scratch }: BenchContext, steps: number): string {
  const dir = scratch.folder('halves');
  for (const [base, half] of HALVES.entries()) {
    for (let run = 0; run < HALF; run++) {
      const frames = Array.from({ length: steps }, (_, step) => {
        const y = base * HALF + run + Math.sin(step / 50 + run) / 2;
        return frame(
          event({ wallTime: 1_700_000_000 + step, step, summary: Array.from({ length: TAGS }, (_, tag) => simpleValue(tagOf(tag), y)) }),
        );
      });
      const folder = join(dir, `${half}_${String(run).padStart(2, '0')}`);
      mkdirSync(folder);
      writeFileSync(join(folder, 'events.out.tfevents.1700000000.bench.1.0'), Buffer.concat([eventFile(), ...frames]));
    }
  }
  return dir;
}

function mirrorboardSide(origin: string): Side {
  return {
    url: (half) => `${origin}#/curves?match=${half}_`,
    charts: { x: 320, y: 160, width: 1160, height: 780 },
    input: '.run-panel .choice input',
    // The table has a few rows, and a button that says how many more there are.
    rows: (
      half,
    ) => `((rows, more) => (rows.length > 0 && rows.every((row) => row.innerText.includes('${half}_')) ? rows.length + more : 0))(
      [...document.querySelectorAll('.card:first-of-type .values tbody tr')],
      Number.parseInt(document.querySelector('.card:first-of-type .values > button')?.innerText ?? '0'))`,
  };
}

function tensorBoardSide(origin: string): Side {
  return {
    // Without smoothing, as in the other page.
    url: (half) => `${origin}/?runFilter=${half}_&smoothing=0#timeseries`,
    charts: { x: 310, y: 210, width: 930, height: 730 },
    input: '.run-filter input',
    rows: (half) =>
      `[...document.querySelector('scalar-card')?.querySelectorAll('tb-data-table-content-row') ?? []].filter((row) => row.innerText.includes('${half}_')).length`,
  };
}

/** Opens the charts in a new browser, as somebody does who follows a link, and then looks at the other runs. */
async function use(side: Side): Promise<Used> {
  const browser = await launchBrowser();
  try {
    const empty = await emptyBytes(browser);
    const context = await browser.newContext({ viewport: VIEWPORT });
    const page = await context.newPage();
    const devTools = await context.newCDPSession(page);
    const opened = await looked(side, page, devTools, 'first', () => page.goto(side.url('first'), { waitUntil: 'commit' }));
    await page.locator(side.input).click();
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText('other_');
    const changed = await looked(side, page, devTools, 'other', () => page.keyboard.press('Enter'));
    await devTools.send('HeapProfiler.collectGarbage');
    const used = await browserBytes(browser);
    const decoder = await (await browser.newContext()).newPage();
    const [start, switched] = [await looksOf(decoder, opened), await looksOf(decoder, changed)];
    const first = opened[start.findIndex(({ coloured }) => coloured > LINES)];
    const [all, other] = [opened[lastChange(start)], changed[lastChange(switched)]];
    if (first === undefined || all === undefined || other === undefined) throw new Error('the page showed no curves');
    return { first: first.at, all: all.at, other: other.at, browser: used - empty };
  } finally {
    await browser.close();
  }
}

/** Does something, and watches the charts until they show a half. */
async function looked(side: Side, page: Page, devTools: CDPSession, half: Half, act: () => Promise<unknown>): Promise<readonly Seen[]> {
  const began = performance.now();
  // While one page follows another, there is none to ask.
  const isThere = (): Promise<boolean> =>
    page.evaluate<number>(side.rows(half)).then(
      (rows) => rows >= HALF,
      () => false,
    );
  await act();
  const seen = await watchPart(devTools, side.charts, began, isThere);
  return seen;
}

/** Returns the place of the first picture that looks as all later ones do. */
function lastChange(looks: readonly Look[]): number {
  return looks.findLastIndex(({ other }) => other > NOTHING) + 1;
}

async function emptyBytes(browser: Browser): Promise<number> {
  const context = await browser.newContext({ viewport: VIEWPORT });
  await context.newPage();
  const bytes = await browserBytes(browser);
  await context.close();
  return bytes;
}
