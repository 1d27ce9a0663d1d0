// What a page in a browser shows, seen in pictures of a part of it: the same measure for any page, however it is made.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { pssOf } from './tensorboard-page.ts';

/** A part of a page, in its pixels. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A picture of the part. */
export interface Seen {
  /** The seconds until it was complete. */
  readonly at: number;
  /** PNG in base64. */
  readonly png: string;
}

/** How a picture looks. */
export interface Look {
  /** The pixels that have a colour, rather than a shade of grey. */
  readonly coloured: number;
  /** The pixels that are not as in the last picture. */
  readonly other: number;
}

/** When the text of a page is complete, its canvases may not be: they are looked at for so long. */
const REST_MS = 3000;
const MOST_MS = 60_000;
const LOOK_MS = 30;

/** Takes pictures until the page says for a while that it shows all. The seconds count from `began`. */
export async function watchPart(
  devTools: CDPSession,
  part: Part,
  began: number,
  isThere: () => Promise<boolean>,
): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  let thereAt: number | undefined;
  for (;;) {
    const png = await pictureOf(devTools, part);
    const now = performance.now();
    if (png !== undefined && seen.at(-1)?.png !== png) seen.push({ at: (now - began) / 1000, png });
    thereAt = (await isThere()) ? (thereAt ?? now) : undefined;
    if (thereAt !== undefined && now - thereAt > REST_MS) return seen;
    if (now - began > MOST_MS) throw new Error(`the page did not show what it should within ${MOST_MS / 1000} s`);
    await sleep(LOOK_MS);
  }
}

/** Returns a picture; undefined while there is none, because the browser changes from one page to the next. */
async function pictureOf(devTools: CDPSession, part: Part): Promise<string | undefined> {
  try {
    const clip = { ...part, scale: 1 };
    return (await devTools.send('Page.captureScreenshot', { format: 'png', optimizeForSpeed: true, clip })).data;
  } catch (error) {
    if (error instanceof Error && error.message.includes('Page.captureScreenshot')) return undefined;
    throw error;
  }
}

const LOOK_AT = `async (png, last) => {
  const pixels = async (text) => {
    const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    canvas.drawImage(bitmap, 0, 0);
    return canvas.getImageData(0, 0, bitmap.width, bitmap.height).data;
  };
  const [one, end] = [await pixels(png), await pixels(last)];
  let [coloured, other] = [0, 0];
  for (let i = 0; i < one.length; i += 4) {
    const [red, green, blue] = [one[i], one[i + 1], one[i + 2]];
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > 40) coloured++;
    if (red !== end[i] || green !== end[i + 1] || blue !== end[i + 2]) other++;
  }
  return { coloured, other };
}`;

/** Returns how the pictures look. `page` decodes them, and needs no content. */
export async function looksOf(page: Page, seen: readonly Seen[]): Promise<readonly Look[]> {
  const last = seen.at(-1)?.png ?? '';
  const looks: Look[] = [];
  for (const { png } of seen) looks.push(await page.evaluate<Look>(`(${LOOK_AT})('${png}', '${last}')`));
  return looks;
}

/** Returns the memory of all processes of a browser. What several share counts once. */
export async function browserBytes(browser: Browser): Promise<number> {
  const devTools = await browser.newBrowserCDPSession();
  const { processInfo } = await devTools.send('SystemInfo.getProcessInfo');
  await devTools.detach();
  return processInfo.reduce((sum, { id }) => sum + pssOf(id), 0);
}
