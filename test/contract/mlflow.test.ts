import { describe, it } from '@jest/globals';
import { contractSuite } from './contract-suite.ts';
import { mlflowType, stubHarness } from './mlflow-harness.ts';

const type = await mlflowType();

if (type === undefined) {
  describe('MLflow', () => {
    it.skip('is not in this checkout', () => {});
  });
} else {
  contractSuite('MLflow over a stub', stubHarness(type));
  contractSuite('MLflow over a file store', stubHarness(type, { isFileStore: true }));
  contractSuite('MLflow below a path, without artifacts', stubHarness(type, { prefix: '/mlflow', servesArtifacts: false }));
}
