import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquet } from '../../src/backends/parquet/index.ts';
import type { Backend, Handle } from '../../src/contract/index.ts';
import { FaultQueue } from '../../src/testing/fault.ts';
import type { Harness, Target } from '../../src/testing/harness.ts';
import { lossy } from '../../src/testing/lossy-backend.ts';
import { makeBackend } from '../../src/testing/make-backend.ts';
import { type S3StubOptions, startS3Stub } from '../support/s3-stub.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

type Status = 'running' | 'finished' | 'failed';

/** A handle is opaque to all others; here it is known where it leads. */
export function documentOf(handle: Handle): string {
  const { key, number } = JSON.parse(handle) as { readonly key: string; readonly number: number };
  return `runs/${key}/${number}/run.json`;
}

const isDocument = (path: string): boolean => /^runs\/[0-9a-f]+\/\d+\/run\.json$/.test(path);

/** Parquet files in a folder, one for every case; faults are those of the way to it. */
export function folderHarness(): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: ['unavailable', 'connectionLost', 'answerLost', 'hang', 'hangStored'],
    async start(): Promise<Target> {
      const folder = temporaryFolder();
      const files = (): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' });
      const faults = new FaultQueue();
      const signal = new AbortController().signal;
      const connect = (): Promise<Backend> => makeBackend(parquet, { path: folder, file_age: 0.1 });
      return {
        connect: async () => lossy(await connect(), faults),
        fail: (fault, times) => faults.add(fault, times),
        faultsLeft: () => faults.left,
        removeRun: async (handle) => (await connect()).remove?.(handle, signal),
        runCount: async () => files().filter(isDocument).length,
        statusOf: async (handle) => (JSON.parse(readFileSync(join(folder, documentOf(handle)), 'utf8')) as { status: Status }).status,
        complaints: () => [...files().filter((path) => path.endsWith('.tmp') && path !== '.tmp')],
        close: async () => {},
      };
    },
  };
}

const SECRET = 'pa55-w0rd-of-the-bucket';

/** Parquet files in a bucket of a strict stub, one for every case. */
export function bucketHarness(options: S3StubOptions = {}): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: ['unavailable', 'connectionLost', 'answerLost', 'hang', 'hangStored', 'noAccess'],
    async start(): Promise<Target> {
      const stub = await startS3Stub({ accessKey: 'right', faulty: /^some\/where\/points\//, ...options });
      const signal = new AbortController().signal;
      const connect = (key: string): Promise<Backend> =>
        makeBackend(parquet, {
          path: `${stub.url.replace('http:', 's3:')}/bucket/some/where`,
          s3_region: 'us-east-1',
          s3_access_key: key,
          s3_secret_key: SECRET,
        });
      const pathOf = (handle: Handle): string => `some/where/${documentOf(handle)}`;
      return {
        connect: () => connect('right'),
        connectWrongly: () => connect('wrong'),
        // The client of S3 itself tries everything twice.
        fail: (fault, times) => stub.faults.add(fault, fault.kind === 'hang' || fault.kind === 'hangStored' ? times : 2 * times),
        faultsLeft: () => stub.faults.left,
        removeRun: async (handle) => (await connect('right')).remove?.(handle, signal),
        runCount: async () => [...stub.objects.keys()].filter((key) => isDocument(key.slice('some/where/'.length))).length,
        statusOf: async (handle) => (JSON.parse(String(stub.objects.get(pathOf(handle)))) as { status: Status }).status,
        secrets: [SECRET],
        complaints: () => stub.complaints,
        close: () => stub.close(),
      };
    },
  };
}

let targets = 0;

/** Parquet files in a real server's bucket: a prefix for every case. */
export function realBucketHarness(address: () => string): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: [],
    async start(): Promise<Target> {
      const path = `${address()}/contract/${process.pid}-${targets++}`;
      const connect = (): Promise<Backend> =>
        makeBackend(parquet, { path, s3_region: 'us-east-1', s3_access_key: 'id', s3_secret_key: SECRET });
      return {
        connect,
        removeRun: async (handle) => (await connect()).remove?.(handle, new AbortController().signal),
        secrets: [SECRET],
        close: async () => {},
      };
    },
  };
}
