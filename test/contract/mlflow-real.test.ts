import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { toMillis } from '../../src/model/index.ts';
import { GrowingRun, pointsOf } from '../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { startMlflow } from '../support/mlflow-server.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { realTracker } from '../support/real-tracker.ts';
import { contractSuite } from './contract-suite.ts';
import { connectMlflow, mlflowType, realHarness } from './mlflow-harness.ts';
import { exchangesWith } from './mlflow-wire.ts';

const LOGS = fileURLToPath(new URL('../../../test/logs', import.meta.url));
const type = await mlflowType();
const server = await realTracker('MLflow server', startMlflow);

if (server !== undefined) {
  const { url, readBack, stop } = server;
  afterAll(stop);

  describe('the stub', () => {
    it('answers as a real server does', async () => {
      const stub = await MlflowStub.start();
      const group = `wire-${process.pid}`;
      const [real, ours] = [await exchangesWith(url, group), await exchangesWith(stub.url, group)];
      await stub.close();
      expect(ours).toEqual(real);
    });
  });

  if (type !== undefined) {
    contractSuite(
      'MLflow over a real server',
      realHarness(type, () => url),
    );

    describe('a real MLflow server', () => {
      it('gives the official client the content of the files', async () => {
        const group = `read back ${process.pid}`;
        const backend = await connectMlflow(type, { tracking_uri: url, experiment_name: group });
        const expected = new Map<string, Map<string, Set<string>>>();
        for (const folder of ['tf2_scalars/train', 'tbx_everything', 'torch_docs_training_loop', 'made_edge_files/odd_values']) {
          const run = GrowingRun.copyOf(join(LOGS, folder), folder);
          const drafts = run.read();
          const delivery = new SmallDelivery(backend, newLedger(), run.source());
          await delivery.open();
          await delivery.deliver(drafts);
          run.remove();
          const metrics = new Map<string, Set<string>>();
          for (const { tag, plugin, step, wallTime, value } of drafts.flatMap(pointsOf)) {
            // Keys and numbers that MLflow holds as they are; the others are the contract suite's.
            if (plugin !== 'scalars' || !/^[a-z0-9_]+(\/[a-z0-9_]+)*$/i.test(tag) || !Number.isFinite(value)) continue;
            metrics.set(
              tag,
              (metrics.get(tag) ?? new Set()).add(JSON.stringify([String(step), String(toMillis(wallTime)), Number(value) + 0])),
            );
          }
          expected.set(folder, metrics);
        }
        await backend.close();
        const runs = await readBack(group);
        expect(runs.map(({ name }) => name).sort()).toEqual([...expected.keys()].sort());
        for (const { name, metrics } of runs) {
          for (const [tag, points] of expected.get(name)!) {
            const found = (metrics[tag] ?? []).map(([step, millis, value]) => JSON.stringify([step, millis, Number(value)]));
            expect([name, tag, found.filter((point) => !/null|e\+308/.test(point)).sort()]).toEqual([name, tag, [...points].sort()]);
          }
        }
      });
    });
  }
}
