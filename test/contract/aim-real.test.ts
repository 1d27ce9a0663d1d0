import { afterAll, describe, expect, it } from '@jest/globals';
import { type AimServer, startAim } from '../support/aim-server.ts';
import { realHarness } from './aim-harness.ts';
import { contractSuite } from './contract-suite.ts';

let server: AimServer | undefined;
let reason = '';
// Started before the cases are named: a server that can't be had is a reason to skip them.
try {
  server = await startAim();
} catch (error) {
  reason = error instanceof Error ? error.message : String(error);
}

if (server === undefined) {
  describe('a real Aim server', () => {
    const isRequired = process.env['MIRRORBOARD_REQUIRE_TOOLS'] === '1';
    if (!isRequired) process.stderr.write(`… skipped, no Aim server: ${reason}\n`);
    (isRequired ? it : it.skip)('is there', () => expect(reason).toBe(''));
  });
} else {
  const { url, stop } = server;
  afterAll(stop);
  contractSuite(
    'Aim over a real server',
    realHarness(() => url),
  );
}
