import assert from 'node:assert/strict';
import type { Handle } from '../contract/index.ts';
import { assertError, assertOutcomes, contractCase } from './bench.ts';
import type { CaseContext } from './case-context.ts';
import { event, simpleValue } from './events/index.ts';
import { HOSTILE_RUNS } from './hostile-names.ts';
import { newLedger } from './small-delivery.ts';

const T = 1_700_000_000;
const signal = new AbortController().signal;

function point(step: number): Uint8Array {
  return event({ wallTime: T + step, step, summary: [simpleValue('loss', step)] });
}

/** Registers the cases about tracker runs: finding them, deciding whose they are, ending them. */
export function runCases(context: CaseContext): void {
  const { harness } = context;
  const { hasOneWriter = false, hasFingerprints = true } = harness;

  contractCase(context, 'describes what it holds', async (bench) => {
    const backend = await bench.connect();
    const { name, holds, limits, needsJournal, ownsPosition } = backend.describe();
    assert.match(name, /^[a-z][a-z0-9-]*$/);
    for (const kind of [
      'scalars',
      'histograms',
      'images',
      'audio',
      'text',
      'pr_curves',
      'mesh',
      'hparams',
      'custom_scalars',
      'graphs',
      'other',
    ]) {
      assert.match(`${kind}: ${holds[kind]}`, /: (?:native|artifact|none)$/);
    }
    assert.ok(Math.min(limits.pointsPerSend, limits.bytesPerSend, limits.runsPerSend) > 0);
    assert.deepEqual(
      { needsJournal, ownsPosition },
      {
        needsJournal: harness.addressing === 'line',
        ownsPosition: harness.addressing === 'position',
      },
    );
  });

  contractCase(context, 'probes a tracker without writing to it', async (bench) => {
    const backend = await bench.connect();
    const before = await bench.target.runCount?.();
    const { address, notes } = await backend.probe(signal);
    assert.notEqual(address, '');
    for (const note of notes) assert.notEqual(note.trim(), '');
    assert.equal(await bench.target.runCount?.(), before);
  });

  contractCase(context, 'opens a run again under the handle it gave', async (bench) => {
    const run = bench.run();
    run.append([point(1)]);
    const first = await bench.connect();
    const handle = await first.open(run.source(), undefined, signal);
    assert.ok(Buffer.byteLength(handle) < 16_384);
    assert.equal(await first.open(run.source(), handle, signal), handle);
    await bench.close(first);
    const second = await bench.connect();
    assert.equal(await second.open(run.source(), handle, signal), handle);
  });

  contractCase(context, 'opens runs of hostile names, each its own', async (bench) => {
    const backend = await bench.connect();
    const handles = new Map<Handle, string>();
    for (const [i, name] of HOSTILE_RUNS.entries()) {
      const run = bench.run(name);
      const drafts = run.append([point(i)]);
      const delivery = await bench.delivery(run.source({ name, tags: { team: name.slice(0, 50) } }), newLedger(), backend);
      assert.equal(handles.get(delivery.ledger.handle!), undefined);
      handles.set(delivery.ledger.handle!, name);
      if (i % 8 !== 0) continue;
      await delivery.deliver(drafts);
      await bench.expectHeld(delivery, drafts);
    }
  });

  contractCase(context, 'opens runs of one name in two groups, each its own', async (bench) => {
    const backend = await bench.connect();
    const handles = new Set<Handle>();
    for (const group of ['contract', 'gröup / "two"', '../three']) {
      const run = bench.run(`same in ${group}`);
      run.append([point(1)]);
      handles.add(await backend.open(run.source({ group, name: 'same' }), undefined, signal));
    }
    assert.equal(handles.size, 3);
  });

  contractCase(context, 'ends a run, and takes more of it', async (bench) => {
    const run = bench.run();
    const ledger = newLedger();
    const drafts = run.append([point(1), point(2)]);
    const delivery = await bench.delivery(run.source(), ledger);
    const status = async (): Promise<string | undefined> => bench.target.statusOf?.(ledger.handle!);
    await delivery.deliver(drafts);
    await delivery.backend.finish(ledger.handle!, { status: 'finished', endedAt: T + 2.5 }, signal);
    if (bench.target.statusOf !== undefined) assert.equal(await status(), 'finished');
    // Pending points may still come, and the run may continue after all.
    drafts.push(...run.append([point(3)]));
    await delivery.deliver(drafts);
    await delivery.backend.finish(ledger.handle!, undefined, signal);
    if (bench.target.statusOf !== undefined) assert.equal(await status(), 'running');
    drafts.push(...run.append([point(4)]));
    await delivery.deliver(drafts);
    await delivery.backend.finish(ledger.handle!, { status: 'failed', endedAt: T + 4 }, signal);
    await delivery.backend.finish(ledger.handle!, { status: 'failed', endedAt: T + 4 }, signal);
    if (bench.target.statusOf !== undefined) assert.equal(await status(), 'failed');
    await bench.expectHeld(delivery, drafts);
    await bench.close(delivery.backend);
    const later = await bench.delivery(run.source(), ledger);
    drafts.push(...run.append([point(5)]));
    await later.deliver(drafts);
    await bench.expectHeld(later, drafts);
  });

  contractCase(context, 'ends a run whose last time is no time', async (bench) => {
    const run = bench.run();
    const delivery = await bench.delivery(run.source({ startedAt: undefined }));
    await delivery.deliver(run.append([point(1)]));
    for (const endedAt of [NaN, Infinity, -1, 1e300, T + 0.123456]) {
      await delivery.backend.finish(delivery.ledger.handle!, { status: 'finished', endedAt }, signal);
    }
    for (const startedAt of [NaN, -Infinity, -5, 1e300, T + 0.123456]) {
      const odd = bench.run(`started at ${startedAt}`);
      odd.append([point(1)]);
      await delivery.backend.open(odd.source({ startedAt }), undefined, signal);
    }
  });

  contractCase(
    context,
    'makes one tracker run if several processes open a run at the same time',
    async (bench) => {
      const run = bench.run();
      const drafts = run.append([point(1)]);
      const backends = await Promise.all([bench.connect(), bench.connect(), bench.connect()]);
      const handles = await Promise.all(backends.map((backend) => backend.open(run.source(), undefined, signal)));
      assert.equal(new Set(handles).size, 1);
      const late = await bench.connect();
      assert.equal(await late.open(run.source(), undefined, signal), handles[0]);
      if (bench.target.runCount !== undefined) assert.equal(await bench.target.runCount(), 1);
      const delivery = await bench.delivery(run.source(), { ...newLedger(), handle: handles[1] }, backends[0]);
      await delivery.deliver(drafts);
      await bench.expectHeld(delivery, drafts);
    },
    { when: !hasOneWriter },
  );

  contractCase(
    context,
    'adopts a tracker run with a file in common, no matter who created it',
    async (bench) => {
      const run = bench.run();
      const drafts = run.append([point(1)]);
      const first = await bench.delivery(run.source());
      await first.deliver(drafts);
      await bench.close(first.backend);
      drafts.push(...run.append([point(2)], 'events.out.tfevents.2.b'));
      const second = await bench.delivery(run.source({ instanceId: 'another' }));
      assert.equal(second.ledger.handle, first.ledger.handle);
      if (harness.addressing === 'line') return;
      await second.deliver(drafts);
      await bench.expectHeld(second, drafts);
    },
    { when: hasFingerprints },
  );

  contractCase(
    context,
    'leaves a tracker run alone that has the same key and other files',
    async (bench) => {
      const [mine, theirs] = [bench.run(), bench.run()];
      const own = mine.append([point(1), point(2)]);
      const other = theirs.append([event({ wallTime: T, step: 9, summary: [simpleValue('other', 9)] })]);
      const first = await bench.delivery(mine.source({ instanceId: 'mine' }));
      await first.deliver(own);
      const second = await bench.delivery(theirs.source({ instanceId: 'theirs' }));
      assert.notEqual(second.ledger.handle, first.ledger.handle);
      await second.deliver(other);
      await bench.expectHeld(second, other);
      await bench.expectHeld(first, own);
      // Each finds its own run again.
      const again = await bench.connect();
      assert.equal(await again.open(theirs.source({ instanceId: 'theirs' }), undefined, signal), second.ledger.handle);
      assert.equal(await again.open(mine.source({ instanceId: 'mine' }), undefined, signal), first.ledger.handle);
    },
    { when: hasFingerprints },
  );

  contractCase(
    context,
    'finds a tracker run again by files whose first values came after it was opened',
    async (bench) => {
      const run = bench.run();
      const ledger = newLedger();
      const first = await bench.delivery(run.source(), ledger);
      const drafts = run.append([point(1)]);
      const { fingerprint } = run.source();
      assert.notEqual(first.backend.noteFiles, undefined);
      await first.backend.noteFiles?.(ledger.handle!, fingerprint, signal);
      await first.deliver(drafts);
      drafts.push(...run.append([point(2)], 'events.out.tfevents.2.b'));
      await first.backend.noteFiles?.(ledger.handle!, run.source().fingerprint.slice(1), signal);
      await first.backend.noteFiles?.(ledger.handle!, run.source().fingerprint.slice(1), signal);
      await bench.expectHeld(first, drafts.slice(0, 1));
      await bench.close(first.backend);
      for (const mark of run.source().fingerprint) {
        const second = await bench.delivery(run.source({ instanceId: `another, by ${mark.file}`, fingerprint: [mark] }));
        assert.equal(second.ledger.handle, ledger.handle);
        if (harness.addressing !== 'line') {
          await second.deliver(drafts);
          await bench.expectHeld(second, drafts);
        }
        await bench.close(second.backend);
      }
    },
    { when: hasFingerprints },
  );

  contractCase(
    context,
    'finds a tracker run again by any record that it names and a file has',
    async (bench) => {
      const [run, other] = [bench.run(), bench.run()];
      const drafts = run.append([point(1), point(2), point(3)]);
      const checksum = drafts[0]!.batch.scalars.checksum[2]!;
      const [mark] = run.source().fingerprint;
      const first = await bench.delivery(run.source({ fingerprint: [{ file: mark!.file, checksum }] }));
      await first.deliver(drafts);
      await bench.close(first.backend);
      other.append([point(7)]);
      const stranger = await bench.connect();
      const theirs = other.source({ instanceId: 'theirs', files: other.files(stranger) });
      assert.notEqual(await stranger.open(theirs, undefined, signal), first.ledger.handle);
      const second = await bench.connect();
      const source = run.source({ instanceId: 'another', files: run.files(second) });
      assert.equal(await second.open(source, undefined, signal), first.ledger.handle);
    },
    { when: hasFingerprints },
  );

  contractCase(
    context,
    'adopts a tracker run that names no file if all its points are in the files',
    async (bench) => {
      const run = bench.run();
      const drafts = run.append([0, 1, 2, 3].map(point));
      const first = await bench.delivery(run.source({ fingerprint: [] }));
      await first.deliver(drafts);
      await bench.close(first.backend);
      drafts.push(...run.append([point(4), point(5)]));
      const backend = await bench.connect();
      const second = await bench.delivery(run.source({ instanceId: 'another', files: run.files(backend) }), newLedger(), backend);
      assert.equal(second.ledger.handle, first.ledger.handle);
      await second.deliver(drafts);
      await bench.expectHeld(second, drafts);
      // From now on, its file identifies it.
      const third = await bench.connect();
      assert.equal(await third.open(run.source({ instanceId: 'a third one' }), undefined, signal), first.ledger.handle);
    },
    { when: hasFingerprints },
  );

  contractCase(
    context,
    'leaves a tracker run alone that names no file and holds a point that no file has, or none at all',
    async (bench) => {
      const [run, other] = [bench.run(), bench.run()];
      const drafts = run.append([0, 1, 2, 3].map(point));
      // The same except for one point.
      const theirs = other.append([...[0, 1, 2].map(point), point(9)]);
      const first = await bench.delivery(other.source({ fingerprint: [], instanceId: 'theirs' }));
      const asMine = async (instanceId: string): Promise<Handle> => {
        const backend = await bench.connect();
        const handle = await backend.open(run.source({ instanceId, fingerprint: [], files: run.files(backend) }), undefined, signal);
        await bench.close(backend);
        return handle;
      };
      const second = await asMine('mine');
      assert.notEqual(second, first.ledger.handle);
      await first.deliver(theirs);
      await bench.close(first.backend);
      assert.equal(await asMine('mine'), second);
      const backend = await bench.connect();
      const late = await bench.delivery(run.source({ instanceId: 'late', files: run.files(backend) }), newLedger(), backend);
      assert.ok(![first.ledger.handle, second].includes(late.ledger.handle));
      await late.deliver(drafts);
      await bench.expectHeld(late, drafts);
    },
    { when: hasFingerprints },
  );

  contractCase(
    context,
    'leaves a tracker run alone that the same state made from other files',
    async (bench) => {
      const [before, after] = [bench.run(), bench.run()];
      const first = await bench.delivery(before.source());
      await first.deliver(before.append([point(1)]));
      await first.backend.noteFiles?.(first.ledger.handle!, before.source().fingerprint, signal);
      const drafts = after.append([event({ wallTime: T, step: 9, summary: [simpleValue('other', 9)] })]);
      const second = await bench.delivery(after.source());
      assert.notEqual(second.ledger.handle, first.ledger.handle);
      await second.deliver(drafts);
      await bench.expectHeld(second, drafts);
    },
    { when: hasFingerprints },
  );

  contractCase(context, 'does not continue in a tracker run that was removed', async (bench) => {
    if (bench.target.removeRun === undefined) return;
    const run = bench.run();
    const drafts = run.append([point(1)]);
    const ledger = newLedger();
    const delivery = await bench.delivery(run.source(), ledger);
    await delivery.deliver(drafts);
    const removed = ledger.handle!;
    await bench.target.removeRun(removed);
    const more = run.append([point(2)]);
    assertOutcomes(await delivery.sendOnce(more), 'runFatal', /^MB4006$/);
    // Another process gets a new one, or an error: never the removed one.
    const late = await bench.connect();
    const opened = await late.open(run.source(), removed, signal).catch((error: unknown) => error);
    if (typeof opened === 'string') assert.notEqual(opened, removed);
    else assertError(opened, /^MB4006$/);
  });

  contractCase(context, 'removes a run that was made for a trial', async (bench) => {
    const run = bench.run();
    const drafts = run.append([point(1)]);
    const delivery = await bench.mirror(run, drafts);
    if (delivery.backend.remove === undefined) return;
    await delivery.backend.remove(delivery.ledger.handle!, signal);
    if (bench.target.runCount !== undefined) assert.equal(await bench.target.runCount(), 0);
  });
}
