// `npm run compat:aim`: Aim's versions, each with all sample logs, mirrored, verified, and once more with the state
// lost. `--only 3.19,3.25` takes some of them. Environments stay in the tests' cache (MIRRORBOARD_TEST_CACHE).
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { VERIFIED_VERSIONS } from '../../src/backends/aim/limits.ts';
import { type Ended, mirrorboard } from '../e2e/command.ts';
import { startAim } from '../support/aim-server.ts';
import { REPOSITORY } from '../support/python-tools.ts';

const LOGS = join(REPOSITORY, 'test/logs');

process.env['MIRRORBOARD_REAL_TRACKERS'] ??= '1';
const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const words = values.only.split(',').filter((word) => word !== '');

/** What went wrong; undefined where all points are equal, both times. */
async function trouble(version: string): Promise<string | undefined> {
  const server = await startAim(version);
  const cwd = mkdtempSync(join(tmpdir(), 'mirrorboard-compat-aim-'));
  writeFileSync(join(cwd, 'mirrorboard.yaml'), `lanes:\n  local: {}\n  aim: { server: "${server.url}", experiment: compat }\n`);
  try {
    for (const round of ['mirrored', 'with its state lost']) {
      for (const args of [
        ['doctor', '--write', LOGS],
        ['backfill', '--patience', '60', LOGS],
        ['verify', '--strict', '--lane', 'aim'],
      ]) {
        const ended = await mirrorboard(args, { cwd });
        if (ended.code !== 0) return `${round}, ${args[0]}: ${said(ended)}`;
      }
      for (const name of readdirSync(cwd)) if (name.startsWith('mirrorboard.state')) rmSync(join(cwd, name));
    }
    return undefined;
  } finally {
    await server.stop();
    rmSync(cwd, { recursive: true, force: true });
  }
}

function said({ code, stdout, stderr }: Ended): string {
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => /problem|got nowhere|differ|missing|extra|MB\d{4}/i.test(line));
  return `exit ${code}: ${lines.slice(0, 4).join(' | ').slice(0, 600)}`;
}

let isSound = true;
for (const version of VERIFIED_VERSIONS) {
  if (words.length > 0 && !words.some((word) => version.startsWith(word))) continue;
  const found = await trouble(version).catch((error: unknown) => `not run: ${error instanceof Error ? error.message : String(error)}`);
  isSound &&= found === undefined;
  console.log(`${version}: ${found ?? 'exact'}`);
}
process.exitCode = isSound ? 0 : 1;
