import { rmSync } from 'node:fs';
import { JournalBackend, JournalServer } from '../support/journal-backend/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contractSuite } from './contract-suite.ts';

contractSuite('a journalled backend', {
  addressing: 'line',
  faults: ['rateLimited', 'unavailable', 'connectionLost', 'answerLost', 'partStored', 'hang', 'hangStored', 'noAccess'],
  async start() {
    const folder = temporaryFolder();
    const server = new JournalServer(folder);
    return {
      connect: async () => new JournalBackend(server),
      fail: (fault, times) => server.faults.add(fault, times),
      faultsLeft: () => server.faults.left,
      removeRun: async (handle) => server.removeRun(handle),
      runCount: async () => server.runs().length,
      statusOf: async (handle) => server.runs().find(({ id }) => id === handle)?.end?.status ?? 'running',
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
});
