import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { endAll, freshDirectory, remove } from '../e2e/command.ts';
import { startMlflow } from '../support/mlflow-server.ts';
import { realTracker } from '../support/real-tracker.ts';
import { testSeed } from '../support/test-seed.ts';
import { killWithRealTracker } from './real-tracker-kill.ts';
import { grower } from './watch-kill.ts';

const seed = testSeed();
const server = await realTracker('MLflow server', startMlflow);

if (server !== undefined) {
  let folder: string;
  beforeEach(() => {
    folder = freshDirectory();
  });
  afterEach(async () => {
    await endAll();
    remove(folder);
  });
  afterAll(() => server.stop());

  describe('a real MLflow server that is killed together with watch', () => {
    it('gives its official client every point of the sample logs, and of growing logs, once in the end', async () => {
      const said: string[] = [];
      const writer = grower({ seed, steps: 1500, rate: 150, runs: 3, live: 2, rotateEvery: 150, crashEvery: 100 });
      try {
        const say = (line: string): void => void said.push(line);
        const points = await killWithRealTracker({ folder, kills: 3, serverKills: 2, seed, lifeMs: 3000, writer, server, say });
        expect(points).toBeGreaterThan(7000);
      } catch (cause) {
        throw new Error(`MIRRORBOARD_TEST_SEED=${seed}\n${cause instanceof Error ? cause.message : cause}\n${said.join('\n')}`, { cause });
      }
    }, 400_000);
  });
}
