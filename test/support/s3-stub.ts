// A bucket of an S3 server, as far as keeping files in it needs one. It notes what a client that writes once never
// does.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Fault, FaultQueue } from '../../src/testing/fault.ts';

export interface S3Stub {
  readonly url: string;
  readonly objects: Map<string, Buffer>;
  /** Faults of the next writes of `faulty` keys. */
  readonly faults: FaultQueue;
  /** Names of the requests so far: `PUT`, `LIST`. */
  readonly requests: string[];
  readonly complaints: string[];
  close(): Promise<void>;
}

interface Upload {
  readonly key: string;
  readonly parts: Map<number, Buffer>;
}

export interface S3StubOptions {
  /** The only access key that is accepted. Default: any. */
  readonly accessKey?: string;
  /** False for a server that does not implement conditional writes. Default: it does. */
  readonly hasConditions?: boolean;
  /** Keys whose writes have faults, and must never be replaced. Default: none. */
  readonly faulty?: RegExp;
}

/** Objects in one page of a listing. */
const PAGE = 50;

export async function startS3Stub({ accessKey, hasConditions = true, faulty }: S3StubOptions = {}): Promise<S3Stub> {
  const faults = new FaultQueue();
  const requests: string[] = [];
  const complaints: string[] = [];
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
    requests.push(query.has('list-type') ? 'LIST' : (request.method ?? ''));
    const denied = accessKey !== undefined && !(request.headers.authorization ?? '').includes(`Credential=${accessKey}/`);
    if (denied) return void xml('<Error><Code>InvalidAccessKeyId</Code><Message>no such key</Message></Error>', 403);
    if (query.has('list-type')) return void xml(listing(query));
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
      put(key, body, request, response);
      return;
    }
    if (request.method === 'DELETE') {
      objects.delete(key);
      return void response.writeHead(204).end();
    }
    const object = objects.get(key);
    if (object === undefined) return void xml('<Error><Code>NoSuchKey</Code></Error>', 404);
    response.writeHead(200, { 'content-length': object.length, 'x-amz-meta-sha256': hashes.get(key) ?? '' });
    response.end(request.method === 'HEAD' ? undefined : object);
  }

  function put(key: string, body: Buffer, { headers }: IncomingMessage, response: ServerResponse): void {
    const answer = (status: number, code?: string, more: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': 'application/xml', etag: tagOf(body), ...more });
      response.end(code === undefined ? undefined : `<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
    };
    const isNew = headers['if-none-match'] === '*';
    if (isNew && !hasConditions) {
      answer(501, 'NotImplemented');
      return;
    }
    const isFaulty = faulty?.test(key) === true;
    const fault = isFaulty ? faults.next() : undefined;
    const isStored = fault === undefined || fault.kind === 'answerLost' || fault.kind === 'hangStored';
    if (isStored && isNew && objects.has(key)) {
      answer(412, 'PreconditionFailed');
      return;
    }
    const before = objects.get(key);
    if (isStored && isFaulty && before?.equals(body) === false) complaints.push(`${key} got other content`);
    if (isStored) objects.set(key, body);
    if (fault === undefined) answer(200);
    else faultAnswer(fault, response, answer);
  }

  function listing(query: URLSearchParams): string {
    const prefix = query.get('prefix') ?? '';
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const from = Number(query.get('continuation-token') ?? 0);
    const most = Math.min(PAGE, Number(query.get('max-keys') ?? PAGE));
    const contents = keys
      .slice(from, from + most)
      .map((key) => `<Contents><Key>${escaped(key)}</Key><Size>${objects.get(key)?.length}</Size></Contents>`);
    const next = from + most < keys.length ? `<NextContinuationToken>${from + most}</NextContinuationToken>` : '';
    return `<ListBucketResult>${contents.join('')}<IsTruncated>${next !== ''}</IsTruncated>${next}</ListBucketResult>`;
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    faults,
    requests,
    complaints,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function tagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

function faultAnswer({ kind }: Fault, response: ServerResponse, answer: (status: number, code?: string) => void): void {
  if (kind === 'rateLimited') answer(503, 'SlowDown');
  else if (kind === 'unavailable') answer(500, 'InternalError');
  else if (kind === 'noAccess') answer(403, 'AccessDenied');
  else if (kind === 'connectionLost' || kind === 'answerLost' || kind === 'partStored') response.destroy();
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
