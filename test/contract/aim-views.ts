import { describe, expect, it } from '@jest/globals';
import { AimClient } from '../../src/backends/aim/client.ts';
import { parseSettings } from '../../src/backends/aim/settings.ts';
import { event, simpleValue } from '../support/event-writer.ts';
import { GrowingRun } from '../support/parcels.ts';
import { newLedger, SmallDelivery } from '../support/small-delivery.ts';
import { connectAim, hashOf } from './aim-harness.ts';

/** A server opens a run for reading at a moment, and shows that moment to everybody who asks in the same words as one who still has it, also if that one is dead. */
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
      const found: string[] = [];
      for await (const { tag, points } of second.readBack?.(handle) ?? []) {
        for (const { step, value } of points) found.push(`${tag} ${step} ${value}`);
      }
      await second.close();
      await dead.close();
      run.remove();
      expect(found.sort()).toEqual(['loss 0 1', 'loss 1 2', 'other 1 3']);
    });
  });
}

function scalar(tag: string, step: number, value: number): Uint8Array {
  return event({ wallTime: 1700000000 + step, step, summary: [simpleValue(tag, value)] });
}

async function deadReader(server: string): Promise<AimClient> {
  const parsed = parseSettings({ server }, {});
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return AimClient.connect(server, parsed.settings, new AbortController().signal);
}
