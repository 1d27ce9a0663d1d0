import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import * as library from '../../src/index.ts';
import { backfill, type Config, linksOf, loadConfig, makeLanes, migrate, openStore, verify } from '../../src/index.ts';
import { event, eventFile, simpleValue } from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder: string;
let tracker: MlflowStub;

beforeEach(async () => {
  folder = temporaryFolder();
  tracker = await MlflowStub.start();
  mkdirSync(join(folder, 'logs/run'), { recursive: true });
  const events = [1, 2, 3].map((step) => event({ wallTime: 1_700_000_000 + step, step, summary: [simpleValue('loss', step / 8)] }));
  writeFileSync(join(folder, 'logs/run/events.out.tfevents.1700000000.host.1.0'), eventFile(...events));
  const lanes = { local: { path: join(folder, 'runs.db') }, mlflow: { tracking_uri: tracker.url } };
  const file = { roots: [join(folder, 'logs')], lanes };
  writeFileSync(join(folder, 'mirrorboard.yaml'), JSON.stringify(file));
});

afterEach(async () => {
  await tracker.close();
});

const { signal } = new AbortController();

async function lanesOf(config: Config, only?: readonly string[]): ReturnType<typeof makeLanes> {
  return makeLanes(config, {}, only, () => {});
}

it('mirrors, verifies and migrates as the command line does', async () => {
  const config = await loadConfig({ flags: { state: join(folder, 'runs.state') }, env: {}, cwd: folder });
  const shared = { roots: config.roots, rules: config.rules, linksOf: linksOf(config), statePath: config.state.path, signal };
  const store = config.lanes.local;
  const report = await backfill({ ...shared, store, trackers: await lanesOf(config) });
  expect(report.lanes.map(({ name, state: stand }) => [name, stand])).toContainEqual(['mlflow', 'done']);

  const trackers = await lanesOf(config);
  const verifications = await verify({ ...shared, store, trackers });
  for (const { backend } of trackers) await backend.close();
  expect(verifications.map(({ lane, runs }) => [lane, runs.map(({ missing, extra }) => missing + extra)])).toEqual([
    ['local', [0]],
    ['mlflow', [0]],
  ]);

  const { verdict, roots } = await migrate({
    ...shared,
    roots: [],
    from: 'local',
    to: 'mlflow',
    store,
    makeLanes: (names) =>
      lanesOf(
        config,
        names.filter((name) => name !== 'local'),
      ),
  });
  expect(verdict).toMatchObject({ exitCode: 0, reasons: [] });
  expect(roots.map(({ name }) => name)).toEqual(['logs']);
  const reader = openStore(join(folder, 'runs.db'));
  expect(reader.roots()).toHaveLength(1);
  reader.close();
});

it('migrates nothing from a lane without data', async () => {
  const config = await loadConfig({ flags: { state: join(folder, 'runs.state') }, env: {}, cwd: folder });
  const store = config.lanes.local;
  await backfill({ roots: config.roots, store, signal });
  const shared = { statePath: config.state.path, signal, store, makeLanes: (names: readonly string[]) => lanesOf(config, names) };
  await expect(migrate({ ...shared, from: 'mlflow', to: 'local' })).rejects.toMatchObject({ code: expect.stringMatching(/^MB3/) });
});

it('exports the names on its page', () => {
  const page = readFileSync(new URL('../../../docs/library.md', import.meta.url), 'utf8');
  const imported = [...page.matchAll(/import \{([^}]*)\} from 'mirrorboard'/g)].flatMap(([, names = '']) => names.match(/\w+/g) ?? []);
  const listed = [...page.matchAll(/^\| `(\w+)\(/gm)].map(([, name]) => name);
  expect(listed.length).toBeGreaterThan(5);
  for (const name of [...imported, ...listed, 'verifyBetween'])
    expect([name, typeof Reflect.get(library, name!)]).toEqual([name, 'function']);
});
