// A real browser: Chromium or Chrome of the machine, driven by playwright-core. It loads nothing by itself.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The one that must be used; empty if any will do. */
const NAMED = process.env['MIRRORBOARD_BROWSER'] ?? '';

/** The browser: the one that MIRRORBOARD_BROWSER names, or one of the machine. Undefined if there is none. */
export const BROWSER_PATH: string | undefined = NAMED === '' ? PLACES.find((path) => existsSync(path)) : NAMED;

/** Why there is none. */
export const NO_BROWSER = `there is no browser in ${PLACES.join(', ')}, and MIRRORBOARD_BROWSER names none`;

/** No sandbox, since root has none; nothing that asks the network. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-extensions',
  '--disable-default-apps',
];

/** Starts the browser. The caller closes it. */
export function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  if (BROWSER_PATH === undefined) throw new Error(NO_BROWSER);
  return chromium.launch({ executablePath: BROWSER_PATH, args: [...FLAGS, ...flags] });
}
