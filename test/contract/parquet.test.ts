import { contractSuite } from './contract-suite.ts';
import { bucketHarness, folderHarness } from './parquet-harness.ts';

contractSuite('Parquet in a folder', folderHarness());
contractSuite('Parquet in a bucket', bucketHarness());
contractSuite('Parquet in a bucket without conditional writes', bucketHarness({ hasConditions: false }));
