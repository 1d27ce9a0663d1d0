/** Turns the status of a watch into metrics for Prometheus. */
export { type JobEnd, JobPage } from './job-page.ts';
export { JOB_METRICS, METRICS, type MetricKind, type MetricSpec, PROCESS_METRICS } from './metric-table.ts';
export { type BuildFacts, Metrics } from './metrics.ts';
export { wantsOpenMetrics } from './negotiate.ts';
export type { RequestMetrics } from './request-metrics.ts';
