import { expect, it } from '@jest/globals';
import { soakHostile } from '../soak/hostile.ts';
import { testSeed } from '../support/test-seed.ts';

/** A minute where it is worth it; elsewhere enough to see that it runs. */
const FOR_MS = process.env['CI'] === undefined ? 5000 : 60_000;

it('mirrors every valid point from hostile directories to a hostile server', async () => {
  const seed = testSeed();
  process.stderr.write(`… hostile trees and answers with MIRRORBOARD_TEST_SEED=${seed}\n`);
  expect(await soakHostile({ seed, forMs: FOR_MS })).toBeGreaterThan(0);
}, 420_000);
