import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { parseDocument } from 'yaml';
import type { SideParam } from '../backends/contract.ts';
import { messageOf } from '../errors.ts';
import { systemPath } from '../model/index.ts';

/** What a file says, or why it says nothing. */
export type ReadParams =
  | { readonly kind: 'params'; readonly params: readonly SideParam[] }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Files of params are small; a larger one is something else. Bytes. */
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_PARAMS = 10_000;

/** The values of a YAML or JSON file, flattened. Integers stay integers. */
export async function readParams(path: string, prefix: string): Promise<ReadParams> {
  let text: string;
  try {
    text = await readFile(systemPath(path), 'utf8');
  } catch (error) {
    return { kind: 'invalid', reason: messageOf(error) };
  }
  if (text.length > MOST_BYTES) return { kind: 'invalid', reason: `it has more than ${MOST_BYTES} bytes` };
  // JSON is YAML, and YAML's reader tells 3 from 3.0. Tags of other languages (!!python/object) are left aside, their values are read.
  const document = parseDocument(text, { intAsBigInt: true, logLevel: 'silent', prettyErrors: false, uniqueKeys: false });
  const [error] = document.errors;
  if (error !== undefined) return { kind: 'invalid', reason: `it is no ${extname(path) === '.json' ? 'JSON' : 'YAML'}: ${error.code}` };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 1000 });
  } catch (cause) {
    return { kind: 'invalid', reason: messageOf(cause) };
  }
  if (value === null || value === undefined) return { kind: 'params', params: [] };
  if (typeof value !== 'object' || Array.isArray(value)) return { kind: 'invalid', reason: 'it is no mapping of names to values' };
  const params: SideParam[] = [];
  flatten(value, prefix, params);
  return params.length > MOST_PARAMS ? { kind: 'invalid', reason: `it has more than ${MOST_PARAMS} values` } : { kind: 'params', params };
}

/** `{a: {b: 1}}` is `a.b`; a list of single values is one value, a list of others has its places as names. */
function flatten(value: unknown, name: string, params: SideParam[]): void {
  if (params.length > MOST_PARAMS) return;
  if (Array.isArray(value) && value.every(isSingle)) params.push({ name, value: listText(value) });
  else if (typeof value === 'object' && value !== null) {
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    if (entries.length === 0 && name !== '') params.push({ name, value: '{}' });
    for (const [key, item] of entries) flatten(item, join(name, String(key)), params);
  } else if (isSingle(value)) params.push({ name, value });
}

type Single = string | number | bigint | boolean | null;

function isSingle(value: unknown): value is Single {
  return value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}

function join(prefix: string, key: string): string {
  return prefix === '' || prefix.endsWith('.') || prefix.endsWith('/') ? `${prefix}${key}` : `${prefix}.${key}`;
}

function listText(items: readonly Single[]): string {
  return `[${items.map((item) => (typeof item === 'string' ? JSON.stringify(item) : String(item))).join(', ')}]`;
}
