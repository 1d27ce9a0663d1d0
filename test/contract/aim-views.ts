import { describe, expect, it } from '@jest/globals';
import { AimClient } from '../../src/backends/aim/client.ts';
import { Frames } from '../../src/backends/aim/frames.ts';
import { closeRun, openRun } from '../../src/backends/aim/open-run.ts';
import { parseSettings } from '../../src/backends/aim/settings.ts';
import { childOf } from '../../src/backends/aim/tree.ts';
import type { Backend, Handle } from '../../src/contract/index.ts';
import { GrowingRun } from '../../src/testing/parcels.ts';
import { type Ledger, newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { event, simpleValue } from '../support/event-writer.ts';
import { connectAim, hashOf } from './aim-harness.ts';

/**
 * A server opens a run for reading at a moment, and shows that moment to all who ask in the same words as one who
 * still has it, also if that one is dead.
 */
export function viewSuite(name: string, url: () => string): void {
  describe(name, () => {
    it('shows a run as it is, whatever views of earlier moments dead clients left at the server', async () => {
      const signal = new AbortController().signal;
      const experiment = `views ${process.pid}`;
      const run = new GrowingRun('views');
      const ledger = newLedger();
      const first = await connectAim({ server: url(), experiment });
      const delivery = new SmallDelivery(first, ledger, run.source());
      const handle = await delivery.open();
      await delivery.deliver(run.append([scalar('loss', 0, 1)]));

      const dead = await deadReader(url());
      for (const tree of ['meta', 'seqs']) {
        await dead.resource('TreeView', { name: tree, sub: hashOf(handle), read_only: true, index: false, timeout: null }, signal);
      }
      // One of ours that died while it looked.
      for (const tree of ['meta', 'seqs'] as const) await dead.snapshot(tree, hashOf(handle), signal);

      await delivery.deliver(run.append([scalar('loss', 1, 2), scalar('other', 1, 3)]));
      await first.close();
      const second = await connectAim({ server: url(), experiment });
      const found = await valuesOf(second, handle);
      await second.close();
      await dead.close();
      run.remove();
      expect(found).toEqual(['loss 0 1', 'loss 1 2', 'other 1 3']);
    });

    it('continues at once a run that a dead client of ours has locked, and releases it in the end', async () => {
      const experiment = `locks ${process.pid}`;
      const run = new GrowingRun('locks');
      const ledger = newLedger();
      const dead = await connectAim({ server: url(), experiment });
      await deliverTo(dead, ledger, run, scalar('loss', 0, 1));
      const second = await connectAim({ server: url(), experiment });
      await deliverTo(second, ledger, run, scalar('loss', 1, 2));
      await second.close();
      // Not quite dead: it closes what is not its own any more, and what the second one gave back is free for a third.
      await dead.close();
      const third = await connectAim({ server: url(), experiment });
      await deliverTo(third, ledger, run, scalar('loss', 2, 3));
      expect(await valuesOf(third, ledger.handle as Handle)).toEqual(['loss 0 1', 'loss 1 2', 'loss 2 3']);
      await third.close();
      run.remove();
    });

    it('continues a run that aim up took for dead', async () => {
      const signal = new AbortController().signal;
      const experiment = `ends ${process.pid}`;
      const run = new GrowingRun('ends');
      const ledger = newLedger();
      const first = await connectAim({ server: url(), experiment });
      await deliverTo(first, ledger, run, scalar('loss', 0, 1));
      await first.close();
      const hash = hashOf(ledger.handle as Handle);
      const other = await deadReader(url());
      const open = await openRun(other, { hash, attempt: 0, context: 'none', isJoined: true }, undefined, signal);
      const chunk = ['meta', 'chunks', hash];
      const frames = new Frames(other, 'ending', signal);
      await frames.update(open.meta, chunk, [['end_time', 1700000000]]);
      await frames.flush();
      const second = await connectAim({ server: url(), experiment });
      await deliverTo(second, ledger, run, scalar('loss', 1, 2));
      expect(childOf(await other.find(open.meta, 'collect', [chunk, true, false], signal), 'end_time')).toBeNull();
      // An end of our own stays.
      await second.finish?.(ledger.handle as Handle, { status: 'finished', endedAt: 1700000001 }, signal);
      await second.setParams?.(ledger.handle as Handle, [{ name: 'late', value: 1 }], signal);
      expect(childOf(await other.find(open.meta, 'collect', [chunk, true, false], signal), 'end_time')).toBe(1700000001);
      await second.close();
      await closeRun(other, open, signal);
      await other.close();
      run.remove();
    });
  });
}

async function deliverTo(backend: Backend, ledger: Ledger, run: GrowingRun, record: Uint8Array): Promise<void> {
  const delivery = new SmallDelivery(backend, ledger, run.source());
  await delivery.open();
  await delivery.deliver(run.append([record]));
}

async function valuesOf(backend: Backend, handle: Handle): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { tag, points } of backend.readBack?.(handle) ?? []) {
    for (const { step, value } of points) found.push(`${tag} ${step} ${value}`);
  }
  return found.sort();
}

function scalar(tag: string, step: number, value: number): Uint8Array {
  return event({ wallTime: 1700000000 + step, step, summary: [simpleValue(tag, value)] });
}

async function deadReader(server: string): Promise<AimClient> {
  const parsed = parseSettings({ server }, {});
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return AimClient.connect(server, parsed.settings, new AbortController().signal);
}
