// `npm run simulate`: runs histories of the whole service in a seeded world, and prints the first that goes wrong.

import { argumentsOf } from './arguments.ts';
import { KNOWN_FAULTS } from './faults/index.ts';
import { bringBack, install, useThreads } from './platform.ts';

const asked = argumentsOf(process.argv.slice(2));
// The world is in place before any module of the service is loaded.
install();
if (asked.fault !== undefined) bringBack(KNOWN_FAULTS.filter(({ name }) => name === asked.fault));
useThreads((await import('./threads.ts')).SimulatedWorker);
const { simulate } = await import('./simulate.ts');
process.exitCode = await simulate(asked);
