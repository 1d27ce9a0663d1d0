import { rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ObjectStore, type ObjectStoreOptions } from '../../../src/objects/index.ts';
import { makeCertificates, noCertificates } from '../../support/certificates.ts';
import { startS3Stub } from '../../support/s3-stub.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { signal } = new AbortController();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A proxy that leads every request to a port of ours. */
async function startProxy(target: number): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method} ${new URL(incoming.url ?? '').host}`);
    const { pathname, search } = new URL(incoming.url ?? '');
    const { host: _, ...headers } = incoming.headers;
    const options = { host: '127.0.0.1', port: target, path: pathname + search, method: incoming.method ?? 'GET', headers };
    incoming.pipe(
      request(options, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      }),
    );
  });
  proxy.on('connect', (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url}`);
    const other = connect(target, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(other).pipe(socket);
    });
    for (const one of [socket as Socket, other]) {
      sockets.add(one);
      one.on('error', () => undefined);
    }
  });
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  return { url: `http://127.0.0.1:${await listening(proxy)}`, asked };
}

function storeAt(endpoint: string, env: ObjectStoreOptions['env']): ObjectStore {
  const credentials = { accessKeyId: 'AKIAOFTHETESTS', secretAccessKey: 'the-secret-of-the-tests' };
  const store = new ObjectStore({
    bucket: 'bucket',
    prefix: '',
    url: 's3://bucket',
    endpoint,
    region: 'us-east-1',
    credentials,
    ...(env === undefined ? {} : { env }),
  });
  closers.push(() => store.close());
  return store;
}

const content = { bytes: 3, read: () => [Buffer.from('abc')] as unknown as AsyncIterable<Uint8Array> };

describe('a bucket with a proxy', () => {
  it('is reached through it, with the usual variables', async () => {
    const stub = await startS3Stub();
    closers.push(() => stub.close());
    const proxy = await startProxy(Number(new URL(stub.url).port));
    const store = storeAt('http://minio.example:9000', { http_proxy: proxy.url });
    await store.put('a', content, signal);
    expect(stub.objects.get('a')).toEqual(Buffer.from('abc'));
    expect(proxy.asked).toEqual(['PUT minio.example:9000']);
  });

  it('is reached directly if the variables exclude it, or if it is on this machine', async () => {
    const stub = await startS3Stub();
    closers.push(() => stub.close());
    const proxy = await startProxy(1);
    await storeAt(stub.url, { HTTP_PROXY: proxy.url }).put('a', content, signal);
    await storeAt(stub.url.replace('127.0.0.1', 'localhost'), { HTTP_PROXY: proxy.url, NO_PROXY: '*' }).put('b', content, signal);
    expect([proxy.asked, stub.objects.size]).toEqual([[], 2]);
  });

  const reason = noCertificates();
  (reason === undefined ? it : it.skip)('speaks TLS with the bucket itself', async () => {
    const folder = temporaryFolder();
    closers.push(() => rmSync(folder, { recursive: true }));
    const port = await listening(createTlsServer(makeCertificates(folder).server, (_, response) => response.end()));
    const proxy = await startProxy(port);
    const store = storeAt('https://bucket-store.example', { HTTPS_PROXY: proxy.url });
    await expect(store.put('a', content, signal)).rejects.toThrow(/certificate/);
    expect(proxy.asked[0]).toBe('CONNECT bucket-store.example:443');
  });
});
