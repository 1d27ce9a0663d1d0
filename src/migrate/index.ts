/** Mirrors everything into one lane, and judges if another one can be switched off. */
export { type MigrateOptions, type Migration, migrate } from './migrate.ts';
export { acceptedLosses, type ForeignMetric, type Verdict, verdictOf } from './verdict.ts';
