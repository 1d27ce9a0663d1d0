/** The resource that exports: what `mirrorboard export` writes, as a stream. */
import { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { MirrorError, messageOf } from '../errors.ts';
import { EXPORT_KINDS } from '../export/index.ts';
import { closingOf } from './answers.ts';
import type { ExportMessage, ExportWork } from './export-protocol.ts';
import { checked, flag, selection, selectionOf, tags } from './parameters.ts';
import { Refusal } from './problem.ts';
import { BASE } from './route.ts';

/** The most exports at a time: each is a thread. */
const MOST_EXPORTS = 2;
/** The pieces of about 64 KiB that wait for the client. */
const AHEAD = 4;

const TYPES = {
  csv: 'text/csv; charset=utf-8',
  json: 'application/json; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
} as const;

/** The parameters of an export. */
export const exportQuery = z.strictObject({
  ...selection,
  tag: tags.meta({ description: 'Only this tag; repeatable. Default: all.' }),
  format: z
    .enum(['csv', 'json', 'parquet'], { error: 'expected csv, json or parquet' })
    .meta({ description: '`json`: every point, in the truth format.' }),
  kind: z
    .enum(EXPORT_KINDS, { error: `expected one of ${EXPORT_KINDS.join(', ')}` })
    .default('scalars')
    .meta({ description: 'The kind of values, for csv and parquet.' }),
  safe: flag.meta({ description: 'Escape formulas and control characters in csv.' }),
});

/** Adds the resource to a server. Its threads end with their answers. */
export function addExport(
  app: FastifyInstance,
  { storePath, onFailure }: { readonly storePath: string; readonly onFailure: (error: unknown, request: string) => void },
): void {
  let underWay = 0;
  app.get(`${BASE}/export`, async (request, reply) => {
    const query = checked(exportQuery, request.query);
    const { format, kind, safe, tag } = query;
    const begin = (stream: Readable): FastifyReply =>
      reply.type(TYPES[format]).header('content-disposition', `attachment; filename="mirrorboard.${format}"`).send(stream);
    if (request.method === 'HEAD') return begin(Readable.from([]));
    if (underWay >= MOST_EXPORTS) {
      throw new Refusal(503, 'MB5005', `the API writes ${MOST_EXPORTS} exports already`, {
        hint: 'Retry when one is complete, or use mirrorboard export.',
        headers: { 'retry-after': '10' },
        retry: 'later',
      });
    }
    underWay++;
    const thread = new ExportThread({
      path: storePath,
      format,
      kind,
      isSafe: safe,
      select: selectionOf(query),
      tags: tag.length === 0 ? undefined : [...new Set(tag)],
      ahead: AHEAD,
    });
    thread.ended.then(() => underWay--);
    closingOf(reply).addEventListener('abort', () => thread.stop());
    await thread.begun;
    thread.stream.once('error', (error) => {
      if (!request.raw.destroyed) onFailure(error, `GET ${request.url}`);
    });
    return begin(thread.stream);
  });
}

/** The thread of an export, and the stream of what it writes. */
class ExportThread {
  /** Resolves when the selection is valid; rejects if it is not. */
  readonly begun: Promise<void>;
  readonly ended: Promise<void>;
  readonly stream: Readable;
  readonly #worker: Worker;
  readonly #pieces: Uint8Array[] = [];
  /** True while the stream wants a piece. */
  #isWanted = false;
  /** True if no further piece comes. */
  #isDone = false;

  constructor(work: ExportWork) {
    this.#worker = new Worker(new URL('./export-worker.js', import.meta.url), { workerData: work });
    this.stream = new Readable({ read: () => this.#give(), destroy: (error, done) => this.#destroyed(error, done) });
    const { promise: begun, resolve, reject } = Promise.withResolvers<void>();
    this.begun = begun;
    const failed = (error: MirrorError): void => {
      reject(error);
      this.stream.destroy(error);
    };
    // Before it begins, the answer tells the failure; afterwards, the connection breaks.
    this.stream.on('error', () => undefined);
    begun.catch(() => undefined);
    this.#worker.on('message', (message: ExportMessage) => {
      if (message.kind === 'begun') resolve();
      else if (message.kind === 'failed') failed(new MirrorError(message.code, message.message, message.details));
      else this.#came(message.kind === 'done' ? undefined : message.bytes);
    });
    this.#worker.on('error', (error) => failed(new MirrorError('MB9001', `the export failed: ${messageOf(error)}`)));
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    this.ended = ended;
    this.#worker.on('exit', () => {
      end();
      // Nothing if it has ended well.
      reject(new MirrorError('MB9001', 'the thread of the export ended'));
    });
  }

  stop(): void {
    void this.#worker.terminate();
  }

  #came(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) this.#isDone = true;
    else this.#pieces.push(bytes);
    if (this.#isWanted) this.#give();
  }

  #give(): void {
    const piece = this.#pieces.shift();
    this.#isWanted = piece === undefined && !this.#isDone;
    if (piece !== undefined) {
      this.#worker.postMessage('taken');
      this.stream.push(piece);
    } else if (this.#isDone) this.stream.push(null);
  }

  #destroyed(error: Error | null, done: (error: Error | null) => void): void {
    this.stop();
    done(error);
  }
}
