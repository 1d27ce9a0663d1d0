import { expect, it } from '@jest/globals';
import { oddAnswersRound, TRACKERS } from '../soak/odd-answers.ts';

const seed = Number(process.env['MIRRORBOARD_TEST_SEED'] ?? Date.now() % 2 ** 31);
process.stderr.write(`… bent answers with MIRRORBOARD_TEST_SEED=${seed}\n`);

it.each(Object.keys(TRACKERS))(
  'holds each point once in %s, however its answers were bent before they were honest again',
  async (name) => {
    const said: string[] = [];
    await oddAnswersRound(name, seed, (line) => said.push(line));
    expect(said).toHaveLength(1);
  },
  240_000,
);
