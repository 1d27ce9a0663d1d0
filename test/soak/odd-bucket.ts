// A bucket whose answers are bent at random, and then are honest again: what is stored there is what was to be stored,
// and nothing is thrown that is a bug.
import { createHash } from 'node:crypto';
import { MirrorError, messageOf } from '../../src/errors.ts';
import { type ObjectContent, ObjectStore } from '../../src/objects/index.ts';
import { seededRandom } from '../crash/backfill-kill.ts';
import { startBendingProxy } from '../support/bending-proxy.ts';
import { startS3Stub } from '../support/s3-stub.ts';

const PART = 64 * 1024;
const signal = new AbortController().signal;

export async function oddBucketRound(seed: number, say: (line: string) => void, mostBends = 40): Promise<void> {
  const what = `bucket, MIRRORBOARD_TEST_SEED=${seed}`;
  const random = seededRandom(seed);
  const stub = await startS3Stub();
  const bends = 5 + Math.floor(random() * (mostBends - 5));
  const proxy = await startBendingProxy(stub.url, { random, probability: 0.1 + random() * 0.5, bends, bendBytes: bendXml });
  const credentials = { accessKeyId: 'AKIAOFTHETESTS', secretAccessKey: 'the-secret-of-the-tests' };
  const options = { bucket: 'b', prefix: 'p', url: 's3://b/p', endpoint: proxy.url, region: 'us-east-1', credentials, timeoutMs: 20_000 };
  const store = new ObjectStore(options, PART);
  const files = new Map([1000, PART, PART * 2 + 5, PART * 4].map((bytes, i) => [`f${i}`, Buffer.alloc(bytes, i + 1)]));
  /** Until it is done; each bent answer costs a few tries at most. */
  const until = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let tries = 0; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof MirrorError) || !error.code.startsWith('MB40')) throw new Error(`${what}: ${stackOf(error)}`);
        if (tries > bends * 2) throw new Error(`${what}: it does not come through: ${error.message}`);
      }
    }
  };
  try {
    for (const [path, data] of files) await until(() => store.put(path, contentOf(data), signal));
    for (const path of files.keys()) await until(() => store.get(path, signal));
    proxy.heal();
    for (const [path, data] of files) {
      await store.put(path, contentOf(data), signal);
      if (!(await store.get(path, signal)).equals(data)) throw new Error(`${what}: ${path} is not what was stored`);
      if ((await store.lengthOf(path, signal)) !== data.length) throw new Error(`${what}: ${path} has another length`);
    }
    say(`${what}: ${proxy.asked} requests, ${[...proxy.bent].map(([kind, times]) => `${times} × ${kind}`).join(', ')}`);
  } finally {
    await store.close();
    await proxy.close();
    await stub.close();
  }
}

function contentOf(data: Buffer): ObjectContent {
  return {
    bytes: data.length,
    hash: createHash('sha256').update(data).digest('hex'),
    async *read(start = 0) {
      yield data.subarray(start);
    },
  };
}

/** XML that is cut, or of another shape than anybody waits for. */
function bendXml(random: () => number, _path: string, body: Buffer): Buffer | undefined {
  if (body[0] !== '<'.charCodeAt(0)) return undefined;
  const texts = ['<a>', '<Error><Code><toString/></Code></Error>', '<x/>'.repeat(100_000), '<a>'.repeat(20_000), '&#xFFFFFFF;', '\u0000'];
  const pick = Math.floor(random() * (texts.length + 2));
  return pick < texts.length ? Buffer.from(texts[pick] as string) : body.subarray(0, Math.floor(random() * body.length));
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}
