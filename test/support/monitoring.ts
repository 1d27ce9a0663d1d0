// The alert rules and the dashboard that are shipped, and what they ask of Prometheus.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { REPOSITORY } from './python-tools.ts';

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[] };
  readonly [field: string]: unknown;
}

export const ALERTS_PATH = join(REPOSITORY, 'config/prometheus/alerts.yaml');

export function alerts(): readonly Alert[] {
  const { groups } = parse(readFileSync(ALERTS_PATH, 'utf8')) as { groups: { rules: Alert[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

export function dashboard(): Dashboard {
  return JSON.parse(readFileSync(join(REPOSITORY, 'config/grafana/mirrorboard.json'), 'utf8'));
}

/** Every query of the dashboard, as Grafana would ask it with all values chosen. */
export function dashboardQueries(): string[] {
  return dashboard().panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(instance|job|lane)\b/g, '.*')),
  );
}

/** Names of metrics in a query. */
export function metricsOf(query: string): string[] {
  return [...query.matchAll(/\b(?:mirrorboard|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => name);
}

/** What a query says of labels of ours: `state="parked"` and the alternatives of an expression. */
export function labelsOf(query: string): (readonly [label: string, values: readonly string[]])[] {
  return [...query.matchAll(/\b([a-z]+)(=~|!~|!=|=)"([^"]*)"/g)].map(([, label = '', , value = '']) => [label, value.split('|')] as const);
}

/** The table of docs/metrics.md, as the code has it. */
export function metricTable(metrics: readonly { name: string; kind: string; labels: readonly string[]; help: string }[]): string {
  const rows = metrics.map(({ name, kind, labels, help }) => {
    const asking = alerts().filter(({ expr }) => metricsOf(expr).some((each) => each.replace(/_(bucket|sum|count)$/, '') === name));
    const linked = asking.map(({ alert }) => `[${alert}](#${alert.toLowerCase()})`).join(', ');
    return `| \`${name}\` | ${kind} | ${unitOf(name)} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} | ${linked} |`;
  });
  return ['| name | type | unit | labels | meaning | alerts |', '| --- | --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function unitOf(name: string): string {
  if (name.endsWith('_timestamp_seconds')) return 'Unix time';
  const unit = /_(bytes|seconds)(?:_total)?$/.exec(name)?.[1];
  if (unit !== undefined) return unit;
  return /_(info|ready|up|state)$/.test(name) ? '0 or 1' : 'count';
}
