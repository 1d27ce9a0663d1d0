import { afterAll, beforeAll } from '@jest/globals';
import { AimStub } from '../support/aim-stub/index.ts';
import { stubHarness } from './aim-harness.ts';
import { viewSuite } from './aim-views.ts';
import { contractSuite } from './contract-suite.ts';

let stub: AimStub;
beforeAll(async () => {
  stub = await AimStub.start();
});
afterAll(() => stub.close());

contractSuite('Aim', stubHarness());
contractSuite('Aim 3.19 with contexts from prefixes', stubHarness({ context: 'prefix', open_runs: 1 }, '3.19.3'));
viewSuite('Aim over the stub', () => stub.url);
