// Runs the compiled command line as a process of its own, with an environment of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The checkout the tests belong to. */
export const repository = fileURLToPath(new URL('../../../', import.meta.url));
export const MAIN = fileURLToPath(new URL('../../app/main.js', import.meta.url));

/** A log directory of the corpus. */
export function corpus(name: string): string {
  return join(repository, 'test/logs', name);
}

/** How a process ended, and what it said. */
export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once standard error matches, rejects if the process ends before that. */
  said(pattern: RegExp): Promise<void>;
}

export interface RunOptions {
  readonly cwd: string;
  /** Added to an environment of PATH and LANG only. */
  readonly env?: Readonly<Record<string, string>>;
  /** Longest time it may take before it is killed; by default longer than any test waits. */
  readonly timeoutMs?: number;
  /** The user it runs as; only root can say so. */
  readonly uid?: number;
  /** Arguments of node itself. */
  readonly node?: readonly string[];
}

/** Starts `mirrorboard ARGS`. */
export function start(args: readonly string[], options: RunOptions): Running {
  return startNode([MAIN, ...args], options);
}

/** Starts node with other arguments. */
export function startNode(args: readonly string[], { node = [], ...options }: RunOptions): Running {
  return startProgram(process.execPath, ['--disable-warning=ExperimentalWarning', ...node, ...args], options);
}

/** Starts another program. */
export function startProgram(
  program: string,
  args: readonly string[],
  { cwd, env = {}, timeoutMs = 280_000, uid }: Omit<RunOptions, 'node'>,
): Running {
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  alive.add(child);
  child.once('close', () => alive.delete(child));
  let stdout = '';
  let stderr = '';
  const waiting: { pattern: RegExp; resolve: () => void; reject: (error: Error) => void }[] = [];
  const look = (): void => {
    for (const [i, { pattern, resolve }] of [...waiting.entries()].reverse()) {
      if (!pattern.test(stderr)) continue;
      waiting.splice(i, 1);
      resolve();
    }
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    look();
  });
  let isClosed = false;
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      isClosed = true;
      for (const { reject: fail, pattern } of waiting) fail(new Error(`ended without saying ${pattern}: ${stderr}`));
      resolve({ code, signal, stdout, stderr });
    });
  });
  return {
    child,
    ended,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        waiting.push({ pattern, resolve, reject });
        look();
        if (isClosed) reject(new Error(`ended without saying ${pattern}: ${stderr}`));
      }),
  };
}

/** What the system says of a process: `T` is one that was stopped; undefined where it has ended. */
export function stateOf(pid: number | undefined): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0];
  } catch {
    return undefined;
  }
}

const alive = new Set<ChildProcess>();

/** Ends what a failed test left running. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...alive].map(async (child) => {
      child.kill('SIGKILL');
      await once(child, 'close');
    }),
  );
}

/** Runs `mirrorboard ARGS` to its end. */
export function mirrorboard(args: readonly string[], options: RunOptions): Promise<Ended> {
  return start(args, options).ended;
}

/** The same; anything but the exit code `code` is an error with all that was said. */
export async function mustRun(args: readonly string[], options: RunOptions, code = 0): Promise<Ended> {
  const ended = await mirrorboard(args, options);
  if (ended.code === code) return ended;
  throw new Error(
    `mirrorboard ${args.join(' ')}: wanted exit code ${code}, got ${ended.code ?? ended.signal}\n${ended.stderr}${ended.stdout.slice(0, 2000)}`,
  );
}

/** A fresh directory, by its real path; the caller removes it. */
export function freshDirectory(): string {
  return temporaryFolder();
}

export function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
