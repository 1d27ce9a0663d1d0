// What an Aim repository holds that never was in event files.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Backend, Foreign, Handle, OwnRun } from '../../../../src/contract/index.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../../../src/testing/small-delivery.ts';
import { connectAim, hashOf } from '../../../contract/aim-harness.ts';
import { AimStub, type StubRun } from '../../../support/aim-stub/index.ts';
import { StubTree } from '../../../support/aim-stub/tree.ts';
import { type Node, object, text } from '../../../support/aim-stub/wire.ts';
import { event, hparamsSessionStart, simpleValue } from '../../../support/event-writer.ts';

const T = 1_700_000_000;
const signal = new AbortController().signal;
let stub: AimStub;
const backends: Backend[] = [];
const runs: GrowingRun[] = [];
beforeEach(async () => {
  stub = await AimStub.start();
});
afterEach(async () => {
  for (const backend of backends.splice(0)) await backend.close();
  for (const run of runs.splice(0)) run.remove();
  expect(stub.complaints()).toEqual([]);
  await stub.close();
});

async function connect(): Promise<Backend> {
  const backend = await connectAim({ server: stub.url });
  backends.push(backend);
  return backend;
}

function growing(path = 'one'): GrowingRun {
  const run = new GrowingRun(path);
  runs.push(run);
  return run;
}

async function filled(backend: Backend): Promise<OwnRun> {
  const run = growing();
  const sent = new SmallDelivery(backend, newLedger(), run.source());
  await sent.open();
  await sent.deliver(run.append([event({ wallTime: T, step: 1, summary: [hparamsSessionStart({ depth: 3 }), simpleValue('loss', 1)] })]));
  const handle = sent.ledger.handle as Handle;
  const params = ['lr', 'opt', 'opt.momentum', 'data.batch', ''];
  await backend.setParams?.(
    handle,
    params.map((name) => ({ name, value: 1 })),
    signal,
  );
  return { handle, files: [], params, tags: {} };
}

async function namesIn(backend: Backend, own: readonly OwnRun[]): Promise<readonly Foreign[]> {
  const all = await backend.foreign?.(own, signal);
  if (all === undefined) throw new Error('it can not tell');
  const found: Foreign[] = [];
  for await (const each of all) if (each.kind !== 'looked') found.push(each as Foreign);
  return found;
}

const attrs = (hash: string): string[] => ['s:meta', 's:chunks', `s:${hash}`, 's:attrs'];

function note(run: StubRun, path: readonly string[], value: Node): void {
  run.meta.set([...attrs(run.hash), ...path.map((part) => `s:${part}`)], value);
}

/** A run as training code makes one with Aim's SDK. */
function trained(hash: string, name: string): StubRun {
  const [meta, seqs] = [new StubTree(), new StubTree()];
  const run: StubRun = { hash, meta, seqs, name, description: '', experiment: 'e', archived: false, createdAt: T, tags: new Set() };
  note(run, ['hparams', 'lr'], text('0.1'));
  stub.runs.set(hash, run);
  return run;
}

describe('data of Aim that never was in event files', () => {
  it('is empty if only a mirror wrote', async () => {
    const backend = await connect();
    const own = await filled(backend);
    // Of a state that was lost: a mark is enough.
    await backend.open(growing('other').source(), undefined, signal);
    expect(await namesIn(backend, [own])).toEqual([]);
  });

  it('includes tags and the description of our runs', async () => {
    const backend = await connect();
    const own = await filled(backend);
    const mine = stub.runs.get(hashOf(own.handle)) as StubRun;
    for (const tag of ['team: vision', 'best']) mine.tags.add(tag);
    mine.description = 'two weeks of work';
    expect(await namesIn(backend, [{ ...own, tags: { team: 'vision' } }])).toEqual([
      { kind: 'tag', name: 'best', in: 'one' },
      { kind: 'note', name: 'two weeks of work', in: 'one' },
    ]);
  });

  it('includes runs of the repository, and params of our runs', async () => {
    const backend = await connect();
    const own = await filled(backend);
    trained('aaaa', 'trained');
    trained('bbbb', '');
    // A name of ours in it makes no mirror's run.
    note(trained('cccc', 'liar'), ['mirrorboard'], text('yes'));
    const mine = stub.runs.get(hashOf(own.handle)) as StubRun;
    note(mine, ['hparams', 'by_hand'], text('1'));
    note(mine, ['hparams', 'data', 'workers'], text('1'));
    note(mine, ['config'], object({ seed: text('1'), model: object({ width: text('2') }) }));
    note(mine, ['note'], text('see wiki'));
    note(mine, ['__system_params'], object({ packages: object({ aim: text('3') }), arguments: text('') }));
    const params = ['config.seed', 'config.model.width', 'note', '__system_params', 'hparams.data.workers', 'hparams.by_hand'];
    const found = await namesIn(backend, [own]);
    expect(found.filter(({ kind }) => kind === 'run')).toEqual(['trained', 'bbbb', 'liar'].map((name) => ({ kind: 'run', name })));
    const named = found.filter(({ kind }) => kind === 'param');
    expect(named.map(({ name }) => name).sort()).toEqual([...params].sort());
    expect(new Set(named.map((each) => each.in))).toEqual(new Set(['one']));
  });

  it('is not searched in a run that was deleted, nor in params that are not all known', async () => {
    const backend = await connect();
    const own = await filled(backend);
    const mine = stub.runs.get(hashOf(own.handle)) as StubRun;
    note(mine, ['hparams', 'old'], text('1'));
    expect(await namesIn(backend, [{ ...own, params: undefined }])).toEqual([]);
    stub.delete(mine.hash);
    expect(await namesIn(backend, [own])).toEqual([]);
  });

  it('is searched over a new connection if the old one was lost', async () => {
    const backend = await connect();
    const own = await filled(backend);
    trained('aaaa', 'trained');
    stub.forget();
    expect(await namesIn(backend, [own])).toEqual([{ kind: 'run', name: 'trained' }]);
  });
});
