// `node dist/test/reference/main.js FOLDER`: writes what the package has that is made from the program: man page,
// completions, schemas.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SCRIPTS } from '../../src/cli/completion-scripts.ts';
import { REPOSITORY } from '../support/python-tools.ts';
import { DOCUMENTS, jsonSchemaOf } from './documents.ts';
import { manPage } from './man-page.ts';

/** Every file, by its path in the package. `epoch`: when the sources were made, in seconds since 1970. */
export function referenceFiles(epoch = process.env['SOURCE_DATE_EPOCH']): ReadonlyMap<string, string> {
  const read = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8');
  const { version } = JSON.parse(read('package.json'));
  const table = /^## Exit codes$[\s\S]*?(?=^## )/m.exec(read('docs/commands.md'))?.[0] ?? '';
  const exitCodes = [...table.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, code = '', meaning = '']) => [code, plain(meaning)] as const);
  // The date of a released version, otherwise that of the sources: the same sources make the same page.
  const released = new RegExp(`^## \\[${version}\\] - (\\S+)$`, 'm').exec(read('CHANGELOG.md'))?.[1];
  const date = released ?? (/^\d{1,11}$/.test(epoch ?? '') ? new Date(Number(epoch) * 1000).toISOString().slice(0, 10) : '');
  return new Map([
    ['man/mirrorboard.1', manPage({ version, date, exitCodes })],
    ['completions/mirrorboard.bash', SCRIPTS['bash'] ?? ''],
    ['completions/_mirrorboard', SCRIPTS['zsh'] ?? ''],
    ['completions/mirrorboard.fish', SCRIPTS['fish'] ?? ''],
    ...Object.keys(DOCUMENTS).map((name) => [`schemas/${name}.json`, `${JSON.stringify(jsonSchemaOf(name), null, 2)}\n`] as const),
  ]);
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '').replace(/\[([^\]]+)\]\([^)]+\)/g, '$1');
}

const [, script, folder] = process.argv;
if (script?.endsWith('reference/main.js') && folder !== undefined) {
  for (const [path, content] of referenceFiles()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}
