import type { Harness } from '../../src/testing/harness.ts';
import { MemoryBackend, MemoryTracker } from '../support/memory-backend.ts';
import { contractSuite } from './contract-suite.ts';

function memory(change: (tracker: MemoryTracker) => void): Harness {
  return {
    addressing: 'key',
    faults: ['rateLimited', 'unavailable', 'connectionLost', 'answerLost', 'partStored', 'hang', 'hangStored', 'noAccess'],
    async start() {
      const tracker = new MemoryTracker();
      change(tracker);
      return {
        connect: async () => new MemoryBackend(tracker),
        fail: (fault, times) => tracker.fail(fault, times),
        faultsLeft: () => tracker.faults.left,
        refuse: (tag) => {
          tracker.refuses = (point) => (point.tag === tag ? 'refused' : undefined);
        },
        removeRun: async (handle) => void tracker.runs.delete(handle),
        runCount: async () => tracker.runs.size,
        statusOf: async (handle) => tracker.runs.get(handle)?.end?.status ?? 'running',
        complaints: () => tracker.complaints,
        close: async () => {},
      };
    },
  };
}

contractSuite(
  'memory',
  memory(() => {}),
);

contractSuite(
  'memory that holds little',
  memory((tracker) => {
    const { keeps, holds } = tracker.capabilities;
    tracker.capabilities = {
      ...tracker.capabilities,
      holds: { ...holds, other: 'none', mesh: 'none', images: 'none' },
      keeps: { ...keeps, wallTime: false, negativeZero: false, nan: false },
    };
  }),
);
