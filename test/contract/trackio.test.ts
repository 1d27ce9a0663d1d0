import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { trackio } from '../../src/backends/trackio/index.ts';
import type { Backend, Handle } from '../../src/contract/index.ts';
import { event, simpleValue } from '../../src/testing/events/index.ts';
import { makeBackend } from '../../src/testing/make-backend.ts';
import { addressed, type Draft, GrowingRun, halved } from '../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { TrackioStub } from '../support/trackio-stub.ts';
import { contractSuite } from './contract-suite.ts';
import { runOf, stubHarness } from './trackio-harness.ts';

contractSuite('Trackio', stubHarness());
contractSuite('Trackio through its inbox', stubHarness(true));

describe('Trackio over the stand-in', () => {
  const signal = new AbortController().signal;
  const TAGS = ['a', 'b', 'c', 'd', 'e'];
  let stub: TrackioStub;
  let backend: Backend;
  let run: GrowingRun;
  let drafts: Draft[];
  let handle: Handle;

  beforeEach(async () => {
    stub = await TrackioStub.start();
    backend = await makeBackend(trackio, { url: stub.url, write_token: 'stub-token', project: 'p' });
    run = new GrowingRun();
    drafts = run.append(
      [1, 2].flatMap((step) => TAGS.map((tag) => event({ wallTime: 1_700_000_000, step, summary: [simpleValue(tag, step)] }))),
    );
    handle = await backend.open(run.source(), undefined, signal);
  });
  afterEach(async () => {
    await backend.close();
    run.remove();
    await stub.close();
  });

  const keysOfRows = (): string[] =>
    (stub.projects.get('p')?.prepare("select metrics from metrics where metrics <> '{}' order by log_id").all() ?? [])
      .map(({ metrics }) => Object.keys(JSON.parse(String(metrics)) as object).filter((key) => key !== 'mirrorboard'))
      .map((keys) => keys.join(''));
  const send = async (sent: readonly Draft[]) => (await backend.send(addressed(sent, handle), signal)).map(({ kind }) => kind);
  const pieces = (all: readonly Draft[], times: number): Draft[] =>
    times === 0
      ? [...all]
      : pieces(
          all.flatMap((draft) => halved(draft) ?? [draft]),
          times - 1,
        );
  const points = async (): Promise<number> => {
    let count = 0;
    for await (const chunk of backend.readBack(handle)) count += chunk.points.length;
    return count;
  };

  it('takes the scalars of a step as one row, however they come again', async () => {
    expect(await send(drafts)).toEqual(['accepted']);
    expect(keysOfRows()).toEqual(['abcde', 'abcde']);
    for (const draft of pieces(drafts, 3)) expect(await send([draft])).toEqual(['accepted']);
    expect(keysOfRows()).toEqual(['abcde', 'abcde']);
    expect(await points()).toBe(10);
  });

  it('completes rows that came in pieces, and repeats none', async () => {
    const parts = pieces(drafts, 2);
    expect(await send(parts.slice(0, 1))).toEqual(['accepted']);
    expect(await send(parts.slice(2, 3))).toEqual(['accepted']);
    expect(await send(drafts)).toEqual(['accepted']);
    expect(await points()).toBe(10);
    expect(keysOfRows().join('')).toBe('abcdeabcde');
    expect(keysOfRows().length).toBeGreaterThan(2);
  });

  it('counts nothing as stored that the server took and forgot', async () => {
    stub.forgets = 1;
    expect(await send(drafts)).toEqual(['retry']);
    expect(await points()).toBe(0);
    expect(await send(drafts)).toEqual(['accepted']);
    expect(await points()).toBe(10);
  });

  it('leaves a run alone that a person renamed, and mirrors it again', async () => {
    expect(await send(drafts)).toEqual(['accepted']);
    stub.renameRun('p', runOf(handle).run, 'my best run');
    expect(await send(drafts)).toEqual(['runFatal']);
    // With and without the state.
    const again = await backend.open(run.source(), handle, signal);
    expect(again).not.toBe(handle);
    expect(await backend.open(run.source(), undefined, signal)).toBe(again);
    const delivery = new SmallDelivery(backend, { ...newLedger(), handle: again }, run.source());
    await delivery.deliver(drafts);
    const runs = stub.runsOf('p').map(({ name, id }) => [name, id]);
    expect(runs).toEqual([
      ['my best run', runOf(handle).run],
      ['run', runOf(again).run],
    ]);
  });

  it('adds to a run of others without changing what is there', async () => {
    const database = stub.projects.get('p');
    database?.exec(`insert into metrics (timestamp, run_id, run_name, step, metrics) values ('2026', 'theirs', 'their run', 0, '{"x":1}')`);
    database?.exec(`insert into configs (run_id, run_name, config) values ('theirs', 'their run', '{"lr":0.5}')`);
    const joined = await backend.open(run.source({ joins: 'theirs' }), undefined, signal);
    expect((await backend.send(addressed(drafts, joined), signal)).map(({ kind }) => kind)).toEqual(['accepted']);
    const params = [
      { name: 'lr', value: 0.25 },
      { name: 'epochs', value: 3n },
    ];
    expect(await backend.setParams?.(joined, params, signal)).toEqual([{ kind: 'kept', value: '0.5' }, { kind: 'set' }]);
    await backend.finish(joined, { status: 'finished', endedAt: 1_700_000_000 }, signal);
    expect(stub.configOf('p', 'theirs')).toEqual({ lr: 0.5, epochs: 3 });
    expect(
      stub
        .runsOf('p')
        .filter(({ id }) => id === 'theirs')
        .map(({ name }) => name),
    ).toEqual(['their run']);
    await expect(backend.open(run.source({ joins: 'nobody' }), undefined, signal)).rejects.toMatchObject({ code: 'MB4006' });
  });

  it('finds what others wrote', async () => {
    const own = { handle, files: [], params: [], tags: {} };
    const found = async () => {
      const all = [];
      for await (const each of (await backend.foreign?.([own], signal)) ?? []) all.push(each);
      return all;
    };
    expect(await found()).toEqual([{ kind: 'looked' }]);
    const database = stub.projects.get('p');
    database?.exec(`insert into metrics (timestamp, run_id, run_name, step, metrics) values ('2026', 'theirs', 'their run', 0, '{"x":1}')`);
    database?.prepare('update configs set config = ? where run_id = ?').run('{"mirrorboard":{},"seed":1}', runOf(handle).run);
    database?.exec(`insert into artifacts (id, name) values (9, 'model')`);
    database?.prepare('insert into artifact_versions values (9, 0, ?, ?)').run('[]', runOf(handle).run);
    expect(await found()).toEqual([
      { kind: 'run', name: 'their run' },
      { kind: 'param', name: 'seed', in: runOf(handle).run },
      { kind: 'file', name: 'model', in: runOf(handle).run },
      { kind: 'looked' },
    ]);
  });

  it('finds what others wrote in a project of more runs than one answer has', async () => {
    const database = stub.projects.get('p');
    database?.exec(`
      with recursive number(n) as (select 1 union all select n + 1 from number where n < 10050)
      insert into metrics (timestamp, run_id, run_name, step, metrics, log_id)
      select '2026', 'run ' || n, 'run', 0, '{}', 'mirrorboard/' || n || '/0/made/' from number`);
    database?.exec(`insert into metrics (timestamp, run_id, run_name, step, metrics) values ('2026', 'theirs', 'their run', 0, '{"x":1}')`);
    const found = [];
    for await (const each of (await backend.foreign?.([{ handle, files: [], params: [], tags: {} }], signal)) ?? []) found.push(each);
    expect(found).toEqual([{ kind: 'run', name: 'their run' }, { kind: 'looked' }]);
  });
});
