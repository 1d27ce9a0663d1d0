// One cell of the matrix: a log directory is mirrored through a proxy that loses answers, then once more with its
// state lost, and verified each time.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, mirrorboard } from '../e2e/command.ts';
import { writeLogs } from './logs.ts';
import { startLosingProxy } from './losing-proxy.ts';
import { startVersion, type Version } from './servers.ts';

export interface Cell {
  readonly verdict: 'exact' | 'at least once' | 'not exact';
  /** What went wrong, in a few words. */
  readonly why?: string;
}

/** `store` as the server is given it; undefined is what it takes by itself. */
export async function runCell(version: Version, store: string | undefined): Promise<Cell> {
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-compat-'));
  for (const name of ['server', 'work']) mkdirSync(join(folder, name));
  writeLogs(join(folder, 'logs'));
  const server = await startVersion(version, store, join(folder, 'server'));
  const proxy = await startLosingProxy(server.url);
  const cwd = join(folder, 'work');
  const section = `mlflow: { tracking_uri: "${proxy.url}", experiment_name: compat }`;
  writeFileSync(join(cwd, 'mirrorboard.yaml'), `lanes:\n  local: {}\n  ${section}\nparams: [config.json]\n`);
  const run = (...args: readonly string[]): Promise<Ended> => mirrorboard(args, { cwd });
  try {
    const doctor = await run('doctor', '--write', join(folder, 'logs'));
    if (doctor.code !== 0) return failed('doctor', doctor);
    for (const round of ['mirrored', 'with its state lost']) {
      const brought = await run('backfill', '--patience', '60', join(folder, 'logs'));
      if (brought.code !== 0 || /not taken|refused/i.test(brought.stderr)) return failed(round, brought);
      const verified = await run('verify', '--strict', '--lane', 'mlflow');
      if (verified.code !== 0) return failed(`${round}, verify`, verified);
      for (const name of readdirSync(cwd)) if (name.startsWith('mirrorboard.state')) rmSync(join(cwd, name));
    }
    if (proxy.lost === 0) return { verdict: 'not exact', why: 'no answer was lost: nothing was shown' };
    return { verdict: /stores every copy of a point/.test(doctor.stdout) ? 'at least once' : 'exact' };
  } finally {
    await proxy.close();
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

function failed(what: string, { code, stdout, stderr }: Ended): Cell {
  const lines = `${stdout}\n${stderr}`
    .split('\n')
    .filter((line) => /problem|unreachable|got nowhere|differ|missing|extra|refus|MB\d{4}/i.test(line));
  return { verdict: 'not exact', why: `${what}: exit ${code}: ${lines.slice(0, 4).join(' | ').slice(0, 600)}` };
}
