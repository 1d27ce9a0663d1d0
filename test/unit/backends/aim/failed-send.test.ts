// A send that failed may have changed what is in memory and not what the server has: the next one looks at the server.
import { expect, it } from '@jest/globals';
import { away } from '../../../../src/backends/aim/answers.ts';
import { AimClient } from '../../../../src/backends/aim/client.ts';
import { handleOf, type TrackedRun } from '../../../../src/backends/aim/handle.ts';
import { LoadedPoints } from '../../../../src/backends/aim/loaded-points.ts';
import { openRun } from '../../../../src/backends/aim/open-run.ts';
import { readRun } from '../../../../src/backends/aim/read-back.ts';
import { RunWriter } from '../../../../src/backends/aim/run-writer.ts';
import { parseSettings } from '../../../../src/backends/aim/settings.ts';
import { addressed, type Draft, GrowingRun } from '../../../../src/testing/parcels.ts';
import { AimStub } from '../../../support/aim-stub/index.ts';
import { event, simpleValue } from '../../../support/event-writer.ts';

const RUN: TrackedRun = { hash: 'abc123', attempt: 0, context: 'none', isJoined: false };

it('stores a point that was looked up in a send that failed', async () => {
  const stub = await AimStub.start();
  const log = new GrowingRun();
  const signal = new AbortController().signal;
  const settings = parseSettings({ server: stub.url }, {});
  if (settings.kind === 'problems') throw new Error(JSON.stringify(settings.problems));
  const client = await AimClient.connect(stub.url, settings.settings, signal);
  const open = await openRun(client, RUN, 1, signal);
  const writer = new RunWriter(client, RUN, open, new LoadedPoints(100, 10), () => undefined);
  const send = (drafts: readonly Draft[]) => writer.send(addressed(drafts, handleOf(RUN)), signal);
  const scalar = (step: number, value: number) => event({ step, wallTime: 10 + step, summary: [simpleValue('loss', value)] });

  await send(log.append([scalar(1, 0.25), scalar(2, 0.5)]));
  await send(log.append([scalar(1, 0.75)]));
  const late = log.append([scalar(2, 0.125)]);
  const { place } = AimClient.prototype;
  client.place = () => Promise.reject(away('the server is away'));
  const [failed] = await send(late);
  client.place = place.bind(client);
  const [sent] = await send(late);
  const held = [];
  for await (const { points } of readRun(client, RUN.hash, open, {}, signal)) held.push(...points.map(({ step, value }) => [step, value]));
  await client.close();
  await stub.close();
  log.remove();
  expect([failed?.kind, sent?.kind]).toEqual(['retry', 'accepted']);
  expect(held.sort()).toEqual([
    [1, 0.25],
    [1, 0.75],
    [2, 0.125],
    [2, 0.5],
  ]);
  expect(stub.complaints()).toEqual([]);
});
