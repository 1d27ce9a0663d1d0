import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { trackio } from '../../../../src/backends/trackio/index.ts';
import type { Backend } from '../../../../src/contract/index.ts';
import { event, simpleValue } from '../../../../src/testing/events/index.ts';
import { makeBackend } from '../../../../src/testing/make-backend.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { TrackioStub } from '../../../support/trackio-stub.ts';

const signal = new AbortController().signal;
let stub: TrackioStub;
let backend: Backend;
let run: GrowingRun;

beforeEach(async () => {
  stub = await TrackioStub.start();
  backend = await makeBackend(trackio, { url: stub.url, write_token: 'stub-token', project: 'p' });
  run = new GrowingRun();
  run.append([event({ wallTime: 1_700_000_000, step: 1, summary: [simpleValue('a', 1)] })]);
});
afterEach(async () => {
  await backend.close();
  run.remove();
  await stub.close();
});

it('a run gets its facts when it is found again, if its maker stopped before that', async () => {
  const source = run.source({ tags: { team: 'vision' } });
  const handle = await backend.open(source, undefined, signal);
  const { run: id } = JSON.parse(handle) as { readonly run: string };
  const facts = stub.configOf('p', id);
  expect(facts).toEqual({
    _Created: '2023-11-14T22:13:20.000000+00:00',
    mirrorboard: { run: 'logs/run', status: 'running', tags: { team: 'vision' } },
  });
  stub.projects.get('p')?.exec('delete from configs');
  expect(await backend.open(source, undefined, signal)).toBe(handle);
  expect(stub.configOf('p', id)).toEqual(facts);
  // What others wrote since then stays.
  stub.projects.get('p')?.prepare('update configs set config = ?').run('{"lr":0.5,"mirrorboard":{"status":"finished"}}');
  await backend.open(source, undefined, signal);
  const { mirrorboard, ...others } = facts;
  expect(stub.configOf('p', id)).toEqual({ lr: 0.5, ...others, mirrorboard: { ...(mirrorboard as object), status: 'finished' } });
});
