// The command: which histories to run, and what to say about them.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Outcome, runHistory } from './history.ts';
import { planOf } from './plan.ts';
import { realMs } from './platform.ts';

/** Databases flush every commit, which takes no time in memory. */
const MEMORY = '/dev/shm';

/** Runs what the arguments say. Returns the exit code. */
export async function simulate(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      minutes: { type: 'string' },
    },
  });
  const folder = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'mirrorboard-simulate-'));
  try {
    if (values.seed !== undefined) {
      const outcome = await runHistory(planOf(values.seed), folder);
      console.log(outcome.lines.join('\n'));
      console.log(`${outcome.bugs.length === 0 ? 'nothing is wrong' : `${outcome.bugs.length} bugs`}; digest ${outcome.digest}`);
      return outcome.bugs.length === 0 ? 0 : 1;
    }
    const startedMs = realMs();
    const untilMs = values.minutes === undefined ? Number.POSITIVE_INFINITY : startedMs + Number(values.minutes) * 60_000;
    let done = 0;
    let points = 0;
    const failed: Outcome[] = [];
    for (let seed = Number(values.from); done < Number(values.seeds) && realMs() < untilMs; seed++, done++) {
      const outcome = await runHistory(planOf(String(seed)), folder);
      points += outcome.points;
      if (outcome.bugs.length > 0) {
        failed.push(outcome);
        console.log(`seed ${seed}: ${outcome.bugs[0]?.slice(0, 300)}`);
      }
    }
    const seconds = (realMs() - startedMs) / 1000;
    console.log(
      `${done} histories, ${points} points, ${failed.length} failed, in ${seconds.toFixed(1)} s (${((done / seconds) * 60).toFixed(0)} a minute)`,
    );
    return failed.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
