/** Ends a child process if this one ends without being able to. */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/**
 * Reads the number of the process, then waits. The word `done` means that the process has ended. If the input ends
 * without it, the writer is gone, even by SIGKILL.
 */
const SCRIPT = `read -r pid || exit 0
while read -r word; do [ "$word" != done ] || exit 0; done
kill -TERM "$pid"`;

/** Guards one child process. */
export interface Guard {
  /** Begins to guard a process. */
  watch(pid: number): void;
  /** Ends the guard: the process has ended. */
  done(): void;
}

/**
 * Starts a guard before the process to guard. It is a shell in a session of its own: what ends this process must not
 * end the guard first.
 */
export function startGuard(): Guard {
  const guard = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  // Without a guard, only a killed mirrorboard leaves its child behind.
  const ignore = (): void => undefined;
  guard.on('error', ignore);
  // Without descriptors for it, there is no pipe either.
  const input: Writable | null | undefined = guard.stdin;
  input?.on('error', ignore);
  guard.unref();
  return {
    watch: (pid) => void input?.write(`${pid}\n`),
    done: () => void input?.end('done\n'),
  };
}
