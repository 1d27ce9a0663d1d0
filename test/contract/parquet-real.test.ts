// Parquet files in a bucket of an S3 server that is not ours.
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type MotoServer, startMoto } from '../support/moto-server.ts';
import { contractSuite } from './contract-suite.ts';
import { realBucketHarness } from './parquet-harness.ts';

let moto: MotoServer | undefined;
let reason = '';
try {
  moto = await startMoto();
} catch (error) {
  reason = error instanceof Error ? error.message : String(error);
}
const server = moto;

if (server === undefined) {
  const isRequired = process.env['MIRRORBOARD_REQUIRE_TOOLS'] === '1';
  if (!isRequired) process.stderr.write(`… skipped, no moto: ${reason}\n`);
  (isRequired ? it : it.skip)('there is an S3 server', () => expect(reason).toBe(''));
} else {
  beforeAll(async () => {
    const client = new S3Client({
      endpoint: server.url,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'id', secretAccessKey: 'key' },
    });
    await client.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    client.destroy();
  });
  afterAll(() => server.stop());
  contractSuite(
    'Parquet in a bucket of moto',
    realBucketHarness(() => `s3://127.0.0.1:${server.port}/bucket`),
  );
}
