import { describe, expect, it } from '@jest/globals';
import { GrowingRun } from '../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { event, simpleValue } from '../support/event-writer.ts';
import { MemoryBackend, MemoryTracker } from '../support/memory-backend.ts';

describe('a tracker that refuses a parcel without a reason', () => {
  it('gets it in halves until only the invalid points are left out', async () => {
    const tracker = new MemoryTracker();
    tracker.rejects = ({ value }) => value === 7 || value === 13;
    const run = new GrowingRun();
    const drafts = run.append(Array.from({ length: 20 }, (_, i) => event({ wallTime: i + 1, step: i, summary: [simpleValue('x', i)] })));
    const delivery = new SmallDelivery(new MemoryBackend(tracker), newLedger(), run.source());
    await delivery.open();
    await delivery.deliver(drafts);
    run.remove();
    expect(delivery.ledger.refusals).toHaveLength(2);
    expect(tracker.pointCount).toBe(18);
  });
});
