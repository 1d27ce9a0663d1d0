// ClearML over a server that the official SDK works against, and what that SDK reads of what was mirrored, online and
// offline.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readKey } from '../../src/backends/clearml/keys.ts';
import type { Backend } from '../../src/contract/index.ts';
import type { Harness, Target } from '../../src/testing/harness.ts';
import { type Draft, type DraftPoint, GrowingRun, pointsOf, runFolders } from '../../src/testing/parcels.ts';
import { differences, expectedOf, readHeld } from '../../src/testing/read-back.ts';
import { newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { type ClearmlServer, type ReadBackTask, startClearml } from '../support/clearml-server.ts';
import { startMoto } from '../support/moto-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { connectClearml, sectionOf, statusOf, taskIdOf } from './clearml-harness.ts';
import { contractSuite } from './contract-suite.ts';

const LOGS = fileURLToPath(new URL('../../../test/logs', import.meta.url));
let server: ClearmlServer | undefined;
let reason = '';
// Started before the cases are named: a server that can't be had is a reason to skip them.
try {
  server = await startClearml();
} catch (error) {
  reason = error instanceof Error ? error.message : String(error);
}

if (server === undefined) {
  describe('the official ClearML SDK', () => {
    const isRequired = process.env['MIRRORBOARD_REQUIRE_TOOLS'] === '1';
    if (!isRequired) process.stderr.write(`… skipped, no ClearML SDK: ${reason}\n`);
    (isRequired ? it : it.skip)('is there', () => expect(reason).toBe(''));
  });
} else {
  const there = server;
  afterAll(there.stop);
  contractSuite('ClearML over a server of its SDK', harnessOf(there));

  describe('the official ClearML SDK', () => {
    it('reads everything in the sample logs, mirrored online', async () => {
      const project = `read back ${process.pid}`;
      const backend = await connectClearml({ ...sectionOf(there.url, there.secretKey, there.accessKey), project });
      const expected = await mirrorLogs(backend);
      await backend.close();
      expectEqual(await there.readBack(project), expected);
    });

    it('reads the same from imported offline sessions', async () => {
      const folder = temporaryFolder();
      const project = `imported ${process.pid}`;
      const backend = await connectClearml({ mode: 'offline', cache_dir: folder, project });
      const expected = await mirrorLogs(backend);
      await backend.close();
      await there.importSessions(readdirSync(join(folder, 'offline')).map((session) => join(folder, 'offline', session)));
      const tasks = await there.readBack(project);
      expectEqual(tasks, expected);
      expect(new Set(tasks.map(({ status }) => status))).toEqual(new Set(['completed']));
      // Our own reader finds all of it, too: files under the addresses that the import gave them.
      const reader = await connectClearml({ ...sectionOf(there.url, there.secretKey, there.accessKey), project });
      for (const { run, id } of tasks) {
        const handle = JSON.stringify({ task: id, project: 'p', folder: 'f' }) as Parameters<Backend['readBack']>[0];
        let points = 0;
        for await (const chunk of reader.readBack(handle)) points += chunk.points.length;
        expect([run, points]).toEqual([run, expected.get(run)?.length]);
      }
      await reader.close();
    });

    it('reads back everything in a bucket by its addresses', async () => {
      const moto = await startMoto();
      const credentials = { accessKeyId: 'AKIAOFTHETESTS', secretAccessKey: 'the-secret-of-the-tests' };
      const client = new S3Client({ endpoint: moto.url, region: 'us-east-1', forcePathStyle: true, credentials });
      await client.send(new CreateBucketCommand({ Bucket: 'mirror' }));
      const project = `bucket ${process.pid}`;
      const output = `s3://127.0.0.1:${moto.port}/mirror/some/prefix`;
      const backend = await connectClearml({
        ...sectionOf(there.url, there.secretKey, there.accessKey),
        project,
        output_uri: output,
        s3_access_key: credentials.accessKeyId,
        s3_secret_key: credentials.secretAccessKey,
      });
      await backend.probe(new AbortController().signal);
      const run = GrowingRun.copyOf(join(LOGS, 'torch_everything'), 'everything');
      const drafts = run.read();
      const delivery = new SmallDelivery(backend, newLedger(), run.source());
      await delivery.open();
      await delivery.deliver(drafts);
      const handle = delivery.ledger.handle!;
      expect(differences(backend, expectedOf(backend, drafts), await readHeld(backend, handle))).toEqual([]);
      const [task] = (await there.dump()).filter(({ id }) => id === taskIdOf(handle));
      const urls = task!.events.flatMap(({ url }) => (typeof url === 'string' ? [url] : []));
      expect(urls.length).toBeGreaterThan(5);
      expect(urls.filter((url) => !url.startsWith(`${output}/`))).toEqual([]);
      const { KeyCount: before } = await client.send(new ListObjectsV2Command({ Bucket: 'mirror' }));
      await delivery.sendOnce(drafts);
      const { KeyCount: after } = await client.send(new ListObjectsV2Command({ Bucket: 'mirror' }));
      expect(after).toBe(before);
      await backend.remove?.(handle, new AbortController().signal);
      expect((await client.send(new ListObjectsV2Command({ Bucket: 'mirror' }))).KeyCount).toBe(0);
      await backend.close();
      client.destroy();
      run.remove();
      await moto.stop();
    });
  });
}

/** Mirrors every run of the sample logs; its points by the name of its task. */
async function mirrorLogs(backend: Backend): Promise<Map<string, DraftPoint[]>> {
  const expected = new Map<string, DraftPoint[]>();
  for (const log of readdirSync(LOGS)) {
    for (const folder of runFolders(join(LOGS, log))) {
      const name = folder === '.' ? log : `${log}/${folder}`;
      const run = GrowingRun.copyOf(join(LOGS, log, folder), name);
      const drafts: Draft[] = run.read();
      const delivery = new SmallDelivery(backend, newLedger(), run.source());
      await delivery.open();
      await delivery.deliver(drafts);
      expect([name, delivery.ledger.refusals]).toEqual([name, []]);
      run.remove();
      expected.set(name, drafts.flatMap(pointsOf));
    }
  }
  return expected;
}

/** That the SDK's view has each point once: scalars and plots by value, all else by its files. */
function expectEqual(tasks: readonly ReadBackTask[], expected: ReadonlyMap<string, readonly DraftPoint[]>): void {
  expect(tasks.map(({ run }) => run).sort()).toEqual([...expected.keys()].sort());
  for (const { run, scalars, plots, debug_images: samples, artifacts } of tasks) {
    const points = expected.get(run) ?? [];
    const numbers = points.filter((point) => typeof point.value !== 'string');
    const found = Object.entries(scalars).flatMap(([name, list]) =>
      list.map(([step, seconds, value, rest]) => {
        const key = readKey(rest['key']);
        return shown(tagOfName(name), step, key?.wallTime ?? seconds, key?.value ?? value);
      }),
    );
    expect([run, found.sort()]).toEqual([run, numbers.map(({ tag, step, wallTime, value }) => shown(tag, step, wallTime, value)).sort()]);
    const drawn = points.filter(({ plugin, value }) => ['histograms', 'pr_curves'].includes(plugin) && isDrawn(String(value)));
    expect([run, plots.length]).toEqual([run, drawn.length]);
    for (const { plot } of plots) expect(plot).toMatchObject({ layout: { meta: { mirrorboard: { version: 1 } } } });
    // Every file is there, and artifacts have the content that they are said to have.
    for (const sample of samples) expect([run, sample.url, sample.file_sha256]).toEqual([run, sample.url, expect.any(String)]);
    for (const { key, hash, file_sha256: sha256 } of artifacts) expect([run, key, sha256]).toEqual([run, key, hash]);
    const images = points.filter(({ plugin }) => plugin === 'images' || plugin === 'audio').flatMap(({ value }) => hashesIn(String(value)));
    const hashes = new Set(samples.map((sample) => sample.file_sha256));
    expect([run, images.filter((hash) => !hashes.has(hash))]).toEqual([run, []]);
  }
}

/** The readers join metric and variant by a slash. */
function tagOfName(name: string): string {
  if (name.endsWith('///')) return name.slice(0, -2);
  return name.endsWith('/') ? name.slice(0, -1) : name;
}

function isDrawn(value: string): boolean {
  return value.startsWith('{"buckets"') || value.startsWith('{"shape"');
}

function hashesIn(value: string): string[] {
  return [...value.matchAll(/"sha256":"([0-9a-f]{64})"/g)].map(([, hash]) => hash as string);
}

function shown(tag: string, step: number | bigint, wallTime: number, value: unknown): string {
  return JSON.stringify([
    tag,
    Number(step),
    String(wallTime),
    typeof value === 'bigint' ? `${value}` : String(Object.is(value, -0) ? '-0' : value),
  ]);
}

let projects = 0;

function harnessOf({ url, accessKey, secretKey, fault, call, dump }: ClearmlServer): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: ['unavailable', 'connectionLost', 'answerLost'],
    async start(): Promise<Target> {
      // Not `contract/…`: that is where this server is told what to do.
      const project = `suite/${process.pid} cases/case ${projects++}`;
      const connect = (secret: string): Promise<Backend> => connectClearml({ ...sectionOf(url, secret, accessKey), project });
      return {
        connect: () => connect(secretKey),
        connectWrongly: () => connect(`${secretKey}-wrong`),
        fail({ kind }, times) {
          const mode = kind === 'unavailable' ? 'before' : kind === 'answerLost' ? 'drop' : 'drop-before';
          fault('events.add_batch', mode, times);
        },
        removeRun: async (handle) => void (await call('tasks.delete', { task: taskIdOf(handle), force: true })),
        async runCount() {
          const { projects: found } = await call('projects.get_all', { name: `^${project}$`, only_fields: ['id', 'name'] });
          const ids = new Set((found as { id: string }[]).map(({ id }) => id));
          return (await dump()).filter((task) => ids.has(task.project)).length;
        },
        async statusOf(handle) {
          const { task } = await call('tasks.get_by_id', { task: taskIdOf(handle) });
          return statusOf((task as { status: string }).status);
        },
        secrets: [secretKey, Buffer.from(`${accessKey}:${secretKey}`).toString('base64')],
        close: async () => {},
      };
    },
  };
}
