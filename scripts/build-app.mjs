// Bundles what runs into the folder that is given: the command, its threads and the entries of the package. Most of a start was the search
// for hundreds of small files. They are bundled together, so an error class is one for the command and for a backend of a package.
// Packages stay outside. Called by build.sh.

import { join } from 'node:path';
import { build } from 'esbuild';

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error('build-app.mjs: expected the folder to write to');

/** Each lies flat in the folder, beside what they share: a thread is started by its name in the folder of who starts it. */
const ENTRIES = [
  'main',
  'index',
  'backend',
  'api/export-worker',
  'artifacts/parse-worker',
  'backends/local/checkpoint-worker',
  'cli/export-run-worker',
  'discover/worker',
  'query/query-worker',
  'reading/reader-worker',
  'verify/run-worker',
];

await build({
  absWorkingDir: join(import.meta.dirname, '..'),
  entryPoints: [
    ...ENTRIES.map((entry) => ({ in: `src/${entry}.ts`, out: entry.replace(/.*\//, '') })),
    { in: 'src/testing/index.ts', out: 'testing' },
  ],
  outdir: out,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  // What tsc compiles to, so that the tests of single modules run the same code.
  target: 'es2024',
  packages: 'external',
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
});
