// `npm run simulate`: runs histories of the whole service in a seeded world, and prints the first that goes wrong.
import { install, useThreads } from './platform.ts';

// The world is in place before any module of the service is loaded.
install();
useThreads((await import('./threads.ts')).SimulatedWorker);
const { simulate } = await import('./simulate.ts');
process.exitCode = await simulate(process.argv.slice(2));
