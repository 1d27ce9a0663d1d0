import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { asDueMs, asWallMs, steadyMs } from '../../src/clock.ts';

const sources = fileURLToPath(new URL('../../../src', import.meta.url));

/** Where the wall clock is asked, how often, and what for. Intervals and deadlines have no place here: they go by `steadyMs`. */
const WALL: Readonly<Record<string, readonly [times: number, reason: string]>> = {
  'clock.ts': [2, 'what is shown, and what was kept, is brought to the wall clock here'],
  'http/http-client.ts': [1, 'Retry-After may be a date'],
  'sync/lane-files.ts': [1, 'stamps in the state'],
  'verify/verify-lanes.ts': [1, 'stamps in the state'],
  'verify/lane-mender.ts': [3, 'a retry that is due at once, in the state'],
  'sync/watch.ts': [1, 'when a run grew, in the state'],
  'sync/tracker-sync.ts': [2, "a tracker run's end where its events have no time"],
  'sync/run-opener.ts': [2, 'the age of events and files, which have wall times; a backfill looks once'],
  'sync/artifact-sync.ts': [
    3,
    'the age of a file, which has a wall time; one that lies ahead is looked at twice. When it was refused, in the state',
  ],
  'discover/walk.ts': [1, "compared with a directory's time, on file systems with our own clock"],
  'discover/worker.ts': [1, "compared with a directory's time"],
  'reading/reader.ts': [2, "compared with a file's time"],
  'reading/patient-reader.ts': [2, 'since when something does not answer, for people'],
  'cli/doctor.ts': [1, 'the name of a trial run'],
  'cli/tidy-places.ts': [1, 'stamps in the state'],
  'cli/status.ts': [1, 'what is shown, and how old what is kept is'],
  'cli/state.ts': [1, 'how old what is kept is'],
  'cli/verify.ts': [1, 'the date of a sample'],
  'state/lock.ts': [1, 'a stamp for people'],
  'testing/stub-server.ts': [1, 'Retry-After may be a date'],
  'backends/aim/index.ts': [1, "a run's end where its events have no time"],
  'backends/clearml/client.ts': [1, 'a token ends by the wall clock'],
  'backends/clearml/online.ts': [2, "the server's clock compared with ours"],
  'backends/clearml/trial.ts': [2, 'stamps in the tracker'],
  'backends/clearml/params-and-files.ts': [1, 'a stamp in the tracker'],
  'backends/mlflow/probe.ts': [1, "the server's clock compared with ours"],
  'backends/mlflow/runs.ts': [1, 'stamps in the tracker'],
  'backends/mlflow/trial.ts': [3, 'stamps in the tracker'],
  'backends/wandb/client.ts': [1, 'a stamp in the tracker'],
  'backends/wandb/heartbeat.ts': [1, 'the age of events, which have wall times'],
  'backends/wandb/online.ts': [2, 'whichever clock says first that a sign of life is due'],
  'backends/wandb/offline.ts': [1, 'the names of folders have a time'],
};

describe('the wall clock', () => {
  it('is asked only where a moment is shown, kept, or compared with one of somebody else', () => {
    const found: Record<string, number> = {};
    for (const file of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || file.endsWith('.d.ts')) continue;
      const times =
        readFileSync(`${sources}/${file}`, 'utf8').match(/\bDate\.now\b|new Date\(\)|performance\.timeOrigin(?! \+)/g)?.length ?? 0;
      if (times > 0) found[file] = times;
    }
    expect(found).toEqual(Object.fromEntries(Object.entries(WALL).map(([file, [times]]) => [file, times])));
  });

  it('brings moments there and back', () => {
    expect(Math.abs(asWallMs(steadyMs() - 5000) - (Date.now() - 5000))).toBeLessThan(1000);
    expect(asDueMs(Date.now() + 100_000, 60_000) - steadyMs()).toBeLessThanOrEqual(60_000);
    expect(asDueMs(Date.now() - 7_200_000, 60_000) - steadyMs()).toBeLessThanOrEqual(0);
  });
});
