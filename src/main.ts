#!/usr/bin/env node
/** The command line's entry: everything else is loaded when it is needed. */
import { run } from './cli/run.ts';

process.exitCode = await run(process.argv.slice(2));
