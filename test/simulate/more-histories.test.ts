import { describe, it } from '@jest/globals';
import { expectNothingWrong } from './histories.ts';

const EACH = 500;
const MINUTES_MS = 10 * 60_000;
/** The rest of 5,000 is in the other of these two files: the tests run in two processes. */
const FROM = [0, 1, 2, 3, 4].map((i) => 2501 + i * EACH);

describe('the simulator', () => {
  it.each(FROM)(`finds nothing wrong in ${EACH} histories from seed %i on`, (from) => expectNothingWrong(from, EACH), MINUTES_MS);
});
