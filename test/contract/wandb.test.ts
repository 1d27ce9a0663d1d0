import { contractSuite } from './contract-suite.ts';
import { offlineHarness, onlineHarness } from './wandb-harness.ts';

contractSuite('W&B over a stub', onlineHarness());
contractSuite('W&B over a server that appends', onlineHarness({ appends: true }, { offset_semantics: 'append' }));
contractSuite('W&B offline', offlineHarness());
