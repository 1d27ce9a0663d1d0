import { expect, it } from '@jest/globals';
import { oddAnswersRound, TRACKERS } from '../soak/odd-answers.ts';
import { oddBucketRound } from '../soak/odd-bucket.ts';
import { testSeed } from '../support/test-seed.ts';

const seed = testSeed();
process.stderr.write(`… bent answers with MIRRORBOARD_TEST_SEED=${seed}\n`);

/** The number of rounds in a test run; `npm run soak` runs for longer. */
const BENDS = 15;

it.each(Object.keys(TRACKERS))(
  'holds each point once in %s after a time of altered answers',
  async (name) => {
    const said: string[] = [];
    await oddAnswersRound(name, seed, (line) => said.push(line), BENDS);
    expect(said).toHaveLength(1);
  },
  240_000,
);

it('keeps files in a bucket intact after a time of altered answers', async () => {
  const said: string[] = [];
  await oddBucketRound(seed, (line) => said.push(line), BENDS);
  expect(said).toHaveLength(1);
}, 240_000);
