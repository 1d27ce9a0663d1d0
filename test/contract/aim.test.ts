import { stubHarness } from './aim-harness.ts';
import { contractSuite } from './contract-suite.ts';

contractSuite('Aim', stubHarness());
contractSuite('Aim with contexts from prefixes', stubHarness({ context: 'prefix', open_runs: 1 }));
