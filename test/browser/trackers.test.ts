// What the page says of a tracker that has a page for each run, and of one that lost points.
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mustRun } from '../e2e/command.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { describeInBrowser, seriousFaults } from './browser.ts';
import { ask, Scene } from './scene.ts';
import { expectSoon } from './wait.ts';

interface RunLanes {
  readonly run: { readonly lanes: readonly { readonly name: string; readonly url: string | null; readonly state: string }[] };
}

describeInBrowser('a tracker with a page for each run', (pages) => {
  let scene: Scene;
  let tracker: MlflowStub;
  let url: string;

  beforeAll(async () => {
    scene = new Scene();
    tracker = await MlflowStub.start();
    scene.writeFile('mirrorboard.yaml', `roots: [logs]\nlanes:\n  local: {}\n  mlflow: { tracking_uri: "${tracker.url}" }\n`);
    scene.write({ path: 'one', scalars: { loss: [3, 2, 1] } });
    scene.write({ path: 'two', scalars: { loss: [3, 2, 1] } });
    await mustRun(['backfill'], { cwd: scene.folder });
    await mustRun(['verify'], { cwd: scene.folder });
    url = await scene.serve();
  });
  afterAll(async () => {
    await scene.end();
    await tracker.close();
  });

  it('has a link from the run to its page there, in the table and in the view of the run', async () => {
    const { run } = await ask<RunLanes>(url, 'run?run=logs/one');
    const lane = run.lanes.find(({ name }) => name === 'mlflow');
    expect(lane).toMatchObject({ state: 'mirrored', url: expect.stringContaining(tracker.url) });
    for (const view of ['#/runs?order=run&filter=one', '#/run?run=logs/one']) {
      const { page } = await pages.open(`${url}${view}`);
      const link = page.getByRole('link', { name: 'mlflow' });
      await link.waitFor();
      expect([await link.getAttribute('href'), await link.getAttribute('rel')]).toEqual([lane?.url, 'noopener noreferrer']);
      expect(await link.getAttribute('title')).toMatch(/^mlflow has everything, verified \d{4}-\d\d-\d\d \d\d:\d\d UTC\. Open it there\.$/);
    }
  });

  it('was found to be the same as the files, and then not', async () => {
    const { page } = await pages.open(`${url}#/lanes`);
    const card = page.getByRole('article', { name: 'Lane mlflow' });
    await card.getByText(/✓ same as the files, (?:now|\d+ s ago)/).waitFor();
    const { metrics } = tracker.run('two');
    const [key = ''] = metrics.keys();
    metrics.delete(key);
    await mustRun(['verify'], { cwd: scene.folder }, 1);
    await card.getByText(/≠ 1 difference, /).waitFor();
    await card.getByText('What differs').click();
    const cells = card.locator('.differences tbody tr').first().locator('td');
    await expectSoon(async () => (await cells.allTextContents()).slice(0, 2), ['logs/two', 'missing loss']);
    expect((await cells.allTextContents())[5]).toMatch(/^events\.out\.tfevents\.\d+\.host\.1\.0, byte \d+$/);
    expect(await seriousFaults(page)).toEqual([]);
    await card.getByRole('link', { name: 'logs/two' }).click();
    await page.getByRole('link', { name: 'mlflow differs from the files' }).waitFor();
  });
});
