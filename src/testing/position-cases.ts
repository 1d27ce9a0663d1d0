import assert from 'node:assert/strict';
import { assertOutcomes, contractCase } from './bench.ts';
import type { CaseContext } from './case-context.ts';
import { event, simpleValue } from './events/index.ts';
import { newLedger, type OwningBackend } from './small-delivery.ts';

function points(from: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    event({ wallTime: 1_700_000_000, step: from + i, summary: [simpleValue('loss', from + i)] }),
  );
}

/** Registers the cases for a backend that keeps its own positions. */
export function positionCases(context: CaseContext): void {
  contractCase(context, 'knows after a restart exactly what was accepted', async (bench) => {
    const run = bench.run();
    const drafts = [...run.append(points(0, 10)), ...run.append(points(10, 10))];
    const first = await bench.delivery(run.source());
    assert.deepEqual((first.backend as OwningBackend).filesOf(run.run), []);
    await first.sendOnce(drafts.slice(0, 1));
    await bench.close(first.backend);
    const second = await bench.delivery(run.source());
    const [known] = (second.backend as OwningBackend).filesOf(run.run);
    assert.deepEqual(known?.position, drafts[0]!.state.position);
    assert.deepEqual(known?.guard, drafts[0]!.state.guard);
    await second.deliver(drafts);
    await bench.expectHeld(second, drafts);
  });

  contractCase(
    context,
    'has neither points nor position of a send that failed',
    async (bench) => {
      const run = bench.run();
      const drafts = run.append(points(0, 10));
      const delivery = await bench.delivery(run.source(), newLedger());
      bench.target.fail!({ kind: 'connectionLost' }, 1);
      assertOutcomes(await delivery.sendOnce(drafts), 'retry');
      assert.deepEqual((delivery.backend as OwningBackend).filesOf(run.run), []);
      await bench.expectHeld(delivery, []);
    },
    { needs: ['connectionLost'] },
  );

  contractCase(context, 'notes the gaps of a parcel without points', async (bench) => {
    const run = bench.run();
    const [draft] = run.append(points(0, 10));
    const gap = { start: draft!.batch.start, end: draft!.batch.end, reason: 'route' as const, tags: ['loss'] };
    const delivery = await bench.delivery(run.source());
    const { batch } = draft!;
    const empty = { ...batch, scalars: { ...batch.scalars, count: 0 } };
    await delivery.sendOnce([{ ...draft!, batch: empty, state: { ...draft!.state, position: { ...draft!.state.position, gaps: [gap] } } }]);
    await bench.close(delivery.backend);
    const later = (await bench.connect()) as OwningBackend;
    assert.deepEqual(later.filesOf(run.run)[0]?.position.gaps, [gap]);
  });
}
