import { afterEach, describe, expect, it } from '@jest/globals';
import { ObjectStore } from '../../../src/objects/index.ts';
import { type S3Stub, type S3StubOptions, startS3Stub } from '../../support/s3-stub.ts';

const signal = new AbortController().signal;

let stub: S3Stub | undefined;
let store: ObjectStore | undefined;
afterEach(async () => {
  await store?.close();
  await stub?.close();
});

async function storeOf(options: S3StubOptions = {}): Promise<ObjectStore> {
  stub = await startS3Stub(options);
  store = new ObjectStore({
    bucket: 'bucket',
    prefix: 'some/where',
    url: 's3://bucket/some/where',
    endpoint: stub.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    env: {},
  });
  return store;
}

const bytes = (text: string): Buffer => Buffer.from(text);

describe('objects of new names', () => {
  it('are stored once', async () => {
    const objects = await storeOf();
    expect(await objects.putNew('a/b', bytes('first'), signal)).toBe(true);
    expect(await objects.putNew('a/b', bytes('second'), signal)).toBe(false);
    expect(String(await objects.getIfThere('a/b', signal))).toBe('first');
    expect(stub?.requests).toEqual(['PUT', 'PUT', 'GET']);
  });

  it('are stored once by a server without conditional writes, which is asked first', async () => {
    const objects = await storeOf({ hasConditions: false });
    expect(await objects.putNew('a', bytes('first'), signal)).toBe(true);
    expect(await objects.putNew('a', bytes('second'), signal)).toBe(false);
    expect(await objects.putNew('b', bytes('third'), signal)).toBe(true);
    expect(String(await objects.getIfThere('a', signal))).toBe('first');
    // The server is asked for a condition only once.
    expect(stub?.requests.filter((name) => name === 'HEAD')).toHaveLength(3);
  });

  it('keep the error of a server that refuses them', async () => {
    const objects = await storeOf({ accessKey: 'another' });
    await expect(objects.putNew('a', bytes('x'), signal)).rejects.toMatchObject({ code: 'MB4002' });
    await expect(objects.getIfThere('a', signal)).rejects.toMatchObject({ code: 'MB4002' });
    await expect(objects.list('', signal)).rejects.toMatchObject({ code: 'MB4002' });
  });
});

describe('a listing of objects', () => {
  it('has all pages, with paths from the prefix, and nothing beside the folder', async () => {
    const objects = await storeOf();
    const names = Array.from({ length: 120 }, (_, i) => `a/${i}&<${i}>`).sort();
    for (const name of names) await objects.putNew(name, bytes(name), signal);
    await objects.putNew('ab', bytes('beside'), signal);
    expect(await objects.list('a/', signal)).toEqual(names.map((path) => ({ path, bytes: path.length })));
    expect(await objects.list('nothing/', signal)).toEqual([]);
  });

  it('has nothing where there is nothing', async () => {
    expect(await (await storeOf()).getIfThere('a', signal)).toBeUndefined();
  });
});
