import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { endAll, freshDirectory, type Running, remove, repository } from '../e2e/command.ts';
import { testSeed } from '../support/test-seed.ts';
import { grower, killWatches, type TruthPoint, type Writer } from './watch-kill.ts';

const seed = testSeed();
const GROW = join(repository, '../shared/corpus/tools/grow.py');
const reason = !existsSync(GROW)
  ? `there is no ${GROW}`
  : spawnSync('python3', ['--version']).status === 0
    ? undefined
    : 'there is no python3';
if (reason !== undefined) process.stderr.write(`watch-kill.test: the test with grow.py is skipped: ${reason}\n`);

let folder: string;
beforeEach(() => {
  folder = freshDirectory();
});
afterEach(async () => {
  await endAll();
  remove(folder);
});

async function killed(writer: Writer, kills: number, args: readonly string[] = []): Promise<void> {
  const said: string[] = [];
  try {
    await killWatches({ folder, kills, seed, lifeMs: 1500, writer, args, say: (line) => void said.push(line) });
  } catch (cause) {
    throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${cause instanceof Error ? cause.message : cause}\n${said.join('\n')}`, { cause });
  }
}

/** The writer that all tests share. */
const growPy: Writer = {
  start: (logs, truth): Running => {
    const options = [
      '--points',
      '1200',
      '--rate',
      '300',
      '--runs',
      '2',
      '--seed',
      `${seed}`,
      '--rotate-every',
      '190',
      '--crash-every',
      '110',
    ];
    const child = spawn('python3', [GROW, logs, ...options, '--histograms', '10', '--corrupt-tail', '--truth', truth], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = new Promise<Awaited<Running['ended']>>((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal, stdout: '', stderr }));
    });
    return { child, ended, said: () => Promise.reject(new Error('not heard')) };
  },
  points: (truth) => {
    const { runs } = JSON.parse(readFileSync(truth, 'utf8')) as {
      runs: Record<string, { tags: Record<string, { points: TruthPoint[] }> }>;
    };
    const plain = ([step, wallTime, value]: TruthPoint): TruthPoint => [
      step,
      wallTime,
      typeof value === 'object' ? (value as { proto: unknown }).proto : value,
    ];
    return Object.fromEntries(
      Object.entries(runs).map(([run, { tags }]) => [
        run,
        Object.fromEntries(Object.entries(tags).map(([tag, { points }]) => [tag, points.map(plain)])),
      ]),
    );
  },
};

describe('a watch that is killed while the logs grow', () => {
  it('mirrors everything once in the end, with incomplete records, crashes, rotation, and several live files in a run', async () => {
    const writer = grower({ seed, steps: 2000, rate: 500, runs: 3, live: 2, rotateEvery: 150, crashEvery: 100, histogramEvery: 7 });
    await killed(writer, 3);
  });

  it('mirrors what the files contain in the end, if some are cut or replaced meanwhile', async () => {
    const writer = grower({ seed, steps: 1500, rate: 500, runs: 2, crashEvery: 200, replaceEvery: 100, truncateEvery: 60 });
    await killed(writer, 3, ['--poll']);
  });

  (reason === undefined ? it : it.skip)('mirrors everything that grow.py wrote once in the end', async () => {
    await killed(growPy, 3);
  });
});
