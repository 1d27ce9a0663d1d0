// A server that names a place for a file which nobody honest would name: that costs the file, and what can't be
// without it.
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { whoseRun } from '../../../../src/backend-kit/identity/index.ts';
import { wandb } from '../../../../src/backends/wandb/index.ts';
import type { Backend } from '../../../../src/contract/index.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { newLedger, SmallDelivery } from '../../../../src/testing/small-delivery.ts';
import { event, image, simpleValue } from '../../../support/event-writer.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { WandbStub } from '../../../support/wandb-stub/index.ts';

const signal = new AbortController().signal;
let dir: string;
let run: GrowingRun;
let stub: WandbStub;
let backend: Backend;
let store: Server;
let seen: string[];
beforeEach(async () => {
  dir = temporaryFolder();
  run = new GrowingRun('runs/one');
  seen = [];
  store = createServer((request, response) => {
    seen.push(`${request.method} ${request.headers.authorization ?? 'nobody'}`);
    request.resume().on('end', () => response.end());
  });
  await new Promise<void>((done) => store.listen(0, '127.0.0.1', done));
});
afterEach(async () => {
  await backend.close();
  await stub.close();
  store.closeAllConnections();
  await new Promise((done) => store.close(done));
  run.remove();
});

/** A server that names a place for every file that a name fits. */
async function start(place: unknown, isFor: (file: string) => boolean): Promise<void> {
  stub = await WandbStub.start({ uploadUrl: (file) => (isFor(file) ? place : undefined) });
  const parsed = wandb.parse({ base_url: stub.url, api_key: stub.key, dir }, { HOME: '/nowhere' });
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  backend = await wandb.create(parsed.settings, { lane: 'wandb', whoseRun, env: {}, warn: () => {} });
}

const png = (text: string) => ({
  width: 1,
  height: 1,
  encoded: Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(text)]),
});
const BAD = [
  'file:///etc/passwd',
  'ftp://127.0.0.1/a',
  'http://[',
  'http://169.254.169.254/latest/meta-data',
  'http://[::ffff:a9fe:a9fe]/latest',
  'http://[fe80::1]/',
  42,
  { toString: 1 },
];

describe('an unusable address that a W&B server names', () => {
  it.each(BAD)('costs one image of a run, which is named with its reason, and nothing else (%p)', async (place) => {
    await start(place, (file) => file.includes('bad'));
    const ledger = newLedger();
    const delivery = new SmallDelivery(backend, ledger, run.source());
    await delivery.open();
    const summary = [simpleValue('loss', 1), image('bad', png('x')), image('good', png('y'))];
    await delivery.deliver(run.append([event({ wallTime: 1_700_000_000, step: 1, summary })]));
    await delivery.deliver(run.append([event({ wallTime: 1_700_000_001, step: 2, summary: [simpleValue('loss', 2)] })]));
    expect(ledger.refusals).toEqual([
      expect.objectContaining({ index: 1, kind: 'refused', reason: expect.stringContaining('which is not usable') }),
    ]);
    expect(delivery.outcomes.map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
    const stored = stub.runs()[0]!;
    expect([...stored.files.keys()].filter((file) => file.includes('images')).map((file) => /good|bad/.exec(file)?.[0])).toEqual(['good']);
    const tags: string[] = [];
    for await (const { tag, points } of backend.readBack(ledger.handle!)) tags.push(...points.map(({ step }) => `${tag} ${step}`));
    expect(tags.sort()).toEqual(['good 1', 'loss 1', 'loss 2']);
    // A row is what its record says, whether or not its files can be stored.
    expect(stub.violations).toEqual([expect.stringMatching(/names media\/images\/bad_\w+\.png, which was not uploaded/)]);
  });

  it('costs one artifact', async () => {
    await start('gopher://old', (file) => file === 'a.pth');
    const ledger = newLedger();
    await new SmallDelivery(backend, ledger, run.source()).open();
    const put = (path: string) => {
      const data = Buffer.from(path);
      const hash = createHash('sha256').update(data).digest('hex');
      const read = async function* () {
        yield data;
      };
      return backend.putFile?.(ledger.handle!, { path, bytes: data.length, hash, read }, signal);
    };
    expect(await put('a.pth')).toMatchObject({ kind: 'refused', reason: expect.stringContaining('neither http nor https') });
    expect(await put('b.pth')).toMatchObject({ kind: 'stored' });
  });
});

it('an upload goes to this machine, without the key, if the server is on it too', async () => {
  stub = await WandbStub.start();
  await stub.close();
  const { port } = store.address() as AddressInfo;
  await start(`http://localhost:${port}/bucket/x?signature=1`, (file) => file.includes('bad'));
  const ledger = newLedger();
  const delivery = new SmallDelivery(backend, ledger, run.source());
  await delivery.open();
  await delivery.deliver(run.append([event({ wallTime: 1_700_000_000, step: 1, summary: [image('bad', png('x'))] })]));
  expect(seen).toEqual(['PUT nobody']);
  expect(ledger.refusals).toEqual([]);
});

describe('a storage with a limit on the length of files', () => {
  /** As nginx does. The server's own files, and small ones, go where they always go. */
  async function startLimited(isFor: (file: string) => boolean): Promise<void> {
    store.removeAllListeners('request');
    store.on('request', (request, response) => {
      request.resume().on('end', () => response.writeHead(413, { 'content-type': 'text/html' }).end('<h1>413 Too Large</h1>'));
    });
    const { port } = store.address() as AddressInfo;
    await start(`http://127.0.0.1:${port}/bucket/x`, isFor);
  }

  it('rejects only the image that is too long, with the limit to raise', async () => {
    await startLimited((file) => file.includes('bad'));
    const ledger = newLedger();
    const delivery = new SmallDelivery(backend, ledger, run.source());
    await delivery.open();
    const summary = [simpleValue('loss', 1), image('bad', png('x')), image('good', png('y'))];
    await delivery.deliver(run.append([event({ wallTime: 1_700_000_000, step: 1, summary })]));
    expect(delivery.outcomes.map(({ kind }) => kind)).toEqual(['accepted']);
    expect(ledger.refusals).toMatchObject([{ index: 1, kind: 'refused', reason: expect.stringMatching(/413.*client_max_body_size/) }]);
  });

  it('rejects no point if it accepts no files', async () => {
    await startLimited((file) => file.includes('bad') || file.includes('trial'));
    const ledger = newLedger();
    const delivery = new SmallDelivery(backend, ledger, run.source());
    await delivery.open();
    const drafts = run.append([event({ wallTime: 1_700_000_000, step: 1, summary: [image('bad', png('x'))] })]);
    await expect(delivery.sendOnce(drafts)).rejects.toMatchObject({ code: 'MB4006' });
    expect(ledger.refusals).toEqual([]);
  });
});
