import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { asDueMs, asWallMs, steadyMs, systemClock, timeoutSignal } from '../../src/clock.ts';
import { FakeClock } from '../support/fake-clock.ts';

const sources = fileURLToPath(new URL('../../../src', import.meta.url));

/**
 * Files that read the system's wall clock rather than the clock they are given, how often, and what for. Intervals and
 * deadlines have no place here: they use the steady clock.
 */
const WALL: Readonly<Record<string, readonly [times: number, reason: string]>> = {
  'clock.ts': [1, 'the clock that the rooms get'],
  'verify/verify-lanes.ts': [1, 'stamps in the state'],
  'verify/state-repairer.ts': [1, 'a retry that is due at once, in the state'],
  'discover/walk.ts': [1, "compared with a directory's time, on file systems with our own clock"],
  'discover/discovery.ts': [1, "compared with a directory's time"],
  'reading/reader.ts': [2, "compared with a file's time"],
  'reading/patient-reader.ts': [2, 'since when something does not answer, for people'],
  'cli/doctor.ts': [1, 'the name of a trial run'],
  'cli/tidy-targets.ts': [1, 'stamps in the state'],
  'cli/status.ts': [1, 'what is shown, and how old what is kept is'],
  'cli/lane.ts': [1, 'since when a lane is paused'],
  'cli/run-list.ts': [1, 'since when a lane is paused'],
  'cli/state.ts': [1, 'how old what is kept is'],
  'cli/verify.ts': [2, 'the date of a sample, and when a comparison ended'],
  'shards/shard-files.ts': [1, 'stamps in the state'],
  'state/lock.ts': [1, 'a stamp for people'],
  'testing/stub-server.ts': [1, 'Retry-After may be a date'],
  'backends/clearml/trial.ts': [2, 'stamps in the tracker'],
  'backends/clearml/params-and-files.ts': [1, 'a stamp in the tracker'],
  'backends/mlflow/probe.ts': [1, "the server's clock compared with ours"],
  'backends/mlflow/trial.ts': [3, 'stamps in the tracker'],
  'backends/wandb/file-transfer.ts': [1, 'a stamp in the tracker'],
};

/**
 * Files with timers of the system rather than of the clock they are given, how many, and why. docs/architecture.md
 * lists the same.
 */
const TIMERS: Readonly<Record<string, readonly [times: number, reason: string]>> = {
  'clock.ts': [3, 'the clock that the rooms get'],
  'artifacts/text-parser.ts': [1, 'ends a thread that takes too long'],
  'calls/in-time.ts': [1, 'leaves a call of the system that hangs'],
  'calls/abandoned-calls.ts': [2, 'leaves a thread that hangs'],
  'cli/file-look.ts': [1, 'checks the configuration file'],
  'cli/interrupt.ts': [1, 'ends the process'],
  'cli/lane-backend.ts': [2, 'ends a command that a tracker holds up'],
  'cli/service-manager.ts': [1, 'tells systemd'],
  'cli/status.ts': [1, 'draws again'],
  'cli/terminal/progress-block.ts': [1, 'draws again'],
  'cli/terminal/watch-block.ts': [1, 'draws again'],
  'cli/trial-run.ts': [2, 'ends a command that a tracker holds up'],
  'discover/thread.ts': [1, 'leaves a thread that hangs'],
  'discover/discovery.ts': [3, 'a thread of its own'],
  'overview/oldest-point.ts': [1, 'leaves files that take too long'],
  'reading/patient-reader.ts': [2, 'leaves a thread that hangs'],
  'reading/reader-thread.ts': [1, 'leaves a thread that hangs'],
  'testing/bench.ts': [2, 'tests with real servers'],
  'testing/small-delivery.ts': [1, 'tests with real servers'],
};

/** Files that draw from the system's chance rather than from the source they are given, and why. */
const CHANCE: Readonly<Record<string, readonly [times: number, reason: string]>> = {
  'random.ts': [3, 'the source that the rooms get'],
  'cli/trial-run.ts': [1, 'the name of a trial run'],
  'discover/discovery.ts': [1, 'a thread of its own'],
  'own-files/new-file.ts': [1, 'a name that nobody can guess'],
};

/** How often a pattern is in each file, outside comments. */
function countedIn(pattern: RegExp): Record<string, number> {
  const found: Record<string, number> = {};
  for (const file of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
    // Code for browsers has only the clock of its tab.
    if (!file.endsWith('.ts') || file.endsWith('.d.ts') || file.startsWith('page/browser/')) continue;
    const lines = readFileSync(`${sources}/${file}`, 'utf8').split('\n');
    const code = lines.filter((line) => !/^\s*(\/\*|\*|\/\/)/.test(line)).join('\n');
    const times = code.match(pattern)?.length ?? 0;
    if (times > 0) found[file] = times;
  }
  return found;
}

function timesOf(list: Readonly<Record<string, readonly [times: number, reason: string]>>): Record<string, number> {
  return Object.fromEntries(Object.entries(list).map(([file, [times]]) => [file, times]));
}

describe('the wall clock', () => {
  it('is read only for a time that is shown, stored, or compared with a time of another program', () => {
    expect(countedIn(/\bDate\.now\b|new Date\(\)|performance\.timeOrigin(?! \+)/g)).toEqual(timesOf(WALL));
  });

  it('converts times without a loss', () => {
    expect(Math.abs(asWallMs(steadyMs() - 5000) - (Date.now() - 5000))).toBeLessThan(1000);
    expect(asDueMs(Date.now() + 100_000, 60_000) - steadyMs()).toBeLessThanOrEqual(60_000);
    expect(asDueMs(Date.now() - 7_200_000, 60_000) - steadyMs()).toBeLessThanOrEqual(0);
  });
});

describe('timers', () => {
  // Those of `node:timers/promises` have the same names.
  const pattern = /\bsetTimeout\b|\bsetInterval\b|\bAbortSignal\.timeout\b/g;

  it('use the clock that a room gets', () => {
    expect(countedIn(pattern)).toEqual(timesOf(TIMERS));
  });

  it('of the system that remain are listed in docs/architecture.md', () => {
    const text = readFileSync(`${sources}/../docs/architecture.md`, 'utf8');
    const rooms = new Set(Object.keys(TIMERS).map((file) => file.replace(/\/.*|\.ts$/, '')));
    const paragraph = /\*\*Time and chance\.\*\*.*/.exec(text)?.[0] ?? '';
    expect([...rooms].filter((room) => room !== 'clock' && !paragraph.includes(`\`${room}\``))).toEqual([]);
  });

  it('of the system run on time, and can be stopped', async () => {
    const fired: string[] = [];
    const stop = systemClock.after(0, () => fired.push('stopped'));
    stop();
    await new Promise<void>((resolve) => {
      const stopEvery = systemClock.every(1, () => {
        if (fired.push('every') < 2) return;
        stopEvery();
        resolve();
      });
    });
    expect(fired).toEqual(['every', 'every']);
    await systemClock.sleep(60_000, AbortSignal.abort());
    const { signal } = new AbortController();
    await systemClock.sleep(0, signal);
    expect(signal.aborted).toBe(false);
  });

  it('abort a signal as AbortSignal.timeout does', async () => {
    const clock = new FakeClock();
    const signal = timeoutSignal(1000, clock);
    await clock.pass(999);
    expect(signal.aborted).toBe(false);
    await clock.pass(1);
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });
});

describe('randomness', () => {
  it('comes from the source that a room gets', () => {
    expect(countedIn(/\bMath\.random\b|\brandom(?:UUID|Bytes|Int)\(/g)).toEqual(timesOf(CHANCE));
  });
});
