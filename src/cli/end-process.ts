/**
 * Ends the process with this exit code, whatever its threads do. `process.exit` waits for all threads, and one that
 * hangs in a call to a file system never ends. So this function replaces the program with one that does nothing, and
 * the kernel ends the threads. If even that fails, it uses SIGKILL (137).
 */
export function endProcess(code: number): never {
  try {
    process.execve?.(process.execPath, [process.execPath, '-e', `process.exit(${code})`], {});
  } catch {
    // not available on this system: the signal is
  }
  process.kill(process.pid, 'SIGKILL');
  // The kernel sends it at once.
  for (;;);
}
