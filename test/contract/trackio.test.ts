import { contractSuite } from './contract-suite.ts';
import { stubHarness } from './trackio-harness.ts';

contractSuite('Trackio', stubHarness());
