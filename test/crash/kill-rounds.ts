// Kills watches that mirror into a tracker while the logs grow, and hits the tracker's server in between.
import { setTimeout as sleep } from 'node:timers/promises';
import { mirrorboard, type Running } from '../e2e/command.ts';

export interface KillRounds {
  readonly kills: number;
  /** Milliseconds a watch lives, at most. */
  readonly lifeMs: number;
  readonly random: () => number;
  /** Who lets the logs grow. */
  readonly growing: Running;
  watch(): Running;
  /** What may happen to the tracker's server; chosen at random. */
  hit(random: () => number): Promise<void>;
  say(line: string): void;
  /** What is told of each kill, besides its time. */
  look?(): Promise<string>;
}

/** Kills watch after watch, then waits until the logs are whole. */
export async function killRounds({ kills, lifeMs, random, growing, watch, hit, say, look }: KillRounds): Promise<void> {
  for (let i = 1; i <= kills; i++) {
    const { child, ended } = watch();
    const delayMs = 500 + random() * lifeMs;
    await sleep(delayMs / 2);
    await hit(random);
    await sleep(delayMs / 2);
    child.kill('SIGKILL');
    const { signal, code, stderr } = await ended;
    if (signal !== 'SIGKILL') throw new Error(`a watch ended by itself with ${code}: ${stderr}`);
    say(`kill ${i} after ${delayMs.toFixed(0)} ms${look === undefined ? '' : `: ${await look()}`}`);
  }
  const written = await growing.ended;
  if (written.code !== 0) throw new Error(`the writer ended with ${written.code ?? written.signal}: ${written.stderr}`);
}

/** Mirrors what is left. The writer leaves damage behind, which mirrorboard reports; what can be read must be there. */
export async function mirrorTheRest(logs: string, options: Parameters<typeof mirrorboard>[1]): Promise<void> {
  const last = await mirrorboard(['backfill', logs], options);
  if (last.code !== 0 && last.code !== 1) throw new Error(`the last backfill ended with ${last.code ?? last.signal}: ${last.stderr}`);
}

/** Throws unless two lists have the same entries, each as often. */
export function expectSameEntries(wanted: readonly string[], found: readonly string[]): void {
  const left = new Map<string, number>();
  for (const each of wanted) left.set(each, (left.get(each) ?? 0) + 1);
  for (const each of found) left.set(each, (left.get(each) ?? 0) - 1);
  const missing = [...left].filter(([, count]) => count > 0);
  const extra = [...left].filter(([, count]) => count < 0);
  if (missing.length + extra.length === 0) return;
  const examples = [...missing.slice(0, 3), ...extra.slice(0, 3)].map(([each, count]) => `${each} ${-count}`);
  throw new Error(`${missing.length} points are missing, ${extra.length} are there too often (${examples.join('; ')})`);
}
