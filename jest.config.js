/** jest runs what `scripts/build.sh` compiled, as it is. */
export default {
  rootDir: import.meta.dirname,
  roots: ['<rootDir>/dist/test'],
  testMatch: ['<rootDir>/dist/test/**/*.test.js'],
  testPathIgnorePatterns: ['<rootDir>/dist/test/bench/', '<rootDir>/dist/test/soak/'],
  transform: {},
  injectGlobals: false,
  // Tests start processes of their own; more workers than this only wait for each other on a small machine.
  maxWorkers: 2,
  // A machine with other work takes its time: what is waited for here ends by itself, or not at all. Longer than what tests wait for
  // (`PATIENCE_MS`), so that a test can say what did not come.
  testTimeout: 300_000,
  watchman: false,
};
