/** Turns the status of a watch into metrics for Prometheus. */
export { METRICS, type MetricKind, type MetricSpec, PROCESS_METRICS } from './metric-table.ts';
export { type BuildFacts, Metrics } from './metrics.ts';
export { wantsOpenMetrics } from './negotiate.ts';
