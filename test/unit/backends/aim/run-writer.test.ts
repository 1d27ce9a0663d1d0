// What a run writer keeps in memory: little, and nothing that the server does not have.
import { expect, it } from '@jest/globals';
import { away } from '../../../../src/backends/aim/answers.ts';
import { AimClient } from '../../../../src/backends/aim/client.ts';
import { type AimRun, handleOf } from '../../../../src/backends/aim/handle.ts';
import { LoadedPoints } from '../../../../src/backends/aim/loaded-points.ts';
import { openRun } from '../../../../src/backends/aim/open-run.ts';
import { readRun } from '../../../../src/backends/aim/read-back.ts';
import { AimRunWriter } from '../../../../src/backends/aim/run-writer.ts';
import { parseSettings } from '../../../../src/backends/aim/settings.ts';
import { addressed, type Draft, GrowingRun } from '../../../../src/testing/parcels.ts';
import { AimStub } from '../../../support/aim-stub/index.ts';
import { event, simpleValue } from '../../../support/event-writer.ts';

const RUN: AimRun = { hash: 'abc123', attempt: 0, context: 'none', isJoined: false };

/** A run that is open at a stub. */
async function opened(loaded: LoadedPoints) {
  const stub = await AimStub.start();
  const log = new GrowingRun();
  const signal = new AbortController().signal;
  const settings = parseSettings({ server: stub.url }, {});
  if (settings.kind === 'problems') throw new Error(JSON.stringify(settings.problems));
  const client = await AimClient.connect(stub.url, settings.settings, signal);
  const open = await openRun(client, RUN, 1, signal);
  const writer = new AimRunWriter(client, RUN, open, loaded, () => undefined);
  return {
    client,
    log,
    send: (drafts: readonly Draft[]) => writer.send(addressed(drafts, handleOf(RUN)), signal),
    async held(): Promise<string[]> {
      const held: string[] = [];
      for await (const { tag, points } of readRun(client, RUN.hash, open, {}, signal))
        held.push(...points.map(({ step, value }) => `${tag} ${step} ${value}`));
      return held.sort();
    },
    async close(): Promise<readonly string[]> {
      await client.close();
      await stub.close();
      log.remove();
      return stub.complaints();
    },
  };
}

const scalar = (step: number, value: number, tag = 'loss') => event({ step, wallTime: 10 + step, summary: [simpleValue(tag, value)] });

it('stores a point that was looked up in a failed send', async () => {
  const { client, log, send, held, close } = await opened(new LoadedPoints(100, 10));
  await send(log.append([scalar(1, 0.25), scalar(2, 0.5)]));
  await send(log.append([scalar(1, 0.75)]));
  const late = log.append([scalar(2, 0.125)]);
  const { place } = AimClient.prototype;
  client.place = () => Promise.reject(away('the server is away'));
  const [failed] = await send(late);
  client.place = place.bind(client);
  const [sent] = await send(late);
  const found = await held();
  expect(await close()).toEqual([]);
  expect([failed?.kind, sent?.kind]).toEqual(['retry', 'accepted']);
  expect(found).toEqual(['loss 1 0.25', 'loss 1 0.75', 'loss 2 0.125', 'loss 2 0.5']);
});

it('keeps all points of two writers, and only a few of them in memory', async () => {
  const loaded = new LoadedPoints(60, 5);
  const { log, send, held, close } = await opened(loaded);
  const tags = ['a', 'b', 'c'];
  const expected: string[] = [];
  let most = 0;
  for (let first = 0; first < 60; first += 6) {
    for (const [i, file] of ['events.out.tfevents.1.host.1.0', 'events.out.tfevents.2.host.1.0'].entries()) {
      const steps = Array.from({ length: 6 }, (_, step) => first + step);
      const drafts = log.append(
        steps.flatMap((step) => tags.map((tag) => scalar(step, 2 * step + i, tag))),
        file,
      );
      expected.push(...steps.flatMap((step) => tags.map((tag) => `${tag} ${step} ${2 * step + i}`)));
      for (const outcome of await send(drafts)) expect(outcome.kind).toBe('accepted');
      most = Math.max(most, loaded.points);
    }
  }
  const found = await held();
  expect(await close()).toEqual([]);
  expect(found).toEqual(expected.sort());
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(60);
});
