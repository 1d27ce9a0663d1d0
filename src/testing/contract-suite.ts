import { artifactCases } from './artifact-cases.ts';
import type { CaseContext, Runner, SuiteOptions } from './case-context.ts';
import { deliveryCases } from './delivery-cases.ts';
import type { Harness } from './harness.ts';
import { lineCases } from './line-cases.ts';
import { positionCases } from './position-cases.ts';
import { runCases } from './run-cases.ts';
import { valueCases } from './value-cases.ts';

/**
 * Registers the contract's cases for a backend; `name` is in the name of the group. Leaves out a case if the harness
 * lacks what it needs.
 */
export function contractSuite(name: string, harness: Harness, { describe, it, before, after }: Runner, options: SuiteOptions = {}): void {
  const context: CaseContext = { harness, it };
  describe(`the backend contract: ${name}`, () => {
    before(async () => {
      await harness.setUp?.();
    });
    after(async () => {
      await harness.tearDown?.();
    });
    describe('points', () => valueCases(context, options));
    describe('delivery', () => deliveryCases(context));
    describe('tracker runs', () => runCases(context));
    describe('params and files', () => artifactCases(context));
    if (harness.addressing === 'line') describe('lines', () => lineCases(context));
    if (harness.addressing === 'position') describe('positions', () => positionCases(context));
  });
}
