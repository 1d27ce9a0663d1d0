// Event files for tests and benchmarks: what the package brings for backends of others, and large logs.
export * from '../../src/testing/events/index.ts';
export * from './big-log.ts';
