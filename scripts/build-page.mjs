// Bundles src/page/browser into the folder that is given: index.html, and scripts and styles whose names have the hash of their content.
// Called by build.sh. Everything is in these files: the page fetches nothing from elsewhere.

import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error('build-page.mjs: expected the folder to write to');
const source = join(import.meta.dirname, '../src/page/browser');
mkdirSync(out, { recursive: true });

const common = {
  outdir: out,
  bundle: true,
  format: 'esm',
  target: ['es2022'],
  minify: true,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  tsconfig: join(source, 'tsconfig.json'),
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

// The worker first: the page has its name.
const worker = await build({ ...common, entryPoints: { worker: join(source, 'curves/curve-worker.ts') } });
const [workerFile] = Object.keys(worker.metafile.outputs);

const { metafile } = await build({
  ...common,
  entryPoints: { app: join(source, 'main.tsx') },
  splitting: true,
  define: { CURVE_WORKER: JSON.stringify(`./${basename(workerFile)}`) },
});

const outputs = Object.entries(metafile.outputs);
const [script, { cssBundle }] = outputs.find(([, { entryPoint }]) => entryPoint?.endsWith('src/page/browser/main.tsx') === true);
/** The scripts that the first one imports at once, which the browser can fetch with it. */
const atOnce = new Set();
const follow = (name) => {
  for (const { path, kind } of metafile.outputs[name].imports) {
    if (kind !== 'import-statement' || atOnce.has(path)) continue;
    atOnce.add(path);
    follow(path);
  }
};
follow(script);

const icon = `icon-${createHash('sha256')
  .update(readFileSync(join(source, 'icon.svg')))
  .digest('hex')
  .slice(0, 8)
  .toUpperCase()}.svg`;
copyFileSync(join(source, 'icon.svg'), join(out, icon));
const html = readFileSync(join(source, 'index.html'), 'utf8')
  .replace('ICON', icon)
  .replace('STYLE', basename(cssBundle))
  .replace('SCRIPT', basename(script))
  .replace(/^.*PRELOAD.*\n/m, (line) => [...atOnce].map((path) => line.replace('PRELOAD', basename(path))).join(''));
writeFileSync(join(out, 'index.html'), html);
