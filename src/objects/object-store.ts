import { createHash } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type {
  ListObjectsV2CommandOutput,
  ListPartsCommandOutput,
  S3Client,
  S3ClientConfig,
  UploadPartCommandOutput,
} from '@aws-sdk/client-s3';
import { MirrorError } from '../errors.ts';
import { deadlineOf, MOST_LISTED, Pages, proxyVariables, within } from '../http/index.ts';
import { boundAnswers } from './bounded-answers.ts';
import { objectError } from './object-error.ts';
import type { ObjectStoreOptions } from './options.ts';

/** The content to store; it can be read again from any byte. */
export interface ObjectContent {
  readonly bytes: number;
  readonly type?: string;
  /** SHA-256, hex: if the stored object has the same hash, it is not sent again. */
  readonly hash?: string;
  read(start?: number): AsyncIterable<Uint8Array>;
}

/**
 * The length of a part; longer content is sent in parts. Each part is sent separately, and need not be sent again
 * after a crash. S3 takes parts of 5 MiB to 5 GiB, at most 10,000
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
 */
const PART_BYTES = 8 * 1024 * 1024;
const MOST_PARTS = 9000;
/** Time limit for one command, including its second attempt. */
const TIMEOUT_MS = 240_000;

type Sdk = typeof import('@aws-sdk/client-s3');

/** A bucket. The client is loaded on first use. */
export class ObjectStore {
  readonly #options: ObjectStoreOptions;
  readonly #partBytes: number;
  readonly #onSend: ((command: string) => void) | undefined;
  /** False once the server said that it has no conditional writes. */
  #hasConditions = true;
  #loaded: Promise<{ readonly sdk: Sdk; readonly client: S3Client }> | undefined;

  /** Creates a store. `onSend` is called with the name of every command that is sent. */
  constructor(options: ObjectStoreOptions, partBytes = PART_BYTES, onSend?: (command: string) => void) {
    this.#options = options;
    this.#partBytes = partBytes;
    this.#onSend = onSend;
  }

  urlOf(path: string): string {
    return `${this.#options.url}/${path.split('/').map(encodeURIComponent).join('/')}`;
  }

  /**
   * Stores an object; storing it again replaces it. Throws MB4001 for a problem that may pass, MB4002 and MB4004 for
   * one that cannot.
   */
  async put(path: string, content: ObjectContent, signal: AbortSignal): Promise<string> {
    const { sdk, client } = await this.#load();
    const Key = this.#key(path);
    await this.#try(`storing ${path}`, signal, async () => {
      if (content.bytes <= this.#partBytes) {
        const Body = await whole(content);
        await this.#within(Body.length, signal, (abortSignal) =>
          client.send(new sdk.PutObjectCommand({ ...this.#bucket, Key, Body, ...factsOf(content) }), { abortSignal }),
        );
      } else if (!(await this.#isThere(path, content, signal))) {
        await this.#putParts(Key, content, signal);
      }
    });
    return this.urlOf(path);
  }

  /**
   * Stores an object under a name that none has. Returns false if one has it. A server without conditional writes is
   * asked first; there, two writers of one name may both believe to be the first.
   */
  async putNew(path: string, Body: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const { sdk, client } = await this.#load();
    const place = { ...this.#bucket, Key: this.#key(path), Body };
    return this.#try(`storing ${path}`, signal, async () => {
      const put = (condition: { readonly IfNoneMatch?: '*' }): Promise<unknown> =>
        this.#within(Body.length, signal, (abortSignal) =>
          client.send(new sdk.PutObjectCommand({ ...place, ...condition }), { abortSignal }),
        );
      if (this.#hasConditions) {
        try {
          await put({ IfNoneMatch: '*' });
          return true;
        } catch (error) {
          const status = statusOf(error);
          if (status === 412) return false;
          // 501 is S3's answer to a header that a server does not implement; some say 400 instead.
          if (status !== 501 && (error as { name?: unknown }).name !== 'NotImplemented') throw error;
          this.#hasConditions = false;
        }
      }
      if ((await this.#head(path, signal)) !== undefined) return false;
      await put({});
      return true;
    });
  }

  /** Lists the objects below a path that ends with a slash, with their paths from the prefix of the store. */
  async list(below: string, signal: AbortSignal): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
    const { sdk, client } = await this.#load();
    const found: { path: string; bytes: number }[] = [];
    return this.#try(`listing ${below}`, signal, async () => {
      const pages = new Pages(`listing ${below}`, this.#options.url, { items: MOST_LISTED });
      let token: string | undefined;
      do {
        const page: ListObjectsV2CommandOutput = await this.#within(0, signal, (abortSignal) =>
          client.send(new sdk.ListObjectsV2Command({ ...this.#bucket, Prefix: this.#key(below), ContinuationToken: token }), {
            abortSignal,
          }),
        );
        const { Contents: contents = [] } = page;
        for (const { Key = '', Size = 0 } of contents) found.push({ path: Key.slice(this.#key('').length), bytes: Size });
        token = pages.next(
          page.IsTruncated === true ? page.NextContinuationToken : undefined,
          contents.length,
          contents.map(({ Key }) => Key),
        );
      } while (token !== undefined);
      return found;
    });
  }

  /** Returns the content of an object; undefined if there is none. */
  async getIfThere(path: string, signal: AbortSignal): Promise<Buffer | undefined> {
    try {
      return await this.get(path, signal);
    } catch (error) {
      if (error instanceof MirrorError && error.code === 'MB4004' && ['NoSuchKey', 'NotFound'].includes(String(error.context['name'])))
        return undefined;
      throw error;
    }
  }

  /** Returns the length of an object; undefined if there is none. */
  async lengthOf(path: string, signal: AbortSignal): Promise<number | undefined> {
    return (await this.#head(path, signal))?.bytes;
  }

  async get(path: string, signal: AbortSignal): Promise<Buffer> {
    const { sdk, client } = await this.#load();
    return this.#try(`reading ${path}`, signal, async () => {
      return this.#within(0, signal, async (abortSignal) => {
        const answer = await client.send(new sdk.GetObjectCommand({ ...this.#bucket, Key: this.#key(path) }), { abortSignal });
        return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
      });
    });
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    const { sdk, client } = await this.#load();
    await this.#try(`removing ${path}`, signal, () =>
      this.#within(0, signal, (abortSignal) =>
        client.send(new sdk.DeleteObjectCommand({ ...this.#bucket, Key: this.#key(path) }), { abortSignal }),
      ),
    );
  }

  /** Checks that the bucket exists and accepts the credentials. */
  async probe(signal: AbortSignal): Promise<void> {
    const { sdk, client } = await this.#load();
    await this.#try(`looking at ${this.#options.url}`, signal, () =>
      this.#within(0, signal, (abortSignal) =>
        client.send(new sdk.ListObjectsV2Command({ ...this.#bucket, Prefix: this.#key(''), MaxKeys: 1 }), { abortSignal }),
      ),
    );
  }

  async close(): Promise<void> {
    (await this.#loaded?.catch(() => undefined))?.client.destroy();
  }

  get #bucket(): { readonly Bucket: string } {
    return { Bucket: this.#options.bucket };
  }

  #key(path: string): string {
    const { prefix } = this.#options;
    return prefix === '' ? path : `${prefix}/${path}`;
  }

  #load(): Promise<{ readonly sdk: Sdk; readonly client: S3Client }> {
    this.#loaded ??= import('@aws-sdk/client-s3').then((sdk) => {
      const { endpoint, region, pathStyle, credentials } = this.#options;
      const usual = process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
      const client = new sdk.S3Client({
        ...(endpoint === undefined ? {} : { endpoint }),
        // The client does not start without a region, though servers other than Amazon's do not need it.
        ...(region !== undefined ? { region } : usual !== undefined || endpoint !== undefined ? { region: usual ?? 'us-east-1' } : {}),
        forcePathStyle: pathStyle ?? (endpoint !== undefined || process.env['AWS_ENDPOINT_URL_S3'] !== undefined),
        ...(credentials === undefined ? {} : { credentials }),
        // Servers other than Amazon's do not support the newer checksums.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        followRegionRedirects: true,
        ...proxied(this.#options.env ?? process.env),
        maxAttempts: 2,
      });
      boundAnswers(client, this.#options.url);
      const onSend = this.#onSend;
      if (onSend !== undefined) {
        client.middlewareStack.add((next, context) => (args) => {
          onSend(context.commandName ?? '');
          return next(args);
        });
      }
      return { sdk, client };
    });
    return this.#loaded;
  }

  async #head(path: string, signal: AbortSignal): Promise<{ readonly bytes: number; readonly hash: string | undefined } | undefined> {
    const { sdk, client } = await this.#load();
    return this.#try(`looking for ${path}`, signal, async () => {
      try {
        const answer = await this.#within(0, signal, (abortSignal) =>
          client.send(new sdk.HeadObjectCommand({ ...this.#bucket, Key: this.#key(path) }), { abortSignal }),
        );
        return { bytes: answer.ContentLength ?? 0, hash: answer.Metadata?.['sha256'] };
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  async #isThere(path: string, { bytes, hash }: ObjectContent, signal: AbortSignal): Promise<boolean> {
    if (hash === undefined) return false;
    const found = await this.#head(path, signal);
    return found?.bytes === bytes && found.hash === hash;
  }

  /**
   * Uploads content in parts. The MD5 of a part, its ETag
   * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Part.html), shows if an interrupted upload has already
   * stored it, so that it is not sent again.
   */
  async #putParts(Key: string, content: ObjectContent, signal: AbortSignal): Promise<void> {
    const { sdk, client } = await this.#load();
    const place = { ...this.#bucket, Key };
    const { id, stored } = await this.#openUpload(Key, content, signal);
    const upload = { ...place, UploadId: id };
    const parts: { PartNumber: number; ETag: string | undefined }[] = [];
    const size = Math.max(this.#partBytes, Math.ceil(content.bytes / MOST_PARTS));
    for await (const Body of partsOf(content.read(), size)) {
      const PartNumber = parts.length + 1;
      const md5 = `"${createHash('md5').update(Body).digest('hex')}"`;
      let ETag = stored.get(PartNumber);
      if (ETag !== md5) {
        const sent: UploadPartCommandOutput = await this.#within(Body.length, signal, (abortSignal) =>
          client.send(new sdk.UploadPartCommand({ ...upload, PartNumber, Body }), { abortSignal }),
        );
        ETag = sent.ETag;
      }
      parts.push({ PartNumber, ETag });
    }
    await this.#within(0, signal, (abortSignal) =>
      client.send(new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }), { abortSignal }),
    );
  }

  /** Returns the interrupted upload of a key, with its parts, or else a new one. */
  async #openUpload(
    Key: string,
    content: ObjectContent,
    signal: AbortSignal,
  ): Promise<{ id: string; stored: ReadonlyMap<number, string> }> {
    const { sdk, client } = await this.#load();
    const place = { ...this.#bucket, Key };
    const open = await this.#within(0, signal, (abortSignal) =>
      client.send(new sdk.ListMultipartUploadsCommand({ ...this.#bucket, Prefix: Key }), { abortSignal }),
    );
    const id = open.Uploads?.filter((upload) => upload.Key === Key).at(-1)?.UploadId;
    if (id === undefined) {
      const made = await this.#within(0, signal, (abortSignal) =>
        client.send(new sdk.CreateMultipartUploadCommand({ ...place, ...factsOf(content) }), { abortSignal }),
      );
      if (made.UploadId === undefined) throw new MirrorError('MB4005', 'the object store returned no upload id');
      return { id: made.UploadId, stored: new Map() };
    }
    const stored = new Map<number, string>();
    const pages = new Pages('listing the parts of an upload', this.#options.url, { items: MOST_LISTED });
    let marker: string | undefined;
    do {
      const page: ListPartsCommandOutput = await this.#within(0, signal, (abortSignal) =>
        client.send(new sdk.ListPartsCommand({ ...place, UploadId: id, PartNumberMarker: marker }), { abortSignal }),
      );
      for (const { PartNumber, ETag } of page.Parts ?? []) {
        if (PartNumber !== undefined && ETag !== undefined) stored.set(PartNumber, ETag);
      }
      marker = pages.next(page.IsTruncated === true ? page.NextPartNumberMarker : undefined, page.Parts?.length ?? 0, page.Parts);
    } while (marker !== undefined);
    return { id, stored };
  }

  /**
   * Runs one command with a time limit that depends on its bytes: the client itself waits as long as a byte comes now
   * and then.
   */
  #within<T>(bytes: number, signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return within(deadlineOf(this.#options.timeoutMs ?? TIMEOUT_MS, bytes), signal, ask);
  }

  async #try<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw objectError(error, what, this.#options);
    }
  }
}

/** Returns the client options for proxies: the client itself does not support proxies. */
function proxied(env: NonNullable<ObjectStoreOptions['env']>): Pick<S3ClientConfig, 'requestHandler'> {
  const proxyEnv = proxyVariables(env);
  if (proxyEnv === undefined) return {};
  const options = { keepAlive: true, maxSockets: 50, proxyEnv };
  return { requestHandler: { httpAgent: new HttpAgent(options), httpsAgent: new HttpsAgent(options) } };
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

function factsOf({ type, hash }: ObjectContent): { readonly ContentType?: string; readonly Metadata?: Record<string, string> } {
  return { ...(type === undefined ? {} : { ContentType: type }), ...(hash === undefined ? {} : { Metadata: { sha256: hash } }) };
}

async function whole(content: ObjectContent): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* partsOf(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer, void, void> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    let rest = chunk;
    while (bytes + rest.length >= size) {
      yield Buffer.concat([...waiting, rest.subarray(0, size - bytes)]);
      rest = rest.subarray(size - bytes);
      waiting = [];
      bytes = 0;
    }
    if (rest.length > 0) waiting.push(rest);
    bytes += rest.length;
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}
