import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { trackio } from '../../src/backends/trackio/index.ts';
import { event, simpleValue } from '../../src/testing/events/index.ts';
import { makeBackend } from '../../src/testing/make-backend.ts';
import { GrowingRun, pointsOf } from '../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { startTrackio, type TrackioServer } from '../support/trackio-server.ts';
import { contractSuite } from './contract-suite.ts';
import { realHarness } from './trackio-harness.ts';

const LOGS = fileURLToPath(new URL('../../../test/logs', import.meta.url));
let server: TrackioServer | undefined;
let reason = '';
// Started before the cases are named: a server that can't be had is a reason to skip them.
try {
  server = await startTrackio();
} catch (error) {
  reason = error instanceof Error ? error.message : String(error);
}

if (server === undefined) {
  describe('a real Trackio server', () => {
    const isRequired = process.env['MIRRORBOARD_REQUIRE_TOOLS'] === '1';
    if (!isRequired) process.stderr.write(`… skipped, no Trackio server: ${reason}\n`);
    (isRequired ? it : it.skip)('is there', () => expect(reason).toBe(''));
  });
} else {
  const real = server;
  afterAll(() => real.stop());
  contractSuite(
    'Trackio over a real server',
    realHarness(() => real),
  );

  describe('a real Trackio server', () => {
    it('imports points from its inbox with their own times, each once', async () => {
      const project = `inbox_${process.pid}`;
      const backend = await makeBackend(trackio, { url: real.url, write_token: real.writeToken, inbox: real.inbox, project });
      const run = GrowingRun.copyOf(join(LOGS, 'tf2_media'), 'tf2_media');
      const wide = new GrowingRun('odd times');
      const times = [1_700_000_000.123456, 1_700_000_000.1234567, -1.5, Number.NaN, 1e300];
      const odd = wide.append(times.map((wallTime, step) => event({ wallTime, step, summary: [simpleValue('loss', step / 3)] })));
      try {
        const drafts = run.read();
        const deliveries = [
          { delivery: new SmallDelivery(backend, newLedger(), run.source()), drafts },
          { delivery: new SmallDelivery(backend, newLedger(), wide.source()), drafts: odd },
        ];
        await Promise.all(
          deliveries.map(async ({ delivery, drafts: own }) => {
            await delivery.open();
            await delivery.deliver(own);
            // The same again, as after a crash.
            expect((await delivery.sendOnce(own)).every(({ kind }) => kind === 'accepted')).toBe(true);
          }),
        );
        for (const { delivery, drafts: own } of deliveries) {
          const found: unknown[] = [];
          for await (const { tag, points } of backend.readBack(delivery.ledger.handle!)) {
            for (const { step, wallTime, value } of points) found.push([tag, step, wallTime, value]);
          }
          const wanted = own.flatMap(pointsOf).map(({ tag, step, wallTime, value }) => [tag, step, wallTime, value]);
          expect(found.length).toBe(wanted.length);
          expect(found).toEqual(expect.arrayContaining(wanted));
        }
        const query = "select timestamp from metrics where cast(metrics as text) like '%loss%' and log_id like '%/%' order by step";
        const { rows } = (await real.call('query_project', { project, query })) as { rows: { timestamp: string }[] };
        expect(rows.slice(0, 5).map(({ timestamp }) => timestamp)).toEqual([
          '2023-11-14T22:13:20.123456+00:00',
          '2023-11-14T22:13:20.123457+00:00',
          '1969-12-31T23:59:58.500000+00:00',
          '1970-01-01T00:00:00.000000+00:00',
          '1970-01-01T00:00:00.000000+00:00',
        ]);
      } finally {
        run.remove();
        wide.remove();
        await backend.close();
      }
    });

    it('does not lose points that it took while another program locked its database', async () => {
      const project = `locked_${process.pid}`;
      const backend = await makeBackend(trackio, { url: real.url, write_token: real.writeToken, project });
      const run = new GrowingRun('locked');
      const drafts = run.append(
        [1, 2, 3].map((step) => event({ wallTime: 1_700_000_000 + step, step, summary: [simpleValue('loss', step)] })),
      );
      const delivery = new SmallDelivery(backend, newLedger(), run.source());
      try {
        await delivery.open();
        const lock = new DatabaseSync(join(real.folder, `${project}.db`));
        lock.exec('begin exclusive');
        const first = await delivery.sendOnce(drafts);
        lock.exec('rollback');
        lock.close();
        expect(first.map(({ kind }) => kind)).toEqual(['retry']);
        await delivery.deliver(drafts);
        const steps: unknown[] = [];
        for await (const { points } of backend.readBack(delivery.ledger.handle!)) steps.push(...points.map(({ step }) => step));
        expect(steps).toEqual([1, 2, 3]);
      } finally {
        run.remove();
        await backend.close();
      }
    }, 120_000);
  });
}
