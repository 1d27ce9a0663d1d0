import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { StateFile } from '../../../src/state/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RUNS = 7;
const ROUNDS = 5;

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
/**
 * Notes n for n = 1, 2, 3, …: a position and a growth that belong together, of a run a turn. Says each n that a flush
 * has confirmed. Between them changes are committed in groups, so that it is killed at every place of a group.
 */
const WRITER = `
  const { StateFile } = await import(process.argv[1]);
  const state = StateFile.open(process.argv[2], { now: Date.now });
  const lane = state.lane('mlflow', 't');
  const known = (i) => lane.known({ root: 'logs', path: String(i) }).files[0]?.position.watermark ?? 0;
  let n = Math.max(...Array.from({ length: ${RUNS} }, (_, i) => known(i)));
  for (;;) {
    n++;
    const run = { root: 'logs', path: String(n % ${RUNS}) };
    state.together(() => {
      lane.accepted(run, { name: 'a', generation: 0, position: { watermark: n, gaps: [] }, guard: {}, damage: [], size: n, stamp: 's', records: n }, []);
      state.noteGrowth(run, n);
    });
    if (n % 333 === 0 && state.flush()) process.stdout.write(n + '\\n');
  }`;

/** Runs the writer until it has confirmed so many, and kills it; the last number it confirmed. */
async function writeAndKill(path: string, confirmations: number): Promise<number> {
  const module = new URL('../../../src/state/index.js', import.meta.url).href;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', WRITER, module, path];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
    if (said.split('\n').length > confirmations) child.kill('SIGKILL');
  });
  await ended;
  return Number(said.split('\n').at(-2));
}

test('after kill -9 the state is intact and contains all changes up to some point, at least the last flush', async () => {
  const path = join(folder, 'mirrorboard.state');
  let before = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const confirmed = await writeAndKill(path, 3 * round);
    expect(confirmed).toBeGreaterThan(before);
    const state = StateFile.open(path, { now: () => 0 });
    const lane = state.lane('mlflow', 't');
    const runs = Array.from({ length: RUNS }, (_, i) => ({ root: 'logs', path: String(i) }));
    const noted = runs.map((run) => lane.known(run).files[0]?.position.watermark ?? 0);
    const last = Math.max(...noted);
    expect(last).toBeGreaterThanOrEqual(confirmed);
    // Nothing before the last is missing, and what belongs together is there together.
    expect(noted.toSorted((a, b) => a - b)).toEqual(runs.map((_, i) => last - RUNS + 1 + i));
    expect(runs.map((run) => state.lastGrowth(run))).toEqual(noted);
    state.close();
    const reader = StateFile.openForReading(path);
    expect(reader.check()).toEqual([]);
    reader.close();
    before = last;
  }
});
