import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { messageOf } from '../errors.ts';
import { systemPath } from '../model/index.ts';
import type { ReadParams } from './parse-text.ts';
import { parseApart } from './text-parser.ts';

/** The values of a YAML or JSON file, flattened. Integers stay integers. */
export async function readParams(path: string, prefix: string): Promise<ReadParams> {
  let text: string;
  try {
    text = await readFile(systemPath(path), 'utf8');
  } catch (error) {
    return { kind: 'invalid', reason: messageOf(error) };
  }
  const said = await parseApart({ kind: 'params', text, prefix, isJson: extname(path) === '.json' });
  return said.kind === 'id' ? { kind: 'invalid', reason: 'it was read for something else' } : said;
}
