// The limits of Azure ML, as its documentation and its users' reports have them.
import type { Run } from './store.ts';
import { ApiError, type Fields, invalid } from './wire.ts';

const MOST = { rows: 250, names: 50, tags: 50, tagName: 100, tagValue: 1000, params: 200, page: 1000 };

interface Row {
  readonly key?: unknown;
  readonly value?: unknown;
}

/** Throws what Azure ML answers to a request that exceeds a limit. */
export function keepToAzureQuotas(endpoint: string, fields: Fields, query: URLSearchParams, runOf: (id: string) => Run): void {
  if (endpoint === 'metrics/get-history' && Number(query.get('max_results')) >= MOST.page) {
    throw new ApiError(
      400,
      'BAD_REQUEST',
      `MaxResults = ${query.get('max_results')} is invalid: MaxResults must be less than ${MOST.page}.`,
    );
  }
  if (endpoint === 'runs/create') checkTags(rowsOf(fields, 'tags'), []);
  if (endpoint !== 'runs/log-batch') return;
  const run = runOf(String(fields['run_id'] ?? ''));
  const metrics = rowsOf(fields, 'metrics');
  check('MetricV2Dto.Value', metrics.length, MOST.rows);
  const names = new Set([...run.metrics.values()].map(({ key }) => key));
  for (const { key } of metrics) names.add(String(key));
  check('MetricNames', names.size, MOST.names);
  check('Parameters', new Set([...run.params.keys(), ...rowsOf(fields, 'params').map(({ key }) => String(key))]).size, MOST.params);
  checkTags(rowsOf(fields, 'tags'), [...run.tags.keys()]);
}

function checkTags(tags: readonly Row[], held: readonly string[]): void {
  check('Tags', new Set([...held, ...tags.map(({ key }) => String(key))]).size, MOST.tags);
  for (const { key, value } of tags) {
    check('Tags.Key', String(key).length, MOST.tagName);
    check('Tags.Value', String(value).length, MOST.tagValue);
  }
}

function check(field: string, size: number, most: number): void {
  if (size > most) throw invalid(`A field of the entity is over the size limit. FieldName=${field}, Limit=${most}, Size=${size}.`);
}

function rowsOf(fields: Fields, name: string): readonly Row[] {
  const rows = fields[name];
  return Array.isArray(rows) ? (rows as readonly Row[]) : [];
}
