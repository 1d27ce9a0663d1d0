import { extname } from 'node:path';
import type { ReadParams, TextForm } from './parse-text.ts';
import { parseApart } from './text-parser.ts';

/** The form by the ending of a file; YAML for all others. */
const FORMS: Readonly<Record<string, TextForm>> = { '.json': 'json', '.py': 'python' };

/**
 * Reads the values of a file, flattened: YAML, JSON, or Python that only assigns plain values. Integers stay
 * integers. `name`: the file's name.
 */
export function readParams(content: Buffer, name: string, prefix: string): Promise<ReadParams> {
  return readAs(content.toString('utf8'), FORMS[extname(name)] ?? 'yaml', prefix);
}

/**
 * Reads the values of a text that was logged as a point: the same forms, also in a fence, or as a table of names and
 * values.
 */
export function readTextParams(text: string, prefix: string): Promise<ReadParams> {
  return readAs(text, 'any', prefix);
}

async function readAs(text: string, form: TextForm, prefix: string): Promise<ReadParams> {
  const parsed = await parseApart({ kind: 'params', text, prefix, form });
  return parsed.kind === 'id' ? { kind: 'invalid', reason: 'it was read for something else' } : parsed;
}
