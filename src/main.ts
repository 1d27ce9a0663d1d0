#!/usr/bin/env node
/** The command line's entry: everything else is loaded when it is needed. */

// As the first process of a container nobody ends us by default: until a command has handlers of its own, signals do. Elsewhere the kernel does it,
// also while a call hangs.
if (process.pid === 1) {
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(code);
    });
  }
}

const { run } = await import('./cli/run.ts');
process.exitCode = await run(process.argv.slice(2));
const { isAnythingBehind } = await import('./calls/index.ts');
// What hangs would be waited for.
if (isAnythingBehind()) {
  const { endProcess } = await import('./cli/end-process.ts');
  endProcess(Number(process.exitCode));
}
