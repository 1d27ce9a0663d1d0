#!/usr/bin/env node
/** The entry point of the command line. It loads everything else on demand. */
// A command that mirrors always ends cleanly on a signal: before it has its own handlers, it has nothing to store.
// The kernel ends all other commands, even if a call hangs. The exception is the first process of a container: by
// default, no signal ends it.
const mirroring = ['watch', 'backfill'].find((command) => process.argv.slice(2).includes(command));
if (process.pid === 1 || mirroring !== undefined) {
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    process.on(signal, async () => {
      if (process.listenerCount(signal) > 1) return;
      // A dry run may have threads that hang.
      const { endProcess } = await import('./cli/end-process.ts');
      endProcess(mirroring === undefined ? code : mirroring === 'watch' ? 0 : 130);
    });
  }
}

const { showSourcesOfCrashes } = await import('./source-places.ts');
showSourcesOfCrashes();

const given = process.argv.slice(2);
if (given.length === 1 && (given[0] === '--version' || given[0] === '-V')) await printVersion();
else await runCommand(given);

/** Prints the version without loading the command line: scripts ask for it often. */
async function printVersion(): Promise<void> {
  const { version } = await import('./cli/version.ts');
  // A reader that has read enough is not an error.
  process.stdout.on('error', () => undefined);
  process.stdout.write(`${version()}\n`);
}

async function runCommand(given: readonly string[]): Promise<void> {
  const { run } = await import('./cli/run.ts');
  process.exitCode = await run(given);
  const { hasAbandonedWork } = await import('./calls/index.ts');
  // Otherwise the process would wait for the thread that hangs.
  if (!hasAbandonedWork()) return;
  const { endProcess } = await import('./cli/end-process.ts');
  endProcess(Number(process.exitCode));
}
