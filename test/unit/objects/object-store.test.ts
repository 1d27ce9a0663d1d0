import { createHash, randomBytes } from 'node:crypto';
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type ObjectContent, ObjectStore, type ObjectStoreOptions, parseObjectUrl } from '../../../src/objects/index.ts';
import { type MotoServer, startMoto } from '../../support/moto-server.ts';

const signal = new AbortController().signal;
const MIB = 1024 * 1024;
/** The least that a part may have. */
const PART = 5 * MIB;
const credentials = { accessKeyId: 'AKIAOFTHETESTS', secretAccessKey: 'the-secret-of-the-tests' };

let moto: MotoServer | undefined;
let reason = '';
try {
  moto = await startMoto();
} catch (error) {
  reason = error instanceof Error ? error.message : String(error);
}

describe('addresses of buckets', () => {
  it.each([
    ['s3://bucket', { bucket: 'bucket', prefix: '', endpoint: undefined }],
    ['s3://bucket/a/b/', { bucket: 'bucket', prefix: 'a/b', endpoint: undefined }],
    ['s3://minio:9000/bucket/a', { bucket: 'bucket', prefix: 'a', endpoint: 'http://minio:9000' }],
    ['s3://minio.example.com:443/bucket', { bucket: 'bucket', prefix: '', endpoint: 'https://minio.example.com:443' }],
    ['s3://minio:9000', undefined],
    ['gs://bucket/a', undefined],
    ['s3://', undefined],
    ['/a/folder', undefined],
  ])('reads %s', (url, place) => expect(parseObjectUrl(url)).toEqual(place));
});

function contentOf(data: Uint8Array, breakAt = Infinity): ObjectContent & { readonly reads: number } {
  let reads = 0;
  return {
    bytes: data.length,
    hash: createHash('sha256').update(data).digest('hex'),
    get reads() {
      return reads;
    },
    async *read(start = 0) {
      reads++;
      for (let at = start; at < data.length; at += MIB) {
        if (at >= breakAt) throw new Error('the file is away');
        yield data.subarray(at, at + MIB);
      }
    },
  };
}

if (moto === undefined) {
  const isRequired = process.env['MIRRORBOARD_REQUIRE_TOOLS'] === '1';
  if (!isRequired) process.stderr.write(`… skipped, no moto: ${reason}\n`);
  (isRequired ? it : it.skip)('there is an S3 server', () => expect(reason).toBe(''));
} else {
  const { url, stop } = moto;
  const client = new S3Client({ endpoint: url, region: 'us-east-1', forcePathStyle: true, credentials });
  const options: ObjectStoreOptions = {
    bucket: 'bucket',
    prefix: 'some/prefix',
    url: 's3://bucket/some/prefix',
    endpoint: url,
    credentials,
  };
  let buckets = 0;
  const bucket = async (): Promise<ObjectStoreOptions> => {
    const name = `bucket-${buckets++}`;
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return { ...options, bucket: name, url: `s3://${name}/some/prefix` };
  };
  const openUploads = async (name: string): Promise<number> =>
    (await client.send(new ListMultipartUploadsCommand({ Bucket: name }))).Uploads?.length ?? 0;
  afterAll(async () => {
    client.destroy();
    await stop();
  });

  describe('a bucket', () => {
    it('returns stored files, under a path with every character', async () => {
      const own = await bucket();
      const store = new ObjectStore(own);
      const data = randomBytes(10_000);
      const path = 'a b/ü/c+d=e&f%41?#.bin';
      const stored = await store.put(path, contentOf(data), signal);
      expect(stored).toBe(`${own.url}/a%20b/%C3%BC/c%2Bd%3De%26f%2541%3F%23.bin`);
      expect(await store.lengthOf(path, signal)).toBe(data.length);
      expect((await store.get(path, signal)).equals(data)).toBe(true);
      expect(await store.lengthOf('another', signal)).toBeUndefined();
      await store.remove(path, signal);
      expect(await store.lengthOf(path, signal)).toBeUndefined();
      await store.close();
    });

    it('stores an empty file, and replaces one by another content', async () => {
      const store = new ObjectStore(await bucket());
      await store.put('x', contentOf(new Uint8Array(0)), signal);
      expect(await store.lengthOf('x', signal)).toBe(0);
      await store.put('x', contentOf(Buffer.from('more')), signal);
      expect(String(await store.get('x', signal))).toBe('more');
      await store.close();
    });

    it('stores a large file in parts, and does not send it twice', async () => {
      const own = await bucket();
      const store = new ObjectStore(own, PART);
      const data = randomBytes(2 * PART + 12_345);
      const content = contentOf(data);
      await store.put('large', content, signal);
      expect((await store.get('large', signal)).equals(data)).toBe(true);
      await store.put('large', content, signal);
      expect(content.reads).toBe(1);
      const other = randomBytes(data.length);
      await store.put('large', contentOf(other), signal);
      expect((await store.get('large', signal)).equals(other)).toBe(true);
      expect(await openUploads(own.bucket)).toBe(0);
      await store.close();
    });

    it('resumes an interrupted upload, and sends no part again', async () => {
      const own = await bucket();
      const data = randomBytes(3 * PART);
      const first = new ObjectStore(own, PART);
      await expect(first.put('large', contentOf(data, 2 * PART), signal)).rejects.toThrow('the file is away');
      await first.close();
      expect(await openUploads(own.bucket)).toBe(1);
      const sent: string[] = [];
      const second = new ObjectStore(own, PART, (name) => sent.push(name));
      await second.put('large', contentOf(data), signal);
      expect(sent.filter((name) => name === 'UploadPartCommand')).toHaveLength(1);
      expect(sent).not.toContain('CreateMultipartUploadCommand');
      expect((await second.get('large', signal)).equals(data)).toBe(true);
      expect(await openUploads(own.bucket)).toBe(0);
      await second.close();
    });

    it('sends parts again if their content has changed', async () => {
      const own = await bucket();
      const store = new ObjectStore(own, PART);
      await expect(store.put('large', contentOf(randomBytes(3 * PART), 2 * PART), signal)).rejects.toThrow();
      const data = randomBytes(3 * PART);
      await store.put('large', contentOf(data), signal);
      expect((await store.get('large', signal)).equals(data)).toBe(true);
      await store.close();
    });

    it('is reported as missing, without a secret', async () => {
      const store = new ObjectStore({ ...options, bucket: 'nobodys', url: 's3://nobodys' });
      const error = await store.put('x', contentOf(Buffer.from('x')), signal).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'MB4004', retry: 'never' });
      expect(JSON.stringify([error, String(error)])).not.toContain(credentials.secretAccessKey);
      await expect(store.probe(signal)).rejects.toMatchObject({ code: 'MB4004' });
      await store.close();
    });

    it('is reported as down, which is temporary, if the server is down', async () => {
      const store = new ObjectStore({ ...options, endpoint: 'http://127.0.0.1:1' });
      await expect(store.put('x', contentOf(Buffer.from('x')), signal)).rejects.toMatchObject({ code: 'MB4001', retry: 'later' });
      await store.close();
    });

    it('stops soon after an abort', async () => {
      const store = new ObjectStore(await bucket());
      const stopped = AbortSignal.abort(new Error('enough'));
      await expect(store.put('x', contentOf(Buffer.from('x')), stopped)).rejects.toThrow('enough');
      await store.close();
    });
  });
}
