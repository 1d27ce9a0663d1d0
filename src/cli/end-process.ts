/**
 * Ends the process with this exit code, whatever its threads are in. `process.exit` waits for all of them, and one
 * that hangs in a call to a file system never ends; taking the program's place with one that does nothing makes the
 * kernel end them. Where even that fails, SIGKILL does (137).
 */
export function endProcess(code: number): never {
  try {
    process.execve?.(process.execPath, [process.execPath, '-e', `process.exit(${code})`], {});
  } catch {
    // not there on this system: the signal is
  }
  process.kill(process.pid, 'SIGKILL');
  // It comes from the kernel, at once.
  for (;;);
}
