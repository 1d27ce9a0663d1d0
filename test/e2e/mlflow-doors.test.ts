// What a real MLflow server says to those it does not let in, and what a user is then told.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ADMIN_PASSWORD, startMlflow } from '../support/mlflow-server.ts';
import { realTracker } from '../support/real-tracker.ts';
import { corpus, type Ended, endAll, freshDirectory, mirrorboard, mustRun, remove } from './command.ts';

// By the name `localhost` it is not to be found: that stands in for every name that is not on its list.
const server = await realTracker('MLflow server', () => startMlflow({ asksWho: true, args: ['--allowed-hosts', '127.0.0.1:PORT'] }));

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

  const options = (password: string, user = 'admin', url = server.url) => ({
    cwd: folder,
    env: {
      MIRRORBOARD_LANES: 'local,mlflow',
      MLFLOW_TRACKING_URI: url,
      MLFLOW_EXPERIMENT_NAME: 'doors',
      MLFLOW_TRACKING_USERNAME: user,
      MLFLOW_TRACKING_PASSWORD: password,
    },
  });
  const backfill = (...who: Parameters<typeof options>): Promise<Ended> =>
    mirrorboard(['backfill', corpus('tf2_scalars')], options(...who));
  const call = async (path: string, fields: object): Promise<number> => {
    const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`;
    const headers = { authorization, 'content-type': 'application/json' };
    return (await fetch(`${server.url}/api/2.0/mlflow/${path}`, { method: 'POST', headers, body: JSON.stringify(fields) })).status;
  };

  describe('a real MLflow server', () => {
    it('that rejects our password parks its lane alone, until we use the right one', async () => {
      const wrong = await backfill('not-the-pa55word');
      expect(wrong.code).toBe(1);
      expect(wrong.stderr).toMatch(/302 new points/);
      expect(wrong.stderr).toMatch(/Lane mlflow .*: parked, 0 new points.*\n.*401.*\n.*MLFLOW_TRACKING_PASSWORD/);

      const right = await backfill(ADMIN_PASSWORD);
      expect([right.code, right.stderr]).toEqual([0, expect.stringMatching(/Lane mlflow .*: up to date, 302 new points/)]);
      await mustRun(['verify', '--lane', 'mlflow'], { ...options(ADMIN_PASSWORD) });

      const said = [wrong, right].map(({ stdout, stderr }) => stdout + stderr).join('');
      const written = readdirSync(folder).filter((name) => /^mirrorboard\.(state|db)/.test(name));
      const kept = written.map((name) => readFileSync(join(folder, name), 'latin1')).join('');
      for (const secret of [ADMIN_PASSWORD, 'not-the-pa55word']) expect((said + kept).includes(secret)).toBe(false);
    });

    it('that only allows reading gets an error that names the missing permission', async () => {
      expect(await call('experiments/create', { name: 'doors' })).toBeGreaterThan(0);
      expect(await call('users/create', { username: 'reader', password: 'reader-pa55word-1' })).toBe(200);
      const { code, stderr } = await backfill('reader-pa55word-1', 'reader');
      expect(code).toBe(1);
      expect(stderr).toMatch(/Lane mlflow .*: parked.*\n.*403.*Permission denied.*\n.*EDIT/);
    });

    it('that rejects its own host name gets an error that explains how to set it', async () => {
      const { code, stderr } = await backfill(ADMIN_PASSWORD, 'admin', server.url.replace('127.0.0.1', 'localhost'));
      expect(code).toBe(1);
      expect(stderr).toMatch(/Lane mlflow .*: parked.*\n.*403: Invalid Host header.*\n.*--allowed-hosts/);
    });
  });
}
