import assert from 'node:assert/strict';
import type { JournalledBackend } from '../contract/index.ts';
import { assertOutcomes, type Bench, contractCase } from './bench.ts';
import type { CaseContext } from './case-context.ts';
import { event, simpleValue } from './events/index.ts';
import { newLedger, SmallDelivery } from './small-delivery.ts';

const signal = new AbortController().signal;

function points(from: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    event({ wallTime: 1_700_000_000, step: from + i, summary: [simpleValue('loss', from + i)] }),
  );
}

/** Simulates a process that sent one parcel and died after it had committed the intent of another. */
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

/** Registers the cases for a backend that addresses by line. */
export function lineCases(context: CaseContext): void {
  contractCase(context, 'prepares entries that follow each other, and sends nothing', async (bench) => {
    const { ledger, intent, backend, drafts } = await withOpenIntent(bench);
    const [before] = ledger.journal;
    const [next] = ledger.intent!.entries;
    const { file, start, end } = drafts[1]!.batch;
    // After the last one, or the last one extended.
    const isMerged = next!.firstLine === before!.firstLine;
    assert.partialDeepStrictEqual(next, {
      firstLine: isMerged ? before!.firstLine : before!.firstLine + before!.count,
      count: isMerged ? 2 * before!.count : before!.count,
      file,
      start: isMerged ? before!.start : start,
      end,
    });
    assert.ok(Buffer.byteLength(intent) > 0);
    assert.deepEqual(await backend.resolve(ledger.handle!, intent, signal), { kind: 'resend' });
  });

  contractCase(context, 'resolves an intent whose lines are all there', async (bench) => {
    const { run, drafts, ledger, intent, parcels, backend } = await withOpenIntent(bench);
    await backend.sendPrepared(intent, parcels, signal);
    await bench.close(backend);
    const late = (await bench.connect()) as JournalledBackend;
    assert.deepEqual(await late.resolve(ledger.handle!, intent, signal), { kind: 'accepted' });
    const delivery = await bench.delivery(run.source(), ledger, late);
    await delivery.deliver(drafts);
    await bench.expectHeld(delivery, drafts);
  });

  contractCase(context, 'sends an intent again if nothing of it is there', async (bench) => {
    const { run, drafts, ledger, backend } = await withOpenIntent(bench);
    await bench.close(backend);
    const delivery = await bench.delivery(run.source(), ledger);
    await delivery.deliver(drafts);
    await bench.expectHeld(delivery, drafts);
  });

  contractCase(
    context,
    'resumes in the middle of an intent',
    async (bench) => {
      const { run, drafts, ledger, intent, parcels, backend } = await withOpenIntent(bench);
      bench.target.fail!({ kind: 'partStored' }, 1);
      assertOutcomes(await backend.sendPrepared(intent, parcels, signal), 'retry');
      await bench.close(backend);
      const late = (await bench.connect()) as JournalledBackend;
      const [before] = ledger.journal;
      const first = before!.firstLine + before!.count;
      assert.deepEqual(await late.resolve(ledger.handle!, intent, signal), { kind: 'from', line: first + 5 });
      const delivery = await bench.delivery(run.source(), ledger, late);
      await delivery.deliver(drafts);
      await bench.expectHeld(delivery, drafts);
    },
    { needs: ['partStored'] },
  );

  contractCase(context, 'does not know an intent over lines that are gone', async (bench) => {
    const { run, ledger, intent, backend } = await withOpenIntent(bench);
    if (bench.target.removeRun === undefined) return;
    await bench.target.removeRun(ledger.handle!);
    const other = await backend.open(run.source(), undefined, signal);
    assert.deepEqual(await backend.resolve(other, intent, signal), { kind: 'unknown' });
  });

  contractCase(context, 'sends no lines for bytes that are there already', async (bench) => {
    const { ledger, backend, drafts } = await withOpenIntent(bench);
    const again = { ...drafts[0]!, batch: { ...drafts[0]!.batch, generation: 1 }, handle: ledger.handle! };
    const { intent, entries } = await backend.prepare([again], ledger.journal);
    assert.deepEqual(entries, []);
    assertOutcomes(await backend.sendPrepared(intent, [again], signal), 'accepted');
    const delivery = new SmallDelivery(backend, ledger, bench.run().source());
    await bench.expectHeld(delivery, drafts.slice(0, 1));
  });
}
