import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import stringWidth from 'string-width';
import { ProgressBlock } from '../../../src/cli/terminal/index.js';
import { progressLine, progressLines } from '../../../src/cli/terminal/progress-lines.js';
import { MirrorError } from '../../../src/errors.js';
import { LaneProgress } from '../../../src/status/index.js';
import type { Progress } from '../../../src/status/progress.js';
import { clockAt } from '../../support/fake-clock.ts';

const GIB = 1024 ** 3;
const CSI = '\x1b\\[';
const TOKENS = new RegExp(`${CSI}[\\d;]*[A-Za-z]|[^]`, 'gu');
const MOVES = new RegExp(`${CSI}[\\d;]*[AGJ]`, 'g');
const UP = new RegExp(`^${CSI}(\\d+)A$`);

type Writable<T> = { -readonly [K in keyof T]: T[K] extends object ? Writable<T[K]> : T[K] };

function progressAt(overrides: Partial<Writable<Progress>> = {}): Writable<Progress> {
  return {
    phase: 'mirroring',
    startedAtMs: 0,
    runs: { total: 4, done: 1 },
    files: { total: 12, done: 3 },
    bytes: { total: 3 * GIB, read: GIB, alreadyThere: GIB },
    points: 0,
    records: 0,
    damaged: 0,
    current: 'logs/seed-1/train',
    ...overrides,
  };
}

/** Rows of a terminal after the sequences the block uses; fails on any other. Lines longer than the terminal wrap. */
function screen(output: string, columns: number): string[] {
  const rows = [''];
  let row = 0;
  let column = 0;
  for (const [token] of output.matchAll(TOKENS)) {
    const up = UP.exec(token);
    if (up !== null) row -= Number(up[1]);
    else if (token === '\x1b[1G') column = 0;
    else if (token === '\x1b[0J') rows.splice(row, rows.length, (rows[row] ?? '').slice(0, column));
    else if (token === '\n') {
      row++;
      column = 0;
      rows[row] ??= '';
    } else if (token.startsWith('\x1b')) throw new Error(`unknown sequence ${JSON.stringify(token)}`);
    else {
      if (column === columns) {
        row++;
        column = 0;
      }
      rows[row] = (rows[row] ?? '').slice(0, column) + token;
      column++;
    }
    expect(row).toBeGreaterThanOrEqual(0);
  }
  return rows;
}

function setUp(options: { isTty: boolean; columns?: number }) {
  const stream = new PassThrough({ encoding: 'utf8' });
  const state = { nowMs: 0, columns: options.columns ?? 80, output: '' };
  stream.on('data', (text: string) => {
    state.output += text;
  });
  const block = new ProgressBlock({ stream, now: () => state.nowMs, isTty: options.isTty, columns: () => state.columns });
  return { block, state, rows: () => screen(state.output, state.columns) };
}

describe('a search for data that is not from event files', () => {
  const looking = progressAt({ phase: 'looking', runs: { total: 20, done: 3 }, found: 7 });
  const speed = { pointsPerSec: undefined, bytesPerSec: undefined, leftMs: undefined };

  test('shows the number of searched runs, and of findings', () => {
    const line = 'Looking for data that never was in event files';
    expect(progressLines(looking, speed, 80)).toEqual([`${line}  3 of 20 runs  7 found`]);
    expect(progressLine(looking, speed)).toBe(`${line}: 3 of 20 runs, 7 found`);
  });

  test('shows that the tracker does not answer', () => {
    const silent = { ...looking, unanswered: { lane: 'old', words: 'does not answer since 20 s' } };
    expect(progressLines(silent, speed, 80)[1]).toBe('old: does not answer since 20 s');
    expect(progressLine(silent, speed)).toMatch(/7 found, old: does not answer/);
  });
});

describe('progress on a terminal', () => {
  test('is redrawn in place and wiped at the end', () => {
    const { block, state, rows } = setUp({ isTty: true });
    const progress = progressAt();
    state.output += 'before\n';
    block.start(progress);
    for (let i = 1; i <= 50; i++) {
      state.nowMs = i * 100;
      progress.points += 190_000;
      progress.bytes.read += 10 * 1024 ** 2;
      block.tick();
    }
    progress.damaged = 2;
    state.nowMs += 100;
    block.tick();
    expect(rows()).toEqual([
      'before',
      'Mirroring   49.6 %  [###########-------------]  1.49 GiB of 3.00 GiB',
      '9,500,000 points  1.9 M points/s  98.0 MiB/s  16 s left  2 damaged',
      '3 of 12 files  1 of 4 runs',
      'now logs/seed-1/train',
    ]);
    block.stop();
    block.stop();
    expect(rows()).toEqual(['before', '']);
  });

  test('is drawn at most ten times a second, no matter how often a caller requests it', () => {
    const { block, state } = setUp({ isTty: true });
    block.start(progressAt());
    for (let nowMs = 0; nowMs <= 1000; nowMs += 5) {
      state.nowMs = nowMs;
      block.tick();
    }
    expect(state.output.split('Mirroring').length - 1).toBeLessThanOrEqual(11);
    expect(state.output.split('Mirroring').length - 1).toBeGreaterThanOrEqual(9);
    block.stop();
  });

  test('is never wider than the terminal, and stays correct in a narrower window', () => {
    const { block, state } = setUp({ isTty: true, columns: 100 });
    const progress = progressAt({ current: 'logs/実験/一二三四五六七八九十一二三四五六七八九十/\x1b[31mtrain' });
    block.start(progress);
    for (const [i, columns] of [100, 60, 30, 20, 8, 1].entries()) {
      state.columns = columns;
      state.nowMs = 1000 * (i + 1);
      state.output = '';
      block.tick();
      const drawn = state.output.replaceAll(MOVES, '').split('\n');
      expect(Math.max(...drawn.map((line) => stringWidth(line)))).toBeLessThanOrEqual(Math.max(1, columns - 1));
      expect(state.output).not.toContain('\x1b[31m');
    }
    block.stop();
  });

  test('moves up by the rows that old lines take in the narrower window', () => {
    const { block, state } = setUp({ isTty: true, columns: 80 });
    block.start(progressAt({ current: '' }));
    state.nowMs = 1000;
    block.tick(); // 67, 8 and 26 columns wide
    state.output = '';
    state.columns = 40;
    block.stop();
    expect(state.output).toBe('\x1b[3A\x1b[1G\x1b[0J');
  });

  test('keeps other output apart from the block', () => {
    const { block, state, rows } = setUp({ isTty: true });
    block.start(progressAt({ phase: 'scanning' }));
    state.nowMs = 100;
    block.tick();
    block.print('one more signal stops now');
    expect(rows()).toEqual(['one more signal stops now', 'Scanning  12 files found  3.00 GiB']);
    block.stop();
    block.print('after');
    expect(rows()).toEqual(['one more signal stops now', 'after', '']);
  });

  test('continues when the clock is set back', () => {
    const { block, state, rows } = setUp({ isTty: true });
    const progress = progressAt();
    state.nowMs = 1_000_000;
    block.start(progress);
    for (state.nowMs = 0; state.nowMs <= 2000; state.nowMs += 100) {
      progress.points += 100;
      block.tick();
    }
    expect(rows()[1]).toBe('2,100 points  1.0 k points/s  0 B/s');
    block.stop();
  });

  test('draws nothing for a short pass', () => {
    const { block, state } = setUp({ isTty: true });
    block.start(progressAt());
    block.stop();
    expect(state.output).toBe('');
  });

  test('shows 100 % only when everything is read, and no time left without progress', () => {
    const { block, state, rows } = setUp({ isTty: true });
    block.start(progressAt({ bytes: { total: 3 * GIB, read: 3 * GIB - 1, alreadyThere: 0 } }));
    for (state.nowMs = 0; state.nowMs < 60_000; state.nowMs += 1000) block.tick();
    expect(rows()[0]).toContain(' 99.9 %');
    expect(rows()[1]).toBe('0 points  0 points/s  0 B/s');
    block.stop();
  });

  test('draws by its own timer', async () => {
    const stream = new PassThrough({ encoding: 'utf8' });
    let output = '';
    const drawn = new Promise<void>((resolve) => {
      stream.on('data', (text: string) => {
        output += text;
        resolve();
      });
    });
    const block = new ProgressBlock({ stream, now: () => performance.now(), isTty: true, columns: () => undefined });
    block.start(progressAt());
    await drawn;
    block.stop();
    expect(output).toContain('Mirroring');
  });
});

describe('progress with trackers', () => {
  const RUN = { root: 'logs', path: 'a' };
  const ERROR = new MirrorError('MB4001', 'nobody answers');
  const MIB = 1024 ** 2;

  function lanes() {
    const at = { ms: 1000 };
    const lane = new LaneProgress({ name: 'mlflow', type: 'mlflow', where: 'http://mlflow', clock: clockAt(() => at.ms) });
    lane.fileGrew(RUN, 'e', 10 * MIB);
    lane.wasGiven(100_000, 10 * MIB);
    const take = (to: number, points: number): void => {
      const from = 10 * MIB - lane.lagBytes;
      const batch = { run: RUN, file: 'e', start: from, end: to, records: 1 };
      const state = { name: 'e', generation: 0, position: { watermark: to, gaps: [] }, damage: [] };
      lane.parcelAccepted({ batch, state } as unknown as Parameters<LaneProgress['parcelAccepted']>[0], points);
    };
    const progress = progressAt({
      bytes: { total: 10 * MIB, read: 10 * MIB, alreadyThere: 0 },
      points: 100_000,
      current: '',
      hasStore: true,
    });
    const shown = (): string[] =>
      progressLines({ ...progress, lanes: [lane] }, { pointsPerSec: 0, bytesPerSec: 0, leftMs: undefined }, 120);
    const line = (): string => progressLine({ ...progress, lanes: [lane] }, { pointsPerSec: 0, bytesPerSec: 0, leftMs: undefined });
    return { at, lane, take, shown, line };
  }

  test('is that of the slowest lane, and shows position, rate and time left of each', () => {
    const { at, take, shown, line } = lanes();
    at.ms = 11_000;
    take(2 * MIB, 20_000);
    expect(shown()).toEqual([
      'Mirroring   20.0 %  [####--------------------]',
      'local:  up to date  100,000 points',
      'mlflow:  20.0 %  2.00 MiB of 10.0 MiB  20,000 points  2.0 k points/s  40 s left',
      '3 of 12 files  1 of 4 runs',
    ]);
    expect(line()).toBe(
      'Mirroring: 20.0 %; local: up to date, 100,000 points; mlflow: 20.0 %, 2.00 MiB of 10.0 MiB, 20,000 points, 2.0 k points/s, 40 s left; 3 of 12 files',
    );
  });

  test('shows why a lane is blocked, its position, and its lag', () => {
    const { at, lane, take, shown } = lanes();
    at.ms = 11_000;
    take(5 * MIB, 50_000);
    lane.stalled(ERROR, 1000, 'parked');
    at.ms = 61_000;
    expect(shown()[2]).toBe('mlflow:  50.0 %  50,000 points  parked: nobody answers  5.00 MiB behind for 1 min, about 50,000 points');
    lane.resumed();
    lane.fellSilent(41_000);
    expect(shown()[2]).toMatch(/^mlflow: {2}50\.0 % {2}50,000 points {2}waiting for an answer for 20 s /);
  });

  test('shows pending data of a paused lane, and does not call it late', () => {
    const { at, lane, take, shown } = lanes();
    take(5 * MIB, 50_000);
    lane.pause([{ root: undefined, sinceMs: 1 }]);
    at.ms = 61_000;
    expect(shown()[2]).toBe('mlflow:  50.0 %  50,000 points  paused  5.00 MiB pending, about 50,000 points');
    expect([lane.lagMs, lane.lagBytes, lane.quietMs, lane.code]).toEqual([0, 5 * MIB, 0, undefined]);
    lane.pause([]);
    expect(lane.state).toBe('active');
    expect(lane.lagMs).toBeGreaterThan(0);
  });

  test('is not complete while params or artifacts are pending', () => {
    const { lane, take, shown } = lanes();
    take(10 * MIB, 100_000);
    lane.work = 'files';
    expect(shown().slice(0, 3)).toEqual([
      'Finishing  100.0 %  [########################]',
      'local:  up to date  100,000 points',
      'mlflow:  up to date  100,000 points  sending artifacts',
    ]);
  });

  test('names trackers that do not answer', () => {
    const progress = progressAt({
      phase: 'comparing',
      current: '',
      unanswered: { lane: 'mlflow', words: 'waiting for an answer for 17 s' },
    });
    const speed = { pointsPerSec: undefined, bytesPerSec: undefined, leftMs: undefined };
    expect(progressLines(progress, speed, 80)).toContain('mlflow: waiting for an answer for 17 s');
    expect(progressLine(progress, speed)).toMatch(/mlflow: waiting for an answer for 17 s/);
  });
});

describe('progress without a terminal', () => {
  test('is one plain line every ten seconds', () => {
    const { block, state } = setUp({ isTty: false });
    const progress = progressAt();
    block.start(progress);
    for (state.nowMs = 0; state.nowMs <= 25_000; state.nowMs += 500) {
      progress.points += 1000;
      progress.bytes.read += 1024 ** 2;
      block.tick();
    }
    block.stop();
    expect(state.output.split('\n')).toEqual([
      expect.stringMatching(
        /^Mirroring: 34\.0 %, 1\.02 GiB of 3\.00 GiB, 21,000 points, 2\.0 k points\/s, 2\.00 MiB\/s, \d+ min( \d+ s)? left, 3 of 12 files, now logs\/seed-1\/train$/,
      ),
      expect.stringMatching(/^Mirroring: /),
      '',
    ]);
  });

  test('is silent for shorter passes', () => {
    const { block, state } = setUp({ isTty: false });
    block.start(progressAt());
    for (state.nowMs = 0; state.nowMs < 9_900; state.nowMs += 100) block.tick();
    block.stop();
    expect(state.output).toBe('');
  });
});
