// The suite's own check: a backend that does something else than it announces must not pass.
import { expect, it } from '@jest/globals';
import { Bench } from '../../src/testing/bench.ts';
import { event, tensorScalar, text } from '../support/event-writer.ts';
import { LIARS } from '../support/lying-backends.ts';
import { MemoryBackend, MemoryTracker } from '../support/memory-backend.ts';

const EVENTS = [0.1, 0.2, 0.3].map((value, step) =>
  event({ wallTime: 1_700_000_000 + step, step, summary: [tensorScalar('loss', value, 'double'), text('note', [`step ${step}`])] }),
);

async function mirror(make: (tracker: MemoryTracker) => MemoryBackend): Promise<void> {
  const tracker = new MemoryTracker();
  const target = { connect: async () => make(tracker), close: async () => {} };
  await using bench = new Bench({ addressing: 'key', faults: [], start: async () => target }, target);
  const run = bench.run();
  await bench.mirror(run, run.append(EVENTS));
}

it('accepts an honest backend', () => mirror((tracker) => new MemoryBackend(tracker)));

it.each(Object.entries(LIARS))('catches a backend that %s', async (_, make) => {
  await expect(mirror(make)).rejects.toThrow();
});
