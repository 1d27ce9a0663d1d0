// Compiles src/decode/assembly/scan.ts to WebAssembly, and writes it into src/decode/scan-module.ts. Only a change of
// the scanner needs it: the compiler is a hundred megabytes, and the result is a few kilobytes of text beside its source.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const COMPILER = 'assemblyscript@0.28.20';
const SOURCE = new URL('../src/decode/assembly/scan.ts', import.meta.url).pathname;
const TARGET = new URL('../src/decode/scan-module.ts', import.meta.url).pathname;
const LINE = 120;

const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-scanner-'));
try {
  const compiled = join(folder, 'scan.wasm');
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--outFile', compiled];
  execFileSync('npx', ['--yes', '--package', COMPILER, 'asc', SOURCE, ...options], { stdio: 'inherit', cwd: folder });
  const lines = readFileSync(compiled)
    .toString('base64')
    .match(new RegExp(`.{1,${LINE}}`, 'g'));
  const digest = createHash('sha256').update(readFileSync(SOURCE)).digest('hex');
  writeFileSync(
    TARGET,
    `/** Made by \`npm run build:scanner\`: the compiled form of \`assembly/scan.ts\`, in Base64. */
export const SCAN_MODULE = \`
${lines.join('\n')}
\`;

/** The SHA-256 of that source: a test finds a source that was changed and not compiled. */
export const SCAN_SOURCE = '${digest}';
`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
