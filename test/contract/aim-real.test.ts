import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Draft, type DraftPoint, GrowingRun, pointsOf, runFolders } from '../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { type AimPoint, type AimServer, startAim } from '../support/aim-server.ts';
import { connectAim, hashOf, realHarness } from './aim-harness.ts';
import { viewSuite } from './aim-views.ts';
import { contractSuite } from './contract-suite.ts';

const LOGS = fileURLToPath(new URL('../../../test/logs', import.meta.url));
let server: AimServer | undefined;
let reason = '';
// Started before the cases are named: a server that can't be had is a reason to skip them.
try {
  server = await startAim();
} catch (error) {
  reason = error instanceof Error ? error.message : String(error);
}

if (server === undefined) {
  describe('a real Aim server', () => {
    const isRequired = process.env['MIRRORBOARD_REQUIRE_TOOLS'] === '1';
    if (!isRequired) process.stderr.write(`… skipped, no Aim server: ${reason}\n`);
    (isRequired ? it : it.skip)('is there', () => expect(reason).toBe(''));
  });
} else {
  const { url, stop, readBack } = server;
  afterAll(stop);
  contractSuite(
    'Aim over a real server',
    realHarness(() => url),
  );
  viewSuite('Aim over a real server', () => url);

  describe('a real Aim server', () => {
    it('gives the official client everything in the sample logs', async () => {
      const backend = await connectAim({ server: url, experiment: `read back ${process.pid}` });
      const expected = new Map<string, readonly DraftPoint[]>();
      for (const folder of runFolders(LOGS)) {
        const run = GrowingRun.copyOf(join(LOGS, folder), folder);
        const drafts = run.read();
        const ledger = newLedger();
        const delivery = new SmallDelivery(backend, ledger, run.source());
        await delivery.open();
        await delivery.deliver(drafts);
        run.remove();
        expected.set(hashOf(ledger.handle!), drafts.flatMap(pointsOfFile));
      }
      await backend.close();
      const runs = new Map((await readBack()).map((run) => [run.hash, run]));
      let looked = 0;
      for (const [hash, points] of expected) {
        const run = runs.get(hash);
        expect(run?.error).toBeUndefined();
        for (const [plugin, kind] of KINDS) {
          const winners = new Map(
            points.filter((point) => point.plugin === plugin && isOfKind(point)).map((point) => [keyOf(point), point]),
          );
          const found = new Map(
            Object.entries(run?.[kind] ?? {}).flatMap(([tag, held]) =>
              held.map((point) => [JSON.stringify([tag, String(point[0])]), point] as const),
            ),
          );
          for (const [key, { wallTime, value }] of winners) {
            looked++;
            expect([hash, key, contentOf(plugin, found.get(key))]).toEqual([hash, key, wantedOf(plugin, wallTime, value)]);
          }
        }
      }
      expect(looked).toBeGreaterThan(2500);
    });
  });
}

const KINDS = [
  ['scalars', 'scalars'],
  ['images', 'images'],
  ['audio', 'audios'],
  ['histograms', 'distributions'],
] as const;

/**
 * In the order of names and places: the last of a step is the one that is shown. Wide steps share places, and are the
 * contract suite's.
 */
function pointsOfFile(draft: Draft): DraftPoint[] {
  return pointsOf(draft).filter(({ step }) => typeof step === 'number' && Number.isSafeInteger(step));
}

/** What the sequence of the tag itself holds: odd values are in one of their own. */
function isOfKind({ plugin, value }: DraftPoint): boolean {
  if (plugin === 'scalars') return typeof value === 'number';
  const fields = JSON.parse(String(value)) as { readonly count?: number; readonly malformed?: string; readonly dtype?: string };
  return fields.malformed === undefined && fields.dtype === undefined && fields.count !== 0;
}

function keyOf({ tag, step }: DraftPoint): string {
  return JSON.stringify([tag === '' ? '(no name)' : tag, String(step)]);
}

function numberText(value: unknown): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function wantedOf(plugin: string, wallTime: number, value: unknown): unknown {
  if (plugin === 'scalars') return [numberText(wallTime), numberText(value)];
  const fields = JSON.parse(String(value)) as Record<string, unknown>;
  if (plugin === 'histograms') {
    const counts = (fields['buckets'] as readonly (readonly number[])[]).map(([, , count]) => Number(count));
    return [numberText(wallTime), counts.reduce((sum, count) => sum + count, 0).toPrecision(9)];
  }
  const blobs = (fields['images'] ?? fields['clips']) as readonly { readonly sha256: string }[];
  return [numberText(wallTime), blobs.map(({ sha256 }) => sha256)];
}

function contentOf(plugin: string, point: AimPoint | undefined): unknown {
  if (point === undefined) return 'nothing';
  const [, wallTime, value, items] = point;
  if (plugin === 'scalars') return [numberText(wallTime), numberText(value)];
  if (plugin === 'histograms') {
    const { weights } = value as { readonly weights: readonly number[] };
    return [numberText(wallTime), weights.reduce((sum, weight) => sum + weight, 0).toPrecision(9)];
  }
  const blobs = items as readonly { readonly data: string }[];
  return [numberText(wallTime), blobs.map(({ data }) => createHash('sha256').update(Buffer.from(data, 'base64')).digest('hex'))];
}
