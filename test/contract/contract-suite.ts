// The suite that every backend passes. Cases of one subject lie together; each takes what it needs from a `Bench`.
import { afterAll, beforeAll, describe } from '@jest/globals';
import { deliveryCases } from './delivery-cases.ts';
import type { Harness } from './harness.ts';
import { lineCases } from './line-cases.ts';
import { positionCases } from './position-cases.ts';
import { runCases } from './run-cases.ts';
import { sideCases } from './side-cases.ts';
import { valueCases } from './value-cases.ts';

/** Runs the contract over a backend. `name` stands before the cases. */
export function contractSuite(name: string, harness: Harness): void {
  describe(`the backend contract: ${name}`, () => {
    beforeAll(async () => {
      await harness.setUp?.();
    });
    afterAll(async () => {
      await harness.tearDown?.();
    });
    describe('points', () => valueCases(harness));
    describe('delivery', () => deliveryCases(harness));
    describe('tracker runs', () => runCases(harness));
    describe('beside the points', () => sideCases(harness));
    if (harness.addressing === 'line') describe('lines', () => lineCases(harness));
    if (harness.addressing === 'position') describe('positions', () => positionCases(harness));
  });
}
