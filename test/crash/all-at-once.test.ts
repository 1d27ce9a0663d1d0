import { it } from '@jest/globals';
import { soakAllAtOnce } from '../soak/all-at-once.ts';
import { testSeed } from '../support/test-seed.ts';

/** Three minutes in CI, elsewhere enough to see that it runs. `npm run soak` takes half an hour. */
const MINUTES = process.env['CI'] === undefined ? 0.5 : 1;

it('mirrors all points once into the store and five trackers while faults hit all of them', async () => {
  const seed = testSeed();
  process.stderr.write(`… everything at once with MIRRORBOARD_TEST_SEED=${seed}\n`);
  const said: string[] = [];
  try {
    await soakAllAtOnce({ seed, minutes: MINUTES, isReal: false, say: (line) => void said.push(line) });
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : cause}\n${said.join('\n')}`, { cause });
  }
}, 900_000);
