import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Backend, Handle, TrackerParcel } from '../../../../src/contract/index.ts';
import { listeningFor } from '../../../../src/sign-of-life.ts';
import { addressed, GrowingRun } from '../../../../src/testing/parcels.ts';
import { differences, expectedOf, readHeld } from '../../../../src/testing/read-back.ts';
import { connectAim, hashOf } from '../../../contract/aim-harness.ts';
import { AimStub } from '../../../support/aim-stub/index.ts';
import { leafValue, type Node } from '../../../support/aim-stub/wire.ts';
import { event, histogramTensor, hparamsSessionStart, plainTensor, simpleValue, text } from '../../../support/event-writer.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const T = 1_700_000_000;
const signal = new AbortController().signal;
const point = (step: number, tag = 'loss', value = step) => event({ wallTime: T + step, step, summary: [simpleValue(tag, value)] });

let stub: AimStub;
let folder: string;
const backends: Backend[] = [];
const runs: GrowingRun[] = [];
beforeEach(async () => {
  stub = await AimStub.start();
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const backend of backends.splice(0)) await backend.close();
  for (const run of runs.splice(0)) run.remove();
  expect(stub.complaints()).toEqual([]);
  await stub.close();
});

async function connect(section: Record<string, unknown> = {}): Promise<Backend> {
  const backend = await connectAim({ server: stub.url, ...section });
  backends.push(backend);
  return backend;
}

function newRun(path = 'run'): GrowingRun {
  const run = new GrowingRun(path);
  runs.push(run);
  return run;
}

const chunk = (hash: string): string[] => ['s:meta', 's:chunks', `s:${hash}`];

function contextsOf(hash: string): Record<string, unknown>[] {
  return [
    ...(stub.runs
      .get(hash)
      ?.meta.get([...chunk(hash), 's:contexts'])
      ?.children.values() ?? []),
  ].map((context: Node) => Object.fromEntries([...context.children].map(([key, value]) => [key.slice(2), leafValue(value)])));
}

describe('an Aim server', () => {
  // Before 3.29 trees are asked for in more words, before 3.23 values go one by one; the last two are not as their
  // version lets expect.
  it.each([
    { version: '3.19.3' },
    { version: '3.22.0' },
    { version: '3.24.0' },
    { version: '3.25.1' },
    { version: '3.28.0' },
    { version: '3.29.1' },
    { version: '3.24.0', takesMany: false },
    { version: '3.30.0', takesMany: false },
  ])('like $version accepts all kinds of points, and returns them', async (options) => {
    const { version } = options;
    const other = await AimStub.start(options);
    const run = newRun();
    const backend = await connectAim({ server: other.url });
    const handle = await backend.open(run.source(), undefined, signal);
    const events = Array.from({ length: 400 }, (_, i) => point(i % 300, `loss/${i % 3}`, i));
    events.push(
      event({
        wallTime: T,
        step: 7,
        summary: [
          text('notes', 'a *word*'),
          histogramTensor('weights', [[0, 1, 2]]),
          plainTensor('embedding', { dtype: 'float', shape: [2], values: [1, 2] }),
          hparamsSessionStart({ lr: 0.1, name: 'adam' }),
        ],
      }),
    );
    const drafts = run.append(events);
    for (let i = 0; i < 2; i++)
      for (const outcome of await backend.send(addressed(drafts, handle), signal)) expect(outcome.kind).toBe('accepted');
    expect(differences(backend, expectedOf(backend, drafts), await readHeld(backend, handle))).toEqual([]);
    await backend.finish(handle, { status: 'finished', endedAt: T }, signal);
    expect([other.statusOf(hashOf(handle)), other.complaints()]).toEqual(['finished', []]);
    expect((await backend.probe(signal)).version).toBe(version);
    await backend.close();
    await other.close();
  });
});

describe('Aim runs', () => {
  it('have the right times, names and tags', async () => {
    const run = newRun('exp/a');
    const drafts = run.append([point(1)]);
    const backend = await connect({ experiment: 'Mine', description: 'about it' });
    const handle = await backend.open(
      run.source({ tags: { team: 'vision', fast: '' }, startedAt: 5.5, name: 'a name' }),
      undefined,
      signal,
    );
    await backend.send(addressed(drafts, handle), signal);
    const made = stub.runs.get(hashOf(handle));
    expect(made).toMatchObject({ name: 'a name', experiment: 'Mine', description: 'about it', createdAt: 5.5 });
    expect([...(made?.tags ?? [])].sort()).toEqual(['fast', 'team: vision']);
    await backend.finish(handle, { status: 'failed', endedAt: 9.25 }, signal);
    expect(leafValue(made?.meta.get([...chunk(hashOf(handle)), 's:end_time']))).toBe(9.25);
    expect(stub.statusOf(hashOf(handle))).toBe('failed');
  });

  it('are open in a limited number', async () => {
    const backend = await connect({ open_runs: 2 });
    for (let i = 0; i < 6; i++) {
      const run = newRun(`run ${i}`);
      const drafts = run.append([point(i)]);
      const handle = await backend.open(run.source(), undefined, signal);
      expect(await backend.send(addressed(drafts, handle), signal)).toMatchObject([{ kind: 'accepted' }]);
    }
    // The one that is open may come on top.
    expect(stub.mostOpen).toBeLessThanOrEqual(3);
  });

  it('continue after a server has forgotten all clients', async () => {
    const run = newRun();
    const backend = await connect();
    const first = run.append([point(1)]);
    const handle = await backend.open(run.source(), undefined, signal);
    for (const drafts of [first, run.append([point(2)]), run.append([point(3)])]) {
      expect(await backend.send(addressed(drafts, handle), signal)).toMatchObject([{ kind: 'accepted' }]);
      stub.forget();
    }
    const points = [];
    for await (const part of backend.readBack(handle)) points.push(...part.points);
    expect(points.map(({ step }) => step).sort()).toEqual([1, 2, 3]);
  });

  it('move the prefix of a tag into the context, and return the tag', async () => {
    const run = newRun();
    const drafts = run.append([point(1, 'train/loss'), point(1, 'loss'), point(1, 'other/loss')]);
    const backend = await connect({ context: 'prefix' });
    const handle = await backend.open(run.source(), undefined, signal);
    await backend.send(addressed(drafts, handle), signal);
    expect(contextsOf(hashOf(handle))).toEqual(expect.arrayContaining([{}, { subset: 'train' }]));
    const tags = [];
    for await (const { tag } of backend.readBack(handle)) tags.push(tag);
    expect(tags.sort()).toEqual(['loss', 'other/loss', 'train/loss']);
    // The rule is that of the moment the run was opened.
    const later = await connect({ context: 'none' });
    expect(await later.open(run.source(), handle, signal)).toBe(handle);
    expect(await later.send(addressed(run.append([point(2, 'train/loss')]), handle), signal)).toMatchObject([{ kind: 'accepted' }]);
    expect(contextsOf(hashOf(handle))).toHaveLength(2);
  });

  it('combine several folded runs, each with its directory as context', async () => {
    const target = newRun('exp');
    target.append([point(0, 'lr')]);
    const backend = await connect({ context: 'directory' });
    const handle = await backend.open(target.source(), undefined, signal);
    for (const folded of ['train', 'validation']) {
      const run = newRun(`exp/${folded}`);
      const parcels = addressed(run.append([point(1, 'loss', folded.length)]), handle).map(
        (parcel): TrackerParcel => ({
          ...parcel,
          target: target.run,
          file: `${folded}/${parcel.file}`,
          series: parcel.series.map((series) => ({ ...series, tag: `${folded}/${series.tag}` })),
        }),
      );
      expect(await backend.send(parcels, signal)).toMatchObject([{ kind: 'accepted' }]);
    }
    expect(contextsOf(hashOf(handle))).toEqual([{ subset: 'train' }, { subset: 'validation' }]);
    const found = [];
    for await (const { tag, points } of backend.readBack(handle)) found.push([tag, points.map(({ value }) => value)]);
    expect(found.sort()).toEqual([
      ['train/loss', [5]],
      ['validation/loss', [10]],
    ]);
  });

  it('show the last of several points of one step by file and place, in any order of arrival', async () => {
    for (const isBackwards of [false, true]) {
      const run = newRun(`backwards ${isBackwards}`);
      const drafts = [
        ...run.append([point(7, 'loss', 1)], 'events.out.tfevents.1.a'),
        ...run.append([point(7, 'loss', 2), point(7, 'loss', 3)], 'events.out.tfevents.2.b'),
      ];
      const backend = await connect();
      const handle = await backend.open(run.source(), undefined, signal);
      for (const draft of isBackwards ? drafts.toReversed() : drafts) await backend.send(addressed([draft], handle), signal);
      const sequence = ['s:seqs', 's:v2', 's:chunks', `s:${hashOf(handle)}`];
      const [context] = stub.runs.get(hashOf(handle))?.seqs.get(sequence)?.children.values() ?? [];
      const shown = [...(context?.children.get('s:loss')?.children.get('s:val')?.children.values() ?? [])].map(leafValue);
      expect([isBackwards, shown]).toEqual([isBackwards, [3]]);
      const points = [];
      for await (const part of backend.readBack(handle)) points.push(...part.points.map(({ value }) => value));
      expect(points.sort()).toEqual([1, 2, 3]);
    }
  });

  it('count the frames of the write channel among the requests, with an HTTP status', async () => {
    const run = newRun();
    const backend = await connect();
    const handle = await backend.open(run.source(), undefined, signal);
    const ended: (number | undefined)[] = [];
    const listener = { answered: () => undefined, requestEnded: (status: number | undefined) => void ended.push(status) };
    const sendOne = async (step: number): Promise<(number | undefined)[]> => {
      ended.length = 0;
      await listeningFor(listener, () => backend.send(addressed(run.append([point(step)]), handle), signal));
      return [...ended];
    };
    const before = stub.frames;
    const well = await sendOne(1);
    expect(stub.frames).toBeGreaterThan(before);
    expect(well.filter((status) => status === 200).length).toBeGreaterThanOrEqual(stub.frames - before);
    stub.fail({ kind: 'part' });
    expect(await sendOne(2)).toContain(400);
    stub.fail({ kind: 'unavailable' });
    expect(await sendOne(3)).toContain(503);
  });

  it('have params as a tree', async () => {
    const run = newRun();
    run.append([point(1)]);
    const backend = await connect();
    const handle = await backend.open(run.source(), undefined, signal);
    const params = [
      { name: 'optimizer.lr', value: 0.5 },
      { name: 'optimizer.steps', value: 3n },
      { name: 'seed', value: 1n },
      { name: 'seed.more', value: 'text' },
      { name: 'none', value: null },
    ];
    expect(await backend.setParams?.(handle, params, signal)).toEqual(params.map(() => ({ kind: 'set' })));
    const hparams = stub.runs.get(hashOf(handle))?.meta.get([...chunk(hashOf(handle)), 's:attrs', 's:hparams']);
    const at = (...path: string[]): unknown =>
      leafValue(path.reduce<Node | undefined>((here, key) => here?.children.get(`s:${key}`), hparams));
    expect([at('optimizer', 'lr'), at('optimizer', 'steps'), at('seed'), at('seed.more'), at('none')]).toEqual([0.5, 3n, 1n, 'text', null]);
  });

  it('report differences from params that were set, in any spelling of a number', async () => {
    const run = newRun();
    run.append([point(1)]);
    const writer = await connect();
    const handle = await writer.open(run.source(), undefined, signal);
    const params = [
      { name: 'optimizer.lr', value: 0.5 },
      { name: 'optimizer.steps', value: 3n },
      { name: 'on', value: true },
    ];
    await writer.setParams?.(handle, params, signal);
    await writer.close();
    const reader = await connect();
    const other = [
      { name: 'optimizer.lr', value: '0.5' },
      // Hparams of event files are doubles.
      { name: 'optimizer.steps', value: 3 },
      { name: 'on', value: 1n },
      { name: 'optimizer', value: 1n },
      { name: 'optimizer.momentum', value: 0 },
    ];
    expect(await reader.compareArtifacts?.(handle, { files: [], params: other }, signal)).toEqual([
      { kind: 'param', name: 'optimizer.lr', found: '0.5' },
      { kind: 'param', name: 'on', found: 'true' },
      { kind: 'param', name: 'optimizer', found: undefined },
      { kind: 'param', name: 'optimizer.momentum', found: undefined },
    ]);
    // In a run of another program the existing value stays: it is no difference, but a missing one is.
    const joined = JSON.stringify({ ...(JSON.parse(handle) as object), joined: true }) as Handle;
    expect(await reader.compareArtifacts?.(joined, { files: [], params: other }, signal)).toEqual([
      { kind: 'param', name: 'optimizer', found: undefined },
      { kind: 'param', name: 'optimizer.momentum', found: undefined },
    ]);
    const gone = handle.replace(hashOf(handle), 'f'.repeat(24)) as Handle;
    await expect(reader.compareArtifacts?.(gone, { files: [], params }, signal)).rejects.toMatchObject({ code: 'MB4006' });
  });

  it('of another program get points only', async () => {
    const theirs = newRun('theirs');
    theirs.append([point(1)]);
    const first = await connect();
    const hash = hashOf(await first.open(theirs.source({ name: 'their name' }), undefined, signal));
    const run = newRun('mine');
    const drafts = run.append([point(1, 'accuracy')]);
    const backend = await connect();
    const joined = await backend.open(run.source({ joins: hash, tags: { mine: '' } }), undefined, signal);
    expect(hashOf(joined)).toBe(hash);
    expect(await backend.open(run.source({ joins: hash }), joined, signal)).toBe(joined);
    await expect(backend.open(run.source({ joins: 'absent' }), undefined, signal)).rejects.toMatchObject({ code: 'MB4006' });
    stub.violations.length = 0;
    await backend.send(addressed(drafts, joined), signal);
    // Its own lock is theirs: we take none.
    stub.violations.length = 0;
    await backend.finish(joined, { status: 'finished', endedAt: T }, signal);
    expect(stub.statusOf(hash)).toBe('running');
    expect(stub.runs.get(hash)).toMatchObject({ name: 'their name', tags: new Set() });
  });
});

describe('an Aim server', () => {
  it('of another version is refused with a remedy', async () => {
    for (const [version, hint] of [
      ['3.18.1', /Upgrade/],
      ['4.0.0', /Aim 3/],
    ] as const) {
      const other = await AimStub.start({ version });
      const backend = await connectAim({ server: other.url });
      await expect(backend.probe(signal)).rejects.toMatchObject({ code: 'MB4004', hint: expect.stringMatching(hint) });
      await backend.close();
      await other.close();
    }
    const old = await AimStub.start({ version: null });
    const backend = await connectAim({ server: old.url });
    await expect(backend.probe(signal)).rejects.toMatchObject({ code: 'MB4003', hint: expect.stringContaining('aim server') });
    await backend.close();
    await old.close();
  });

  it('for a folder needs the program, and explains how to install it', async () => {
    const backend = await connectAim({ repo: join(folder, 'repo') }, { PATH: folder });
    await expect(backend.probe(signal)).rejects.toMatchObject({
      code: 'MB4008',
      command: 'pip install aim',
      hint: expect.stringContaining('aim_command'),
    });
    await backend.close();
  });

  it('for a folder is started with it, and never overwrites existing data', async () => {
    const program = `#!${process.execPath}
const { createServer } = require('node:http');
const { mkdirSync, appendFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(__dirname + '/called', JSON.stringify(args) + '\\n');
if (args[0] === 'init') { mkdirSync(args[2] + '/.aim'); process.exit(0); }
createServer((request, response) => response.end(request.url === '/status/' ? '{"status":"OK"}' : '{"version":"3.29.1"}'))
  .listen(Number(args[args.indexOf('--port') + 1]), '127.0.0.1');
`;
    writeFileSync(join(folder, 'aim'), program);
    chmodSync(join(folder, 'aim'), 0o755);
    const [fresh, there] = [join(folder, 'fresh'), join(folder, 'there')];
    mkdirSync(join(there, '.aim'), { recursive: true });
    for (const repo of [fresh, there]) {
      const backend = await connectAim({ repo }, { PATH: `${folder}:${process.env['PATH']}` });
      expect(await backend.probe(signal)).toMatchObject({ address: repo, version: '3.29.1' });
      await backend.close();
    }
    const calls = readFileSync(join(folder, 'called'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string[]);
    expect(calls.map(([first]) => first)).toEqual(['init', 'server', 'server']);
    for (const args of calls) expect(args.filter((arg) => arg === '-y' || arg === '--yes')).toEqual([]);
    expect(calls[2]).toEqual(expect.arrayContaining(['--repo', there, '--host', '127.0.0.1']));
  });
});
