/**
 * Handling of metrics that the database treats as equal to some that it already holds. mirrorboard sends a batch
 * again if its answer was lost, and the server should leave out the points that it holds. Versions before 3.10 can do
 * that for at most a hundred entries at a time, versions before 3.16 never for NaN.
 */
import type { MlflowFailure } from './answers.ts';
import type { MlflowClient } from './client.ts';
import { heldPoints } from './held-metrics.ts';
import { clamped } from './map.ts';
import type { Metric } from './prepare.ts';

/** Number of entries that every version sorts out by itself, except NaN. */
const SORTED_OUT = 100;

/**
 * Splits a clashing group into parts that are sent in this order. Returns undefined for a single point or only NaN:
 * the caller then reads what the run holds.
 */
export function partsOf<Entry>(group: readonly Entry[], metricOf: (entry: Entry) => Metric): readonly (readonly Entry[])[] | undefined {
  if (group.length > SORTED_OUT) {
    return Array.from({ length: Math.ceil(group.length / SORTED_OUT) }, (_, i) => group.slice(i * SORTED_OUT, (i + 1) * SORTED_OUT));
  }
  const isNan = (entry: Entry): boolean => metricOf(entry).text.includes('"value":"NaN"');
  const [nans, others] = [group.filter(isNan), group.filter((entry) => !isNan(entry))];
  if (others.length === 0 || group.length === 1) return undefined;
  if (nans.length > 0) return [others, nans];
  const half = group.length >> 1;
  return [group.slice(0, half), group.slice(half)];
}

/**
 * Splits a clashing group by the names of its metrics if the run lacks some of them. Metrics that the run has go
 * first, the others in halves, down to a single name.
 */
export function partsByName<Entry>(
  group: readonly Entry[],
  metricOf: (entry: Entry) => Metric,
  absent: ReadonlySet<string>,
): readonly (readonly Entry[])[] | undefined {
  const others = group.filter((entry) => absent.has(metricOf(entry).key));
  if (others.length === 0) return undefined;
  if (others.length < group.length) return [group.filter((entry) => !absent.has(metricOf(entry).key)), others];
  if (absent.size < 2) return undefined;
  const first = new Set([...absent].slice(0, absent.size >> 1));
  return [true, false].map((isFirst) => group.filter((entry) => first.has(metricOf(entry).key) === isFirst));
}

/**
 * Returns those of `metrics` that the run holds. `toError` makes the error to throw if the server does not answer.
 */
export async function heldOf(
  client: MlflowClient,
  runId: string,
  metrics: readonly Metric[],
  toError: (failure: MlflowFailure) => Error,
  signal: AbortSignal,
): Promise<ReadonlySet<Metric>> {
  const wanted = new Map<string, Metric[]>();
  for (const metric of metrics) {
    const point = pointText(metric.text);
    wanted.set(point, [...(wanted.get(point) ?? []), metric]);
  }
  const held = new Set<Metric>();
  for (const key of new Set(metrics.map((metric) => metric.key))) {
    for await (const { step, timestamp, value } of heldPoints(client, runId, key, toError, signal)) {
      for (const metric of wanted.get(`${key}\n${step}\n${timestamp}\n${clamped(value)}`) ?? []) held.add(metric);
    }
  }
  return held;
}

/**
 * Returns a metric's text in the form of its history: the value as a database holds it, infinities as the largest
 * numbers (`_get_metric_value_details` in `mlflow/store/tracking/sqlalchemy_store.py`).
 */
function pointText(text: string): string {
  const { key, step, timestamp, value } = JSON.parse(text) as Record<string, unknown>;
  return `${key}\n${step}\n${timestamp}\n${clamped(Number(value))}`;
}
