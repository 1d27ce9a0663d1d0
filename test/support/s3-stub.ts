// A bucket of an S3 server, as far as keeping files in it needs one.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3Stub {
  readonly url: string;
  readonly objects: ReadonlyMap<string, Buffer>;
  close(): Promise<void>;
}

interface Upload {
  readonly key: string;
  readonly parts: Map<number, Buffer>;
}

export async function startS3Stub(): Promise<S3Stub> {
  const objects = new Map<string, Buffer>();
  const hashes = new Map<string, string>();
  const uploads = new Map<string, Upload>();
  const server = createServer((request, response) => void handle(request, response));

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://h');
    const key = decodeURIComponent(pathname).split('/').slice(2).join('/');
    const id = query.get('uploadId') ?? '';
    const hash = request.headers['x-amz-meta-sha256'];
    const xml = (text: string, status = 200): unknown => response.writeHead(status, { 'content-type': 'application/xml' }).end(text);
    if (typeof hash === 'string' && (request.method === 'PUT' || query.has('uploads'))) hashes.set(key, hash);
    if (query.has('uploads') && request.method === 'POST') {
      const made = `upload-${uploads.size}`;
      uploads.set(made, { key, parts: new Map() });
      return void xml(`<InitiateMultipartUploadResult><UploadId>${made}</UploadId></InitiateMultipartUploadResult>`);
    }
    if (query.has('uploads')) {
      const open = [...uploads].map(([name, upload]) => `<Upload><Key>${upload.key}</Key><UploadId>${name}</UploadId></Upload>`);
      return void xml(`<ListMultipartUploadsResult>${open.join('')}</ListMultipartUploadsResult>`);
    }
    const upload = uploads.get(id);
    if (id !== '' && upload === undefined) return void xml('<Error><Code>NoSuchUpload</Code></Error>', 404);
    if (upload !== undefined && request.method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body);
      return void response.writeHead(200, { etag: tagOf(body) }).end();
    }
    if (upload !== undefined && request.method === 'POST') {
      objects.set(key, Buffer.concat([...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part)));
      uploads.delete(id);
      return void xml('<CompleteMultipartUploadResult/>');
    }
    if (upload !== undefined) {
      const parts = [...upload.parts].map(([n, part]) => `<Part><PartNumber>${n}</PartNumber><ETag>${tagOf(part)}</ETag></Part>`);
      return void xml(`<ListPartsResult>${parts.join('')}<IsTruncated>false</IsTruncated></ListPartsResult>`);
    }
    if (request.method === 'PUT') {
      objects.set(key, body);
      return void response.writeHead(200, { etag: tagOf(body) }).end();
    }
    const object = objects.get(key);
    if (object === undefined) return void xml('<Error><Code>NoSuchKey</Code></Error>', 404);
    response.writeHead(200, { 'content-length': object.length, 'x-amz-meta-sha256': hashes.get(key) ?? '' });
    response.end(request.method === 'HEAD' ? undefined : object);
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function tagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}
