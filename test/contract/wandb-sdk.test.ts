import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { foldersIn, isSynced, waitingFolders } from '../../src/backends/wandb/offline-folders.ts';
import type { Backend } from '../../src/contract/index.ts';
import { type Draft, GrowingRun, pointsOf, runFolders } from '../../src/testing/parcels.ts';
import { differences, expectedOf, readHeld } from '../../src/testing/read-back.ts';
import { type Ledger, newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { event, simpleValue } from '../support/event-writer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { WandbSdk } from '../support/wandb-sdk.ts';
import { historyOf, WandbStub } from '../support/wandb-stub/index.ts';
import { readLine } from '../support/wandb-stub/rows.ts';
import { connectWandb, runIdOf } from './wandb-harness.ts';

const LOGS = fileURLToPath(new URL('../../../test/logs', import.meta.url));
const signal = new AbortController().signal;
let sdk: WandbSdk | undefined;
let reason = '';
try {
  sdk = await WandbSdk.find();
} catch (error) {
  reason = error instanceof Error ? error.message : String(error);
}

if (sdk === undefined) {
  describe('the official W&B client', () => {
    const isRequired = process.env['MIRRORBOARD_REQUIRE_TOOLS'] === '1';
    if (!isRequired) process.stderr.write(`… skipped, no official W&B client: ${reason}\n`);
    (isRequired ? it : it.skip)('is there', () => expect(reason).toBe(''));
  });
} else {
  const official = sdk;
  afterAll(() => official.close());

  describe('the official W&B client', () => {
    let stub: WandbStub;
    let dir: string;
    beforeEach(async () => {
      stub = await WandbStub.start();
      stub.namesOddHeaders = false;
      dir = temporaryFolder();
    });
    afterEach(async () => {
      await stub.close();
    });
    const offline = (): Promise<Backend> => connectWandb({ mode: 'offline', dir, base_url: stub.url, api_key: stub.key });
    const online = (): Promise<Backend> => connectWandb({ dir, base_url: stub.url, api_key: stub.key });

    async function deliver(backend: Backend, run: GrowingRun, ledger: Ledger, drafts: readonly Draft[]): Promise<SmallDelivery> {
      const delivery = new SmallDelivery(backend, ledger, run.source());
      await delivery.open();
      await delivery.deliver(drafts);
      return delivery;
    }

    async function expectAtServer(ledger: Ledger, drafts: readonly Draft[]): Promise<void> {
      const backend = await online();
      expect(differences(backend, expectedOf(backend, drafts), await readHeld(backend, ledger.handle!))).toEqual([]);
      await backend.close();
      const steps = historyOf(stub.runs().find(({ id }) => id === runIdOf(ledger.handle!))!).map((line) => readLine(line)?.['_step']);
      expect(steps).toEqual(steps.map((_, line) => line));
    }

    function points(from: number, count: number): Uint8Array[] {
      return Array.from({ length: count }, (_, i) =>
        event({ wallTime: 1_700_000_000 + i / 7, step: from + i, summary: [simpleValue('loss', Math.sin(from + i))] }),
      );
    }

    it('works with the stub', async () => {
      const script = `
import wandb
with wandb.init(project="official", name="mine", config={"lr": 0.1}) as run:
    for step in range(200):
        run.log({"loss": 1 / (step + 1), "global_step": step})
`;
      await official.python(script, [], stub);
      const run = stub.run('mine');
      expect(run.state).toBe('finished');
      expect(historyOf(run).map((line) => readLine(line)?.['loss'])).toEqual(Array.from({ length: 200 }, (_, step) => 1 / (step + 1)));
      expect(readLine(run.config)?.['lr']).toEqual({ value: 0.1 });
      expect(stub.violations).toEqual([]);
    });

    it('syncs every kind of the sample logs from offline folders, and the server has them to the bit', async () => {
      const runs: { run: GrowingRun; ledger: Ledger; drafts: Draft[] }[] = [];
      const backend = await offline();
      for (const folder of runFolders(LOGS)) {
        const run = GrowingRun.copyOf(join(LOGS, folder), folder);
        const [ledger, drafts] = [newLedger(), run.read()];
        await deliver(backend, run, ledger, drafts);
        await backend.finish(ledger.handle!, { status: 'finished', endedAt: 1_700_000_000 }, signal);
        runs.push({ run, ledger, drafts });
      }
      await backend.close();
      const folders = waitingFolders(dir).map(({ path }) => path);
      expect(folders).toHaveLength(runs.length);
      const read = Object.values(await official.readFolders(folders));
      for (const { ledger, drafts } of runs) {
        const { rows, exit } = read.find(({ id }) => id === runIdOf(ledger.handle!))!;
        expect(exit).toBe(0);
        // A tag that differs from another one by case alone has `~~` behind it.
        const found = rows.flatMap((row) =>
          Object.entries(row).flatMap(([key, text]) => (/^-?[\d.]/.test(text) ? [[key.replace(/(~~)+$/, ''), Number(text)]] : [])),
        );
        for (const { tag, plugin, value } of drafts.flatMap(pointsOf)) {
          if (plugin !== 'scalars' || typeof value !== 'number' || !Number.isFinite(value) || !/^[a-z][a-z0-9_/]*$/.test(tag)) continue;
          if (tag.endsWith('global_step')) continue;
          expect(found).toContainEqual([tag, value]);
        }
      }
      await official.sync(folders, stub);
      expect(waitingFolders(dir)).toEqual([]);
      // The client once called a folder synced of whose lines it had sent none.
      const linesOf = (id: string): number => stub.runs().flatMap((run) => (run.id === id ? historyOf(run) : [])).length;
      const unsent = folders.filter((_, i) => (read[i]?.rows.length ?? 0) > 0 && linesOf(read[i]!.id) === 0);
      if (unsent.length > 0) {
        process.stderr.write(
          `… the official client sent nothing of ${unsent.length} folders: ${stub.violations.filter((text) => !text.includes('not uploaded')).join('; ')}\n`,
        );
        for (const folder of unsent) for (const name of readdirSync(folder)) if (name.endsWith('.synced')) rmSync(join(folder, name));
        await official.sync(unsent, stub);
      }
      for (const { run, ledger, drafts } of runs) {
        await expectAtServer(ledger, drafts);
        run.remove();
      }
      expect(stub.runs().filter(({ state }) => state !== 'finished')).toEqual([]);
    }, 600_000);

    it('starts a new folder after a synced one, and skips a superseded one', async () => {
      const run = new GrowingRun();
      const ledger = newLedger();
      const drafts = run.append(points(0, 20));
      let backend = await offline();
      await deliver(backend, run, ledger, drafts);
      await backend.close();
      await official.sync(
        waitingFolders(dir).map(({ path }) => path),
        stub,
      );
      await expectAtServer(ledger, drafts);

      // More data arrives: a new folder gets all lines, because the first was sent. Later data goes into a third one.
      backend = await offline();
      drafts.push(...run.append(points(20, 10)));
      await deliver(backend, run, ledger, drafts);
      await backend.finish(ledger.handle!, { status: 'finished', endedAt: 1_700_000_000 }, signal);
      drafts.push(...run.append(points(30, 10)));
      await deliver(backend, run, ledger, drafts);
      await backend.finish(ledger.handle!, { status: 'finished', endedAt: 1_700_000_000 }, signal);
      await backend.close();
      const folders = foldersIn(dir);
      expect(folders.map(isSynced)).toEqual([true, true, false]);
      await official.sync(
        folders.map(({ path }) => path),
        stub,
      );
      await expectAtServer(ledger, drafts);
      run.remove();
    });

    it('and online lanes continue each other: no point is lost or doubled in any order', async () => {
      const run = new GrowingRun();
      const ledger = newLedger();
      const drafts = run.append(points(0, 20));
      let backend = await online();
      await deliver(backend, run, ledger, drafts);
      await backend.close();

      // Offline: the new folder has the lines that are at the server, since a sync begins with the first.
      backend = await offline();
      drafts.push(...run.append(points(20, 10)));
      await deliver(backend, run, ledger, drafts);
      expect(differences(backend, expectedOf(backend, drafts), await readHeld(backend, ledger.handle!))).toEqual([]);
      await backend.close();
      await official.sync(
        waitingFolders(dir).map(({ path }) => path),
        stub,
      );
      await expectAtServer(ledger, drafts);

      // Online again, then offline, and online without a sync between: what waits in the folder goes up first.
      for (const [connect, from] of [
        [online, 30],
        [offline, 40],
        [online, 50],
      ] as const) {
        backend = await connect();
        drafts.push(...run.append(points(from, 10)));
        await deliver(backend, run, ledger, drafts);
        await backend.close();
      }
      await expectAtServer(ledger, drafts);
      expect(waitingFolders(dir)).toEqual([]);
      run.remove();
    });
  });
}
