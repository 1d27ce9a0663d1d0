import { offlineHarness, stubHarness } from './clearml-harness.ts';
import { contractSuite } from './contract-suite.ts';

contractSuite('ClearML over a stub', stubHarness());
contractSuite('ClearML offline', offlineHarness());
