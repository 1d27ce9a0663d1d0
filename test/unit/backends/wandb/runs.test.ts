import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { HEARTBEAT_MS } from '../../../../src/backends/wandb/limits.ts';
import { waitingFolders } from '../../../../src/backends/wandb/offline-folders.ts';
import type { Backend, JournalledBackend } from '../../../../src/contract/index.ts';
import { type Draft, GrowingRun } from '../../../../src/testing/parcels.ts';
import { differences, expectedOf, readHeld } from '../../../../src/testing/read-back.ts';
import { newLedger, SmallDelivery } from '../../../../src/testing/small-delivery.ts';
import { connectWandb, runIdOf } from '../../../contract/wandb-harness.ts';
import { until } from '../../../crash/watch-kill.ts';
import { event, simpleValue, text } from '../../../support/event-writer.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { historyOf, WandbStub, type WandbStubOptions } from '../../../support/wandb-stub/index.ts';
import { readLine } from '../../../support/wandb-stub/rows.ts';

const signal = new AbortController().signal;
let stub: WandbStub;
let dir: string;
let run: GrowingRun;
const open: Backend[] = [];
beforeEach(async () => {
  stub = await WandbStub.start();
  dir = temporaryFolder();
  run = new GrowingRun('runs/one');
});
afterEach(async () => {
  for (const backend of open.splice(0)) await backend.close();
  await stub.close();
  run.remove();
});

async function restarted(options: WandbStubOptions): Promise<void> {
  await stub.close();
  stub = await WandbStub.start(options);
}

async function connect(section: Record<string, unknown> = {}): Promise<JournalledBackend> {
  const backend = (await connectWandb({ base_url: stub.url, api_key: stub.key, dir, ...section })) as JournalledBackend;
  open.push(backend);
  return backend;
}

async function deliver(backend: Backend, drafts: readonly Draft[], changes = {}, ledger = newLedger()): Promise<SmallDelivery> {
  const delivery = new SmallDelivery(backend, ledger, run.source(changes));
  await delivery.open();
  await delivery.deliver(drafts);
  return delivery;
}

async function expectHeld({ backend, ledger }: SmallDelivery, drafts: readonly Draft[]): Promise<void> {
  expect(differences(backend, expectedOf(backend, drafts), await readHeld(backend, ledger.handle!))).toEqual([]);
}

function points(from: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    event({ wallTime: 1_700_000_000 + i, step: from + i, summary: [simpleValue('loss', from + i), text('note', `n${from + i}`)] }),
  );
}

describe('a W&B run', () => {
  it('gets heartbeats while no data arrives, and none after its end', async () => {
    const real = [
      'setTimeout',
      'clearTimeout',
      'setImmediate',
      'clearImmediate',
      'nextTick',
      'queueMicrotask',
      'performance',
      'hrtime',
    ] as const;
    jest.useFakeTimers({ doNotFake: [...real], now: Date.now() });
    try {
      const backend = await connect();
      const { ledger } = await deliver(backend, run.append(points(0, 3)));
      const beats = (): number => stub.count('file_stream');
      const sent = beats();
      jest.advanceTimersByTime(2 * HEARTBEAT_MS + 1);
      expect(await until(() => beats() > sent)).toBe(true);
      await backend.finish(ledger.handle!, { status: 'finished', endedAt: 1_700_000_010 }, signal);
      const ended = beats();
      jest.advanceTimersByTime(5 * HEARTBEAT_MS);
      await backend.close();
      expect(beats()).toBe(ended);
    } finally {
      jest.useRealTimers();
    }
  });

  it.each([{}, { appends: true }] as WandbStubOptions[])(
    'continues after the state was lost: mirrorboard compares its lines with the records (%j)',
    async (options) => {
      await restarted(options);
      const section = options.appends === true ? { offset_semantics: 'append' } : {};
      const drafts = [...run.append(points(0, 5)), ...run.append(points(5, 5)), ...run.append(points(0, 5), 'events.out.tfevents.2.b')];
      const lost = await deliver(await connect(section), drafts);
      const more = run.append(points(10, 3));
      // Half of it is known again when that process dies, too.
      const ledger = newLedger();
      await deliver(await connect(section), drafts.slice(0, 1), {}, ledger);
      expect(ledger.journal.map(({ firstLine, count }) => [firstLine, count])).toEqual([[0, 5]]);
      const last = await deliver(await connect(section), [...drafts, ...more], {}, ledger);
      expect(last.ledger.handle).toBe(lost.ledger.handle);
      await expectHeld(last, [...drafts, ...more]);
      expect(historyOf(stub.runs()[0]!)).toHaveLength(18);
      expect(stub.violations).toEqual([]);
    },
  );

  it('is skipped if another program writes to it', async () => {
    const drafts = [...run.append(points(0, 5))];
    const { ledger } = await deliver(await connect(), drafts);
    historyOf(stub.runs()[0]!).push('{"global_step":9,"loss":1,"_timestamp":1,"_runtime":0,"_step":5}');
    const late = await connect();
    await expect(deliver(late, run.append(points(5, 5)), {}, ledger)).rejects.toMatchObject({ code: 'MB4006' });
  });

  it('gets a new id if its tracker run was deleted', async () => {
    const drafts = run.append(points(0, 2));
    const { ledger } = await deliver(await connect(), drafts);
    stub.deleteRun(runIdOf(ledger.handle!));
    const again = await deliver(await connect(), drafts);
    expect(runIdOf(again.ledger.handle!)).toBe(`${runIdOf(ledger.handle!)}-2`);
    await expectHeld(again, drafts);
  });

  it('follows the configuration', async () => {
    const backend = await connect({ group: '{path[0]}-{root}', job_type: 'mirror', notes: 'seen', tags: ['a'] });
    const { ledger } = await deliver(backend, run.append(points(0, 1)), { name: 'shown', tags: { team: 'vision', nightly: '' } });
    expect(
      await backend.setParams!(
        ledger.handle!,
        [
          { name: 'opt.lr', value: 0.5 },
          { name: 'big', value: 2n ** 60n },
          { name: 'nan', value: NaN },
        ],
        signal,
      ),
    ).toEqual([{ kind: 'set' }, { kind: 'set' }, { kind: 'set' }]);
    const stored = stub.run('shown');
    expect(stored).toMatchObject({ group: 'runs-logs', jobType: 'mirror', notes: 'seen', tags: ['a', 'team:vision', 'nightly'] });
    expect(stored.config).toContain('"big":{"value":1152921504606846976}');
    expect(readLine(stored.config)).toMatchObject({
      'opt.lr': { value: 0.5 },
      nan: { value: 'NaN' },
      mirrorboard: { value: { run: 'runs/one' } },
    });
    expect(readLine(stored.config)?.['_wandb']).toMatchObject({ value: { t: expect.anything(), m: expect.anything() } });
  });

  it('is in the group of its parent run', async () => {
    await deliver(await connect(), run.append(points(0, 1)), { parent: { key: 'k', name: 'the study' } });
    expect(stub.run('runs/one').group).toBe('the study');
  });

  it('accepts files, and asks for a new address after one has expired', async () => {
    await restarted({ uploadUses: 1 });
    const backend = await connect();
    const { ledger } = await deliver(backend, run.append(points(0, 1)));
    const content = Buffer.from('weights');
    const file = (path: string) => ({
      path,
      bytes: content.length,
      hash: '',
      async *read() {
        yield content;
      },
    });
    expect(await backend.putFile!(ledger.handle!, file('checkpoints/a.pth'), signal)).toMatchObject({
      kind: 'stored',
      url: expect.stringContaining('/files/checkpoints/a.pth'),
    });
    await backend.putFile!(ledger.handle!, file('config.yaml'), signal);
    expect([...stub.runs()[0]!.files.keys()]).toEqual(['checkpoints/a.pth', 'files/config.yaml']);
    expect(stub.violations).toEqual([]);
  });

  it.each(['online', 'offline'])('accepts a file piece by piece, with any length (%s)', async (mode) => {
    const backend = await connect({ mode });
    const { ledger } = await deliver(backend, run.append(points(0, 1)));
    const [first, second] = [Buffer.alloc(1024 * 1024, 'a'), Buffer.from('end')];
    const before = stub.begun;
    let isRead = false;
    const file = {
      path: 'checkpoints/a.pth',
      bytes: first.length + second.length,
      hash: '',
      async *read() {
        yield first;
        // The first piece is on its way before the second is asked for.
        if (mode === 'online') isRead = await until(() => stub.begun >= before + 2);
        else isRead = await until(() => readdirSync(dir).some((name) => name.startsWith('.making-')));
        yield second;
      },
    };
    expect(await backend.putFile!(ledger.handle!, file, signal)).toMatchObject({ kind: 'stored' });
    expect(isRead).toBe(true);
    const stored =
      mode === 'online'
        ? stub.runs()[0]!.files.get('checkpoints/a.pth')
        : readFileSync(join(waitingFolders(dir)[0]!.path, 'files/checkpoints/a.pth'));
    expect(stored?.equals(Buffer.concat([first, second]))).toBe(true);
    expect(readdirSync(dir).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(stub.violations).toEqual([]);
    if (mode === 'online') return;
    // Online again, it goes up from the folder.
    const online = await connect();
    await deliver(online, run.append(points(1, 1)), {}, ledger);
    expect(stub.runs()[0]!.files.get('checkpoints/a.pth')).toHaveLength(file.bytes);
  });

  it('of another program gets our lines after its own, and keeps its name', async () => {
    const theirs = stub.store.make(stub.entity, 'contract', 'theirs');
    theirs.displayName = 'by hand';
    theirs.streams.set('wandb-history.jsonl', ['{"loss":1,"_step":7}', '{"loss":2,"_step":9}']);
    const backend = await connect();
    const drafts = run.append(points(0, 3));
    const delivery = await deliver(backend, drafts, { joins: 'theirs' });
    await backend.finish(delivery.ledger.handle!, { status: 'finished', endedAt: 1 }, signal);
    expect(historyOf(theirs).map((line) => readLine(line)?.['_step'])).toEqual([7, 9, 10, 11, 12]);
    expect(theirs).toMatchObject({ displayName: 'by hand', state: 'running' });
    await expectHeld(delivery, drafts);
  });

  it('is sent in halves if a request is too large', async () => {
    await restarted({ mostBytes: 4000 });
    const drafts = run.append(points(0, 60));
    const delivery = await deliver(await connect(), drafts);
    await expectHeld(delivery, drafts);
    expect(historyOf(stub.runs()[0]!)).toHaveLength(60);
    expect(stub.violations).toEqual([]);
  });

  it.each([409, 410, 404, 400, 422])('stops after an answer of %d, and skips no row', async (status) => {
    const delivery = await deliver(await connect(), []);
    stub.fail({ kind: 'status', status }, { on: ['file_stream'], times: 1 });
    expect(await delivery.sendOnce(run.append(points(0, 2)))).toMatchObject([{ kind: 'runFatal', error: { code: 'MB4006' } }]);
  });

  it('does not change while the lane is off', async () => {
    await expect(deliver(await connect({ mode: 'disabled' }), run.append(points(0, 1)))).rejects.toMatchObject({
      code: 'MB4004',
      retry: 'never',
    });
    expect(stub.counts.size).toBe(0);
  });

  it('has the last values as its summary, exact', async () => {
    const backend = await connect();
    const values = [1, 2 ** 60, -0, 1 / 3];
    const events = values.map((x, step) => event({ wallTime: 1_700_000_000 + step, step, summary: [simpleValue('loss', x)] }));
    const { ledger } = await deliver(backend, run.append(events));
    await backend.finish(ledger.handle!, { status: 'failed', endedAt: 5 }, signal);
    const stored = stub.runs()[0]!;
    expect(readLine(stored.summary)).toMatchObject({ loss: Math.fround(1 / 3), global_step: 3, _step: 3, _timestamp: 1_700_000_003 });
    expect(stored.state).toBe('failed');
  });
});
