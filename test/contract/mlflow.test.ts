import { describe, it } from '@jest/globals';
import { contractSuite } from './contract-suite.ts';
import { mlflowType, stubHarness } from './mlflow-harness.ts';

const type = await mlflowType();

if (type === undefined) {
  describe('MLflow', () => {
    it.skip('is missing in this checkout', () => {});
  });
} else {
  contractSuite('MLflow over a stub', stubHarness(type));
  contractSuite('MLflow over a file store', stubHarness(type, { isFileStore: true }));
  contractSuite(
    'an old MLflow over a database in latin1',
    stubHarness(type, {
      isOld: true,
      version: '2.0.1',
      replays: 'hundred',
      foldsNames: true,
      isLatin1: true,
      tagLength: 5000,
      paramLength: 500,
    }),
  );
  contractSuite('an old MLflow over a file store', stubHarness(type, { isOld: true, version: '2.9.2', isFileStore: true }));
  contractSuite('MLflow below a path, without artifacts', stubHarness(type, { prefix: '/mlflow', servesArtifacts: false }));
}
