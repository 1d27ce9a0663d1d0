import { extname } from 'node:path';
import type { ReadParams } from './parse-text.ts';
import { parseApart } from './text-parser.ts';

/** The values of a YAML or JSON file, flattened. Integers stay integers. `name`: of the file. */
export async function readParams(content: Buffer, name: string, prefix: string): Promise<ReadParams> {
  const said = await parseApart({ kind: 'params', text: content.toString('utf8'), prefix, isJson: extname(name) === '.json' });
  return said.kind === 'id' ? { kind: 'invalid', reason: 'it was read for something else' } : said;
}
