// The command: runs histories, and says what became of them.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Arguments } from './arguments.ts';
import { has, KNOWN_FAULTS } from './faults/index.ts';
import { FOUND } from './found.ts';
import { type Outcome, runHistory } from './history.ts';
import { planOf } from './plan.ts';
import { cpuMs, realMs } from './platform.ts';
import { shrink } from './shrink.ts';

/** Databases flush every commit, which takes no time in memory. */
const MEMORY = '/dev/shm';
const MOST_LINES = 400;

/** What some histories came to. */
export interface Report {
  readonly histories: number;
  /** Points that writers wrote; those that trackers hold; lives of the service; hours of its time. */
  readonly points: number;
  readonly stored: number;
  readonly lives: number;
  readonly hours: number;
  /** What went wrong on purpose, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  readonly failed: readonly { readonly seed: string; readonly bug: string }[];
  readonly cpuSeconds: number;
}

/** Does what was asked. Returns the exit code. */
export async function simulate(asked: Arguments): Promise<number> {
  if (asked.faults) return await findFaults(asked);
  const folder = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'mirrorboard-simulate-'));
  try {
    if (asked.found) return await runFound(folder);
    if (asked.seed !== undefined) return await tell(asked.seed, folder, asked);
    const report = await runMany(asked, folder);
    say(asked.json ? JSON.stringify(report) : wordsOf(report));
    if (report.failed.length > 0 && !asked.json && !asked.goesOn)
      await tell(report.failed[0]!.seed, folder, { shrinks: true, json: false });
    return report.failed.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs one history and tells it in plain words. */
async function tell(seed: string, folder: string, { shrinks, json }: Pick<Arguments, 'shrinks' | 'json'>): Promise<number> {
  const run = (plan = planOf(seed)): Promise<Outcome> => runHistory(plan, folder);
  let outcome = await run();
  if (shrinks && outcome.bugs.length > 0) {
    outcome = await shrink(outcome.plan, run);
    if (!json) say(`seed ${seed}, without what it fails without: ${JSON.stringify(outcome.plan.faults)}`);
  }
  const { plan, bugs, lines, digest } = outcome;
  if (json) say(JSON.stringify({ plan, bugs, digest }));
  else {
    for (const line of lines.slice(-MOST_LINES)) say(line);
    say(`${bugs.length === 0 ? 'nothing is wrong' : `${bugs.length} things are wrong`}; digest ${digest}`);
  }
  return bugs.length === 0 ? 0 : 1;
}

/** Runs the histories that once failed. */
async function runFound(folder: string): Promise<number> {
  let failed = 0;
  for (const { words, plan } of FOUND) {
    const { bugs } = await runHistory(plan, folder);
    if (bugs.length > 0) failed++;
    say(`${bugs.length === 0 ? 'passes' : 'fails '}  ${words}${bugs.length === 0 ? '' : `: ${bugs[0]}`}`);
  }
  return failed === 0 ? 0 : 1;
}

async function runMany({ from, seeds, minutes, goesOn, json, fault }: Arguments, folder: string): Promise<Report> {
  const needs = KNOWN_FAULTS.find(({ name }) => name === fault)?.needs ?? {};
  const untilMs = realMs() + minutes * 60_000;
  const startedMs = cpuMs();
  const faults: Record<string, number> = {};
  const failed: { seed: string; bug: string }[] = [];
  let [histories, points, stored, lives, virtualMs] = [0, 0, 0, 0, 0];
  for (let seed = from; histories < seeds && realMs() < untilMs; seed++) {
    const plan = planOf(String(seed));
    histories++;
    if (!has(plan, needs)) continue;
    const outcome = await runHistory(plan, folder);
    points += outcome.points;
    stored += outcome.stored;
    lives += outcome.lives;
    virtualMs += outcome.virtualMs;
    for (const { kind } of outcome.plan.faults) faults[kind] = (faults[kind] ?? 0) + 1;
    if (outcome.bugs.length === 0) continue;
    failed.push({ seed: String(seed), bug: outcome.bugs[0]! });
    if (!json) say(`seed ${seed}: ${outcome.bugs[0]}`);
    if (!goesOn) break;
  }
  const cpuSeconds = (cpuMs() - startedMs) / 1000;
  return { histories, points, stored, lives, hours: Math.round(virtualMs / 3_600_000), faults, failed, cpuSeconds };
}

function wordsOf({ histories, points, stored, lives, hours, faults, failed, cpuSeconds }: Report): string {
  const kinds = Object.entries(faults).sort(([, a], [, b]) => b - a);
  return [
    `${histories} histories: ${points} points written, ${stored} held by trackers, ${lives} lives, ${hours} hours; ${failed.length} failed`,
    `${((histories / cpuSeconds) * 60).toFixed(0)} a minute of processor time`,
    `faults: ${kinds.map(([kind, times]) => `${kind} ${times}`).join(', ')}`,
  ].join('\n');
}

/** Puts back every known fault, each in a process of its own, until the simulator finds it. */
async function findFaults({ seeds, from }: Arguments): Promise<number> {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  let missed = 0;
  for (const { name, words } of KNOWN_FAULTS) {
    // Some take so rare a coincidence that only the history that once showed it finds them soon.
    if (FOUND.some(({ fault }) => fault === name)) {
      say(`${'found by its history'.padEnd(22)} ${name.padEnd(36)} ${words}`);
      continue;
    }
    const args = [
      '--disable-warning=ExperimentalWarning',
      main,
      '--fault',
      name,
      '--from',
      String(from),
      '--seeds',
      String(seeds),
      '--json',
    ];
    // The process ends with 1 when it has found something.
    const { stdout } = await promisify(execFile)(process.execPath, args).catch(
      (error: { readonly stdout?: string; readonly message: string }) => {
        if (error.stdout !== undefined && error.stdout !== '') return { stdout: error.stdout };
        throw new Error(error.message);
      },
    );
    const { histories, failed } = JSON.parse(stdout) as Report;
    if (failed.length === 0) missed++;
    const found = failed.length === 0 ? `not found in ${histories}` : `found after ${histories}`;
    say(`${found.padEnd(22)} ${name.padEnd(36)} ${words}\n${''.padEnd(22)} ${failed[0]?.bug.slice(0, 150) ?? ''}`);
  }
  say(`${KNOWN_FAULTS.length - missed} of ${KNOWN_FAULTS.length} found`);
  return missed === 0 ? 0 : 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
