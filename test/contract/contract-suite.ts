// The suite of the package, as our own backends pass it: with jest, and over all sample logs.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { type Harness, contractSuite as suite } from '../../src/testing/index.ts';

const logs = fileURLToPath(new URL('../../../test/logs', import.meta.url));

/** Runs the contract over a backend. `name` stands before the cases. */
export function contractSuite(name: string, harness: Harness): void {
  suite(name, harness, { describe, it, before: beforeAll, after: afterAll }, { logs });
}
