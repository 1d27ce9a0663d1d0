import { expect } from '@jest/globals';
import type { JournalledBackend } from '../../src/contract/index.ts';
import { event, simpleValue } from '../support/event-writer.ts';
import { newLedger, SmallDelivery } from '../support/small-delivery.ts';
import { type Bench, contractCase } from './bench.ts';
import type { Harness } from './harness.ts';

const signal = new AbortController().signal;

function points(from: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    event({ wallTime: 1_700_000_000, step: from + i, summary: [simpleValue('loss', from + i)] }),
  );
}

/** A process that sent one parcel and died after it had committed the intent of another. */
async function withOpenIntent(bench: Bench) {
  const run = bench.run();
  const drafts = [...run.append(points(0, 10)), ...run.append(points(10, 10))];
  const ledger = newLedger();
  const dead = await bench.delivery(run.source(), ledger);
  await dead.deliver(drafts.slice(0, 1));
  const { intent, parcels } = await dead.prepare(drafts.slice(1));
  const backend = dead.backend as JournalledBackend;
  return { run, drafts, ledger, intent, parcels, backend };
}

export function lineCases(harness: Harness): void {
  contractCase(harness, 'prepares entries that follow each other, and sends nothing', async (bench) => {
    const { ledger, intent, backend, drafts } = await withOpenIntent(bench);
    const [before] = ledger.journal;
    const [next] = ledger.intent!.entries;
    const { file, start, end } = drafts[1]!.batch;
    // Behind the last one, or the last one made longer.
    const isMerged = next!.firstLine === before!.firstLine;
    expect(next).toMatchObject({
      firstLine: isMerged ? before!.firstLine : before!.firstLine + before!.count,
      count: isMerged ? 2 * before!.count : before!.count,
      file,
      start: isMerged ? before!.start : start,
      end,
    });
    expect(Buffer.byteLength(intent)).toBeGreaterThan(0);
    expect(await backend.resolve(ledger.handle!, intent, signal)).toEqual({ kind: 'resend' });
  });

  contractCase(harness, 'resolves an intent whose lines are all there', async (bench) => {
    const { run, drafts, ledger, intent, parcels, backend } = await withOpenIntent(bench);
    await backend.sendPrepared(intent, parcels, signal);
    await bench.close(backend);
    const late = (await bench.connect()) as JournalledBackend;
    expect(await late.resolve(ledger.handle!, intent, signal)).toEqual({ kind: 'accepted' });
    const delivery = await bench.delivery(run.source(), ledger, late);
    await delivery.deliver(drafts);
    await bench.expectHeld(delivery, drafts);
  });

  contractCase(harness, 'sends an intent again of which nothing is there', async (bench) => {
    const { run, drafts, ledger, backend } = await withOpenIntent(bench);
    await bench.close(backend);
    const delivery = await bench.delivery(run.source(), ledger);
    await delivery.deliver(drafts);
    await bench.expectHeld(delivery, drafts);
  });

  contractCase(
    harness,
    'goes on in the middle of an intent',
    async (bench) => {
      const { run, drafts, ledger, intent, parcels, backend } = await withOpenIntent(bench);
      bench.target.fail!({ kind: 'partStored' }, 1);
      expect(await backend.sendPrepared(intent, parcels, signal)).toMatchObject([{ kind: 'retry' }]);
      await bench.close(backend);
      const late = (await bench.connect()) as JournalledBackend;
      const [before] = ledger.journal;
      const first = before!.firstLine + before!.count;
      expect(await late.resolve(ledger.handle!, intent, signal)).toEqual({ kind: 'from', line: first + 5 });
      const delivery = await bench.delivery(run.source(), ledger, late);
      await delivery.deliver(drafts);
      await bench.expectHeld(delivery, drafts);
    },
    { needs: ['partStored'] },
  );

  contractCase(harness, 'does not know an intent over lines that are gone', async (bench) => {
    const { run, ledger, intent, backend } = await withOpenIntent(bench);
    if (bench.target.removeRun === undefined) return;
    await bench.target.removeRun(ledger.handle!);
    const other = await backend.open(run.source(), undefined, signal);
    expect(await backend.resolve(other, intent, signal)).toEqual({ kind: 'unknown' });
  });

  contractCase(harness, 'sends no lines for bytes that are there already', async (bench) => {
    const { ledger, backend, drafts } = await withOpenIntent(bench);
    const again = { ...drafts[0]!, batch: { ...drafts[0]!.batch, generation: 1 }, handle: ledger.handle! };
    const { intent, entries } = await backend.prepare([again], ledger.journal);
    expect(entries).toEqual([]);
    expect(await backend.sendPrepared(intent, [again], signal)).toMatchObject([{ kind: 'accepted' }]);
    const delivery = new SmallDelivery(backend, ledger, bench.run().source());
    await bench.expectHeld(delivery, drafts.slice(0, 1));
  });
}
