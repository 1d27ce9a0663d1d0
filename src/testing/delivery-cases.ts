import assert from 'node:assert/strict';
import type { Outcome } from '../contract/index.ts';
import { assertError, assertOutcomes, type Bench, contractCase, until } from './bench.ts';
import type { CaseContext } from './case-context.ts';
import { event, simpleValue, text } from './events/index.ts';
import { type Draft, emptied, type GrowingRun, halved, pointsOf } from './parcels.ts';
import { readHeld } from './read-back.ts';
import { newLedger, SmallDelivery } from './small-delivery.ts';

const T = 1_700_000_000;

/** Returns scalars and a text, `count` events from `from` on. */
function events(from: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const step = from + i;
    return event({
      wallTime: T + step,
      step,
      summary: [simpleValue('loss', step / 3), simpleValue('lr', 0.1), text('note', `step ${step}`)],
    });
  });
}

/** Writes pieces of a run, with one parcel for each. */
function pieces(run: GrowingRun, count: number, size = 10): Draft[] {
  return Array.from({ length: count }, (_, i) => run.append(events(i * size, size))).flat();
}

/** Registers the cases about sending: repeats, order, refusals, faults, the death of a process. */
export function deliveryCases(context: CaseContext): void {
  const { addressing } = context.harness;

  contractCase(
    context,
    'holds a batch that was sent twice once',
    async (bench) => {
      const run = bench.run();
      const drafts = pieces(run, 1);
      const delivery = await bench.delivery(run.source());
      for (const _ of [1, 2, 3])
        assert.deepEqual(
          (await delivery.sendOnce(drafts)).map(({ kind }) => kind),
          ['accepted'],
        );
      await bench.expectHeld(delivery, drafts);
    },
    { when: addressing !== 'position' },
  );

  contractCase(
    context,
    'holds points once that come again in other batches',
    async (bench) => {
      const run = bench.run();
      const drafts = pieces(run, 1, 40);
      const delivery = await bench.delivery(run.source());
      await delivery.sendOnce(drafts);
      for (const half of halved(drafts[0]!)!) await delivery.sendOnce([half]);
      await bench.expectHeld(delivery, drafts);
    },
    { when: addressing === 'key' },
  );

  contractCase(
    context,
    'gives one outcome per parcel, in their order',
    async (bench) => {
      const backend = await bench.connect();
      const { runsPerSend } = backend.describe().limits;
      const runs = Array.from({ length: Math.min(3, runsPerSend) }, (_, i) => bench.run(`run ${i}`));
      const all = runs.map((run, i) => ({ source: run.source(), drafts: run.append(events(0, 3 + i)) }));
      const parcels = [];
      for (const { source, drafts } of all) {
        const handle = await backend.open(source, undefined, new AbortController().signal);
        parcels.push(...drafts.map((draft) => ({ ...draft, handle })));
      }
      const outcomes = await backend.send(parcels, new AbortController().signal);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.kind === 'accepted' && outcome.points + outcome.refusals.length),
        parcels.map((draft) => pointsOf(draft).length),
      );
      const [first, ...others] = await Promise.all(parcels.map(({ handle }) => readHeld(backend, handle)));
      for (const [i, held] of others.entries()) assert.notDeepEqual([i, held.size], [i, first?.size]);
    },
    { when: addressing !== 'line' },
  );

  contractCase(context, 'accepts a parcel without points', async (bench) => {
    const run = bench.run();
    const [first, second] = pieces(run, 2);
    const delivery = await bench.delivery(run.source());
    const outcomes = await delivery.sendOnce([emptied(first!)]);
    assert.deepEqual(outcomes, [{ kind: 'accepted', points: 0, refusals: [] }]);
    delivery.ledger.intent = undefined;
    const pending: Draft = {
      ...emptied(second!),
      state: {
        ...second!.state,
        position: { ...second!.state.position, gaps: [{ start: first!.batch.start, end: second!.batch.end, reason: 'route' }] },
      },
    };
    assert.deepEqual(await delivery.sendOnce([pending]), [{ kind: 'accepted', points: 0, refusals: [] }]);
    await bench.expectHeld(delivery, []);
  });

  contractCase(context, 'takes points of a gap after newer ones', async (bench) => {
    const run = bench.run();
    const [first, second, third] = pieces(run, 3) as [Draft, Draft, Draft];
    const gap = { start: second.batch.start, end: second.batch.end, reason: 'repair' as const };
    const late: Draft = { ...third, state: { ...third.state, position: { ...third.state.position, gaps: [gap] } } };
    const retried: Draft = { ...second, state: { ...third.state, position: { ...third.state.position, gaps: [] } } };
    const delivery = await bench.delivery(run.source());
    await delivery.deliver([first, late, retried]);
    await bench.expectHeld(delivery, [first, second, third]);
  });

  contractCase(context, 'takes points of two files of a run', async (bench) => {
    const run = bench.run();
    const drafts = [
      ...run.append(events(0, 5), 'events.out.tfevents.1.a'),
      ...run.append(events(0, 5), 'events.out.tfevents.2.b'),
      ...run.append(events(5, 5), 'events.out.tfevents.1.a'),
    ];
    await bench.mirror(run, drafts);
  });

  contractCase(context, 'takes the rest if a part is refused', async (bench) => {
    if (bench.target.refuse === undefined) return;
    const run = bench.run();
    const drafts = run.append(
      Array.from({ length: 12 }, (_, i) =>
        event({ wallTime: T + i, step: i, summary: [simpleValue('good', i), ...(i % 5 === 2 ? [simpleValue('bad', i)] : [])] }),
      ),
    );
    bench.target.refuse('bad');
    const delivery = await bench.delivery(run.source());
    await delivery.deliver(drafts);
    const bad = drafts.flatMap(pointsOf).filter(({ tag }) => tag === 'bad');
    assert.deepEqual(
      delivery.ledger.refusals.map(({ offset, index, kind }) => [offset, index, kind]),
      bad.map(({ offset, index }) => [offset, index, 'refused']),
    );
    await bench.expectHeld(delivery, drafts);
  });

  for (const [name, fault, low, high] of [
    ['in seconds', { kind: 'rateLimited', afterSec: 2 }, 2000, 2000],
    // A date is rounded to a second, and some time passes before the backend reads it.
    ['as a date', { kind: 'rateLimited', afterSec: 1800, asDate: true }, 1_000_000, 1_801_000],
  ] as const) {
    contractCase(
      context,
      `says when to come back if the tracker does (${name})`,
      async (bench) => {
        const run = bench.run();
        const drafts = pieces(run, 1);
        const delivery = await bench.delivery(run.source());
        bench.target.fail!(fault, 1);
        const [outcome] = assertOutcomes(await delivery.sendOnce(drafts), 'retry', /^MB4/);
        const after = (outcome as Extract<Outcome, { kind: 'retry' }>).afterMs ?? -1;
        assert.ok(after >= low);
        assert.ok(after <= high);
        await delivery.deliver(drafts);
        await bench.expectHeld(delivery, drafts);
      },
      { needs: ['rateLimited'] },
    );
  }

  contractCase(
    context,
    'asks for a retry if the tracker does not say when',
    async (bench) => {
      const run = bench.run();
      const drafts = pieces(run, 1);
      const delivery = await bench.delivery(run.source());
      bench.target.fail!({ kind: 'rateLimited' }, 1);
      const [outcome] = assertOutcomes(await delivery.sendOnce(drafts), 'retry');
      assert.ok(!('afterMs' in outcome!), 'the tracker did not say when');
      await delivery.deliver(drafts);
      await bench.expectHeld(delivery, drafts);
    },
    { needs: ['rateLimited'] },
  );

  for (const kind of ['unavailable', 'connectionLost', 'answerLost', 'partStored'] as const) {
    contractCase(
      context,
      `holds every point once after sends that failed: ${kind}`,
      async (bench) => {
        const run = bench.run();
        const drafts = pieces(run, 4);
        const delivery = await bench.delivery(run.source());
        for (const draft of drafts) {
          bench.target.fail!({ kind }, 2);
          await delivery.deliver([draft]);
        }
        assert.deepEqual(
          delivery.ledger.refusals.filter((refusal) => refusal.kind === 'refused'),
          [],
        );
        await bench.expectHeld(delivery, drafts);
      },
      { needs: [kind] },
    );
  }

  for (const kind of ['hang', 'hangStored'] as const) {
    contractCase(
      context,
      `holds every point once after a process died while it sent: ${kind}`,
      async (bench) => {
        const run = bench.run();
        const drafts = pieces(run, 3);
        const ledger = newLedger();
        await dieWhileSending(bench, run, ledger, drafts, kind);
        const delivery = await bench.delivery(run.source(), ledger);
        await delivery.deliver(drafts);
        await bench.expectHeld(delivery, drafts);
      },
      { needs: [kind] },
    );
  }

  contractCase(context, 'resumes where a process that died between sends stopped', async (bench) => {
    const run = bench.run();
    const drafts = pieces(run, 4);
    const ledger = newLedger();
    const first = await bench.delivery(run.source(), ledger);
    await first.deliver(drafts.slice(0, 2));
    await bench.close(first.backend);
    const second = await bench.delivery(run.source(), ledger);
    assert.equal(second.ledger.handle, ledger.handle);
    await second.deliver(drafts);
    await bench.expectHeld(second, drafts);
  });

  contractCase(
    context,
    'holds every point once after positions and handle were lost',
    async (bench) => {
      const run = bench.run();
      const drafts = pieces(run, 3);
      const first = await bench.delivery(run.source());
      const { replacesByKey } = first.backend.describe();
      await first.deliver(drafts.slice(0, 2));
      await bench.close(first.backend);
      // Without positions, nothing is sent again to a tracker that stores repeated points twice.
      if (!replacesByKey) return;
      const second = await bench.delivery(run.source());
      assert.equal(second.ledger.handle, first.ledger.handle);
      await second.deliver(drafts);
      await bench.expectHeld(second, drafts);
    },
    { when: addressing !== 'line' },
  );

  contractCase(
    context,
    'ends a send soon when it is told to',
    async (bench) => {
      const run = bench.run();
      const drafts = pieces(run, 1);
      // The tracker never answers, and no time limit of a request matters here: only this ends the call.
      await dieWhileSending(bench, run, newLedger(), drafts, 'hang');
    },
    { needs: ['hang'] },
  );

  contractCase(
    context,
    'reports that access is denied, without a secret',
    async (bench) => {
      const run = bench.run();
      const drafts = pieces(run, 1);
      const delivery = await bench.delivery(run.source());
      bench.target.fail!({ kind: 'noAccess' }, 3);
      const [outcome] = assertOutcomes(await delivery.sendOnce(drafts), 'fatal', /^MB4002$/);
      for (const secret of bench.target.secrets ?? []) assert.ok(!everythingOf(outcome).includes(secret));
    },
    { needs: ['noAccess'] },
  );

  contractCase(context, 'keeps its secrets in errors, handles and probes', async (bench) => {
    const { secrets = [], connectWrongly } = bench.target;
    const shown: unknown[] = [];
    const backend = await bench.connect();
    shown.push(await backend.probe(new AbortController().signal), backend.describe());
    const run = bench.run();
    run.append(events(0, 2));
    const handle = await backend.open(run.source(), undefined, new AbortController().signal);
    shown.push(handle, backend.link?.(handle));
    if (connectWrongly !== undefined) {
      const wrong = await bench.target.connectWrongly!();
      for (const call of [
        () => wrong.probe(new AbortController().signal),
        () => wrong.open(run.source(), undefined, new AbortController().signal),
      ]) {
        const error = await call().then(
          () => undefined,
          (e: unknown) => e,
        );
        assertError(error, /^MB4002$/);
        shown.push(error);
      }
      await wrong.close();
    }
    for (const secret of secrets) for (const text_ of shown) assert.ok(!everythingOf(text_).includes(secret));
  });

  contractCase(context, 'reads back only the requested tags', async (bench) => {
    const run = bench.run();
    const drafts = pieces(run, 1);
    const delivery = await bench.mirror(run, drafts);
    const tags = new Set<string>();
    for await (const { tag } of delivery.backend.readBack(delivery.ledger.handle!, { isWanted: (tag) => tag === 'lr' })) tags.add(tag);
    // A backend may return more than the requested tags, never less.
    assert.ok(tags.has('lr'));
  });

  contractCase(context, 'reads an empty tracker run back as empty', async (bench) => {
    const run = bench.run();
    await bench.mirror(run, []);
  });

  contractCase(context, 'sends a file again whose bytes were replaced', async (bench) => {
    const run = bench.run();
    const drafts = pieces(run, 1);
    const delivery = await bench.delivery(run.source());
    await delivery.deliver(drafts);
    const again = run.replace(events(100, 5), drafts[0]!.batch.file);
    assert.deepEqual(
      again.map(({ batch }) => batch.generation),
      [1],
    );
    await delivery.deliver(again);
    // The points of the replaced bytes stay in trackers; a store with views shows the current generation.
    await bench.expectHeld(delivery, addressing === 'position' ? again : [...drafts, ...again]);
  });
}

/**
 * Delivers until the last draft hangs, then ends the process as `kill` does: the answer is lost, nothing is recorded.
 */
async function dieWhileSending(
  bench: Bench,
  run: GrowingRun,
  ledger: ReturnType<typeof newLedger>,
  drafts: readonly Draft[],
  kind: 'hang' | 'hangStored',
): Promise<void> {
  const life = new AbortController();
  const backend = await bench.connect();
  const delivery = new SmallDelivery(backend, ledger, run.source(), life.signal);
  await delivery.open();
  await delivery.deliver(drafts.slice(0, -1));
  const before = (await readHeld(backend, ledger.handle!)).size;
  bench.target.fail!({ kind }, 1);
  const dying = delivery.sendOnce(drafts.slice(-1)).catch(() => []);
  if (kind === 'hangStored') await until(async () => (await readHeld(backend, ledger.handle!)).size > before, 'points are stored');
  else await until(() => bench.target.faultsLeft?.() === 0, 'the send has reached the tracker');
  life.abort();
  await dying;
  await bench.close(backend);
}

/** Returns every text in an object; for an error, also its message, stack, causes and context. */
function everythingOf(thing: unknown, seen = new Set<unknown>()): string {
  if (typeof thing !== 'object' || thing === null) return String(thing);
  if (seen.has(thing)) return '';
  seen.add(thing);
  return [...Object.getOwnPropertyNames(thing)]
    .map((key) => `${key}: ${everythingOf((thing as Record<string, unknown>)[key], seen)}`)
    .join('\n');
}
