import { expect, it } from '@jest/globals';
import { oddAnswersRound, TRACKERS } from '../soak/odd-answers.ts';
import { oddBucketRound } from '../soak/odd-bucket.ts';

const seed = Number(process.env['MIRRORBOARD_TEST_SEED'] ?? Date.now() % 2 ** 31);
process.stderr.write(`… bent answers with MIRRORBOARD_TEST_SEED=${seed}\n`);

/** A few, for every run of the tests; `npm run soak` goes on for longer. */
const BENDS = 15;

it.each(Object.keys(TRACKERS))(
  'holds each point once in %s, however its answers were bent before they were honest again',
  async (name) => {
    const said: string[] = [];
    await oddAnswersRound(name, seed, (line) => said.push(line), BENDS);
    expect(said).toHaveLength(1);
  },
  240_000,
);

it('keeps files in a bucket as they are, however its answers were bent before they were honest again', async () => {
  const said: string[] = [];
  await oddBucketRound(seed, (line) => said.push(line), BENDS);
  expect(said).toHaveLength(1);
}, 240_000);
