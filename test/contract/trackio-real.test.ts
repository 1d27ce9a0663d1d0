import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { trackio } from '../../src/backends/trackio/index.ts';
import { keyOfTag } from '../../src/backends/trackio/rows.ts';
import { event, simpleValue } from '../../src/testing/events/index.ts';
import { makeBackend } from '../../src/testing/make-backend.ts';
import { type DraftPoint, GrowingRun, pointsOf, runFolders } from '../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { startTrackio, type TrackioServer } from '../support/trackio-server.ts';
import { contractSuite } from './contract-suite.ts';
import { realHarness, runOf } from './trackio-harness.ts';

/** What Trackio shows of a point: key, step, kind, content. */
function shownOf({ tag, plugin, step, value }: DraftPoint): string[] {
  const shown = (content: unknown): string[] => [JSON.stringify([keyOfTag(tag), String(step), plugin, content])];
  if (plugin === 'scalars' && typeof value !== 'string') return shown(pythonText(Number(value)));
  const fields = JSON.parse(String(value)) as Readonly<Record<string, unknown>>;
  if (fields['malformed'] !== undefined || fields['dtype'] !== undefined) return [];
  if (plugin === 'histograms') {
    const buckets = fields['buckets'] as readonly (readonly number[])[];
    const isShown = buckets.length > 0 && buckets.flat().every((each) => Number.isFinite(Number(each)));
    const counts = buckets.map(([, , count]) => Number(count));
    // Neighbors are joined beyond 512.
    const width = Math.ceil(counts.length / 512);
    const joined = counts.flatMap((_, i) => (i % width === 0 ? [counts.slice(i, i + width).reduce((sum, each) => sum + each, 0)] : []));
    return isShown ? shown(joined.map(pythonText)) : [];
  }
  if (plugin === 'images' || plugin === 'audio') {
    const blobs = (fields['images'] ?? fields['clips']) as readonly { readonly sha256: string; readonly format?: string }[];
    const known = blobs.filter(({ format = '' }) => plugin === 'audio' || ['png', 'jpeg', 'gif', 'bmp'].includes(format));
    return known.length === 0 ? [] : shown((plugin === 'audio' ? known.slice(0, 1) : known).map(({ sha256 }) => sha256));
  }
  const strings = (fields['strings'] ?? []) as readonly unknown[];
  if (plugin !== 'text' || strings.length !== 1) return [];
  return shown(typeof strings[0] === 'string' ? strings[0] : '(not UTF-8)');
}

/** A number as Python writes it. */
function pythonText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const text = Math.abs(value) >= 1e16 || (value !== 0 && Math.abs(value) < 1e-4) ? value.toExponential() : String(value);
  const exponent = /^(.*e[+-])(\d)$/.exec(text);
  if (exponent !== null) return `${exponent[1]}0${exponent[2]}`;
  return Number.isInteger(value) && !text.includes('e') ? `${text}.0` : text;
}

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
    it("gives Trackio's own code everything in the sample logs that it shows", async () => {
      const project = `official_${process.pid}`;
      const backend = await makeBackend(trackio, { url: real.url, write_token: real.writeToken, project });
      const expected = new Map<string, string[]>();
      for (const folder of runFolders(LOGS)) {
        const run = GrowingRun.copyOf(join(LOGS, folder), folder);
        const drafts = run.read();
        const delivery = new SmallDelivery(backend, newLedger(), run.source());
        await delivery.open();
        await delivery.deliver(drafts);
        run.remove();
        expected.set(runOf(delivery.ledger.handle!).run, drafts.flatMap(pointsOf).flatMap(shownOf).toSorted());
      }
      await backend.close();
      const found = await real.readBack(project);
      let looked = 0;
      for (const [run, wanted] of expected) {
        // A table of texts is none of the kinds that are compared here.
        expect((found[run] ?? []).map((value) => JSON.stringify(value)).toSorted()).toEqual(wanted);
        looked += wanted.length;
      }
      expect(looked).toBeGreaterThan(3000);
    }, 120_000);

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
