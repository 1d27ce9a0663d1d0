// The Lanes view and the badges of runs, next to a watch with a lane that works, one that waits, and damaged files.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { repository } from '../e2e/command.ts';
import { describeInBrowser, picture, seriousFaults } from './browser.ts';
import { ask, Scene, TOKEN } from './scene.ts';
import { expectSoon, expectText } from './wait.ts';

interface Lanes {
  readonly lanes: readonly {
    readonly name: string;
    readonly state: string;
    readonly lag_bytes: number | null;
    readonly reason: string | null;
    readonly requests: number | null;
    readonly requests_failed: number | null;
  }[];
}

// Nothing listens on port 1.
const CONFIG = `
roots: [logs, damaged]
lanes:
  local: {}
  wandb: { mode: offline, project: demo, entity: me }
  mlflow: { tracking_uri: "http://127.0.0.1:1" }
`;

describeInBrowser('the Lanes view', (pages) => {
  let scene: Scene;
  let url: string;
  let urlWithoutToken: string;

  beforeAll(async () => {
    scene = new Scene();
    scene.writeFile('mirrorboard.yaml', CONFIG);
    scene.write({ path: 'good/one', scalars: { loss: [3, 2, 1] } });
    scene.write({ path: 'good/two', scalars: { loss: [3, 2, 1] } });
    for (const name of ['flip_in_data', 'torn_data', 'bad_proto_then_good_file'])
      cpSync(join(repository, 'test/damaged', name), join(scene.folder, 'damaged', name), { recursive: true });
    scene.watch();
    await expectSoon(async () => {
      url ??= await scene.serveWithToken().catch(() => undefined as unknown as string);
      if (url === undefined) return [];
      const { lanes } = await ask<Lanes>(url, 'lanes');
      return lanes.map(({ name, state, lag_bytes: lag }) => `${name} ${state} ${name === 'wandb' ? lag : ''}`).sort();
    }, ['local active ', 'mlflow waiting ', 'wandb active 0']);
    urlWithoutToken = await scene.serve();
  });
  afterAll(() => scene.end());

  /** Opens the page as a user who has typed the token. */
  async function open(view: string): Promise<Page> {
    const { page, faults } = await pages.open(`${url}${view}`);
    faults.expect(/status of 401/);
    await page.getByRole('textbox', { name: 'Token' }).fill(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Token' }).waitFor({ state: 'hidden' });
    return page;
  }

  it('shows the state of each lane, what is wrong, and what to do', async () => {
    const page = await open('#/lanes');
    const mlflow = page.getByRole('article', { name: 'Lane mlflow' });
    await mlflow.getByText('waiting to try again').waitFor();
    await mlflow.getByText('ECONNREFUSED').waitFor();
    await mlflow.getByText(/What to do: .*check that the tracker is running/).waitFor();
    const wandb = page.getByRole('article', { name: 'Lane wandb' });
    await wandb.getByText('active', { exact: true }).waitFor();
    await wandb.getByText('nothing', { exact: true }).waitFor();
    await wandb.getByText(/^[\d,]+ points$/).waitFor();
    // Each try of it is a request without an answer, and the folder of wandb needs none.
    await mlflow.getByText(/, [\d,]+ failed$/).waitFor();
    const { lanes } = await ask<Lanes>(url, 'lanes');
    expect(lanes.find(({ name }) => name === 'local')).toMatchObject({ requests: null });
    expect(lanes.find(({ name }) => name === 'mlflow')?.requests_failed).toBeGreaterThan(0);
    await picture(page, 'lanes');
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('lists the damage in the files, and the ends that are still written on request', async () => {
    const page = await open('#/lanes');
    const rows = page.locator('.damage tbody tr');
    const { damage } = await ask<{ readonly damage: readonly { readonly pending: boolean; readonly id: string }[] }>(url, 'damage');
    await expectSoon(() => rows.count(), damage.filter(({ pending }) => !pending).length);
    await page.getByText(/also \d+ ends? that/).click();
    await expectSoon(() => rows.count(), damage.length);
    const id = damage.find(({ pending }) => !pending)?.id ?? '';
    await page.getByRole('link', { name: id }).first().click();
    await expectText(page, '.run-title h1', id);
    await page.getByRole('heading', { name: 'Damage', exact: true }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('pauses, resumes and retries a lane', async () => {
    const page = await open('#/lanes');
    const wandb = page.getByRole('article', { name: 'Lane wandb' });
    await wandb.getByRole('button', { name: 'Pause' }).click();
    await wandb.getByText('paused', { exact: true }).waitFor();
    await expectSoon(async () => (await ask<Lanes>(url, 'lanes')).lanes.find(({ name }) => name === 'wandb')?.state, 'paused');
    await wandb.getByRole('button', { name: 'Resume' }).press('Enter');
    await wandb.getByText('active', { exact: true }).waitFor();
    await page.getByRole('article', { name: 'Lane mlflow' }).getByRole('button', { name: 'Retry' }).click();
    await page.getByText('mlflow: retries now').waitFor();
  });

  it('says of a server without a token that it changes nothing', async () => {
    const { page, faults } = await pages.open(`${urlWithoutToken}#/lanes`);
    faults.expect(/status of 403/);
    await page.getByRole('article', { name: 'Lane wandb' }).getByRole('button', { name: 'Pause' }).click();
    await page.locator('.message.bad', { hasText: 'token' }).waitFor();
    expect((await ask<Lanes>(url, 'lanes')).lanes.find(({ name }) => name === 'wandb')?.state).toBe('active');
  });

  it('marks each run with the lanes that have it, and damaged ones', async () => {
    const page = await open('#/runs?order=run');
    const row = page.locator('.run-row.run', { hasText: 'logs/good/one' });
    await expectSoon(
      () => row.locator('.badge').allTextContents(),
      ['✓ local has everything', '✓ wandb has everything', '– mlflow does not have it'],
    );
    await expectSoon(() => row.locator('.badge').nth(1).getAttribute('title'), 'wandb has everything');
    const damaged = page.locator('.run-row.run', { hasText: 'damaged/flip_in_data' }).first();
    await damaged.getByRole('img', { name: 'part of its files cannot be read' }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
  });
});
