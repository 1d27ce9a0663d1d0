// A real browser: Chromium or Chrome of the machine, driven by playwright-core. It loads nothing by itself.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser; MIRRORBOARD_BROWSER names another one. Undefined if there is none. */
export const BROWSER_PATH: string | undefined = [process.env['MIRRORBOARD_BROWSER'] ?? '', ...PLACES].find(
  (path) => path !== '' && existsSync(path),
);

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
