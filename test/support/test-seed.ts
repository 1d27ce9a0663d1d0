/**
 * The seed of a test that does things at random. `npm test` takes the same one each time, so that it says the same of
 * the same code. `npm run soak` and MIRRORBOARD_TEST_SEED=random look for what other seeds find.
 */
export function testSeed(): number {
  const wanted = process.env['MIRRORBOARD_TEST_SEED'] ?? '1';
  return wanted === 'random' ? randomSeed() : Number(wanted);
}

/** Another one each time. */
export function randomSeed(): number {
  return Date.now() % 2 ** 31;
}
