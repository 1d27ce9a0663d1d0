// Wall time and peak memory of a whole process.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** What a finished process took. */
export interface Measured {
  readonly seconds: number;
  /** Peak resident memory of the process or of its largest child, whichever is more. */
  readonly peakBytes: number;
  /** User and system time together. */
  readonly cpuSeconds: number;
  readonly exitCode: number;
  /** The last 64 kB of each. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of `measure`. */
export interface MeasureOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** False throws the standard output away unread. Default true. */
  readonly keepOutput?: boolean;
  /** Default 15 minutes. */
  readonly timeoutMs?: number;
}

// Node cannot ask the kernel for the peak memory of one child, and a child started by Node directly would begin with
// Node's own peak. Python's wait4 can, and its own few megabytes lie below anything measured here.
const WAIT4 = `
import json, os, sys, time
os.set_inheritable(3, False)
began = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
seconds = time.monotonic() - began
peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
os.write(3, json.dumps([seconds, peak, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status)]).encode())
`;

const KEPT = 64 << 10;
const running = new Set<number>();

/** Kills whatever is still being measured; for the end of the bench. */
export function killMeasured(): void {
  for (const pid of running) killGroup(pid);
}

/**
 * Starts a process in a group of its own, so that it can be ended together with what it started; `killMeasured` does.
 */
export function spawnGroup(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, { ...options, detached: true });
  const { pid } = child;
  if (pid !== undefined) {
    running.add(pid);
    child.once('close', () => running.delete(pid));
  }
  return child;
}

/** Starts a process through Python and waits for its end. Needs `python3`. */
export async function measure(
  command: string,
  args: readonly string[],
  { cwd, env = process.env, keepOutput = true, timeoutMs = 900_000 }: MeasureOptions = {},
): Promise<Measured> {
  const child = spawnGroup('python3', ['-c', WAIT4, command, ...args], {
    cwd,
    env,
    stdio: ['ignore', keepOutput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  const [stdout, stderr, report] = [1, 2, 3].map((fd) => collectTail(child.stdio[fd]));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    if (pid !== undefined) killGroup(pid);
  }, timeoutMs);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', (cause) => reject(new Error('python3 is needed to measure a process and could not be started', { cause })));
      child.once('close', () => resolve());
    });
  } finally {
    clearTimeout(timer);
  }
  const name = [command, ...args].join(' ');
  if (isLate) throw new Error(`${name}: still running after ${timeoutMs / 1000} s`);
  const answer = report?.() ?? '';
  if (answer === '') throw new Error(`${name}: could not be started: ${lastLine(stderr?.() ?? '')}`);
  const [seconds, peakBytes, cpuSeconds, exitCode] = JSON.parse(answer) as [number, number, number, number];
  return { seconds, peakBytes, cpuSeconds, exitCode, stdout: stdout?.() ?? '', stderr: stderr?.() ?? '' };
}

/** The last line that is not empty. */
export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

/** Reads a stream to its end; what it returns tells the last 64 kB. */
export function collectTail(stream: unknown): () => string {
  let kept = '';
  if (isReadable(stream)) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      kept = (kept + chunk).slice(-KEPT);
    });
  }
  return () => kept;
}

function isReadable(stream: unknown): stream is NodeJS.ReadableStream {
  return typeof stream === 'object' && stream !== null && 'setEncoding' in stream;
}

/** Ends a group at once, if it is still there. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}
