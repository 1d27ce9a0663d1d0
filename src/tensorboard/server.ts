import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { MirrorError, messageOf } from '../errors.ts';
import { mirrorboard as messages } from '../proto/messages.js';
import { type Shown, StoreQueries } from '../query/index.ts';
import type { Choice } from './experiment.ts';
import { DataProvider } from './provider.ts';
import { Refusal } from './refusal.ts';
import { viewsOfDirectory } from './root-views.ts';
import { addBytes, message } from './wire.ts';

/** The store to show, and how. */
export interface TensorBoardOptions {
  readonly store: { readonly path: string; readonly mediaPath: string };
  /** The root to show. Default: all; then the names of the runs begin with those of their roots. */
  readonly root?: string | undefined;
  /** The paths of a log directory to show instead: as it was named, and without links. Runs have their names in it. */
  readonly logdir?: readonly string[] | undefined;
  /** The points to show of runs that were restarted. Default `tensorboard`. */
  readonly shown?: Shown | undefined;
  /** The port, 0 for any free one (the default). */
  readonly port?: number | undefined;
  /** True if a page will ask soon: the list of all scalars is made at once. Default false. */
  readonly isAwaited?: boolean | undefined;
  /** The flag that chooses the port, for errors. */
  readonly flag?: string | undefined;
}

/** A listener for TensorBoard's data provider. The caller closes it. */
export interface TensorBoardData {
  /** The value of TensorBoard's flag `--grpc_data_provider`. */
  readonly address: string;
  close(): Promise<void>;
}

/** Only this machine: the protocol knows no passwords. */
const HOST = '127.0.0.1';
const SERVICE = '/tensorboard.data.TensorBoardDataProvider';
/** The largest request: it names all runs of a selection. */
const MOST_REQUEST = 64 * 1024 * 1024;

/**
 * Listens for TensorBoard on this machine. Throws MB3007 if there is no store, MB3008 if it has no such root, MB1001
 * if the port is taken, otherwise as `openStore`.
 */
export async function serveTensorBoard(options: TensorBoardOptions): Promise<TensorBoardData> {
  const { store, shown = 'tensorboard', port = 0, isAwaited = false, flag, ...choice } = options;
  // It would write to standard error what callers get as errors.
  setLogVerbosity(logVerbosity.NONE);
  const queries = new StoreQueries(store.path);
  const server = new Server({ 'grpc.max_receive_message_length': MOST_REQUEST });
  try {
    await checkChoice(queries, store.path, choice);
    const provider = new DataProvider({ ...choice, queries, mediaPath: store.mediaPath, shown });
    const { definition, implementation } = serviceOf(provider);
    server.addService(definition, implementation);
    const address = `${HOST}:${await listen(server, port, flag)}`;
    const prepared = isAwaited ? prepare(provider) : undefined;
    return {
      address,
      close: async () => {
        server.forceShutdown();
        // A question that waits fails.
        await queries.close();
        await prepared;
      },
    };
  } catch (error) {
    server.forceShutdown();
    await queries.close();
    throw error;
  }
}

/** Makes the longest list of the page while TensorBoard still starts. */
async function prepare(provider: DataProvider): Promise<void> {
  try {
    await provider.list('scalar', { experiment_id: '', plugin_filter: { plugin_name: 'scalars' } });
  } catch {
    // The page asks again, and gets the error.
  }
}

async function checkChoice(queries: StoreQueries, path: string, { root, logdir }: Choice): Promise<void> {
  const roots = await queries.ask({ kind: 'roots' });
  const missing = (what: string, known: readonly string[]): MirrorError =>
    new MirrorError('MB3008', `the store ${path} has no root ${what}; it has: ${known.join(', ') || 'none'}`, { context: { path } });
  const names = roots.map(({ name }) => name);
  if (root !== undefined && !names.includes(root)) throw missing(root, names);
  if (logdir === undefined || viewsOfDirectory(roots, logdir).length > 0) return;
  throw missing(
    `at ${logdir[0]}, above it or below it`,
    roots.map((one) => one.path),
  );
}

function listen(server: Server, port: number, flag: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${HOST}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else {
        const hint = `Choose another port${flag === undefined ? '' : ` with ${flag}`}, or end the process that uses it.`;
        reject(new MirrorError('MB1001', `listening on ${HOST}:${port}: ${messageOf(error)}`, { hint, cause: error }));
      }
    });
  });
}

interface Service {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** Returns the ten calls. */
function serviceOf(provider: DataProvider): Service {
  // The library takes a request that is an empty text for none.
  const experiment = (bytes: Buffer): messages.ExperimentRequest => messages.ExperimentRequest.decode(bytes);
  const series = (bytes: Buffer): messages.SeriesRequest => messages.SeriesRequest.decode(bytes);
  const calls = {
    GetExperiment: unary(experiment, ({ experiment_id: id }, signal) => provider.experiment(id, signal)),
    ListPlugins: unary(experiment, ({ experiment_id: id }, signal) => provider.plugins(id, signal)),
    ListRuns: unary(experiment, ({ experiment_id: id }, signal) => provider.runs(id, signal)),
    ListScalars: unary(series, (request, signal) => provider.list('scalar', request, signal)),
    ReadScalars: unary(series, (request, signal) => provider.scalars(request, signal)),
    ListTensors: unary(series, (request, signal) => provider.list('tensor', request, signal)),
    ReadTensors: unary(series, (request, signal) => provider.tensors(request, signal)),
    ListBlobSequences: unary(series, (request, signal) => provider.list('blob_sequence', request, signal)),
    ReadBlobSequences: unary(series, (request, signal) => provider.blobs(request, signal)),
    ReadBlob: { decode: (bytes: Buffer) => messages.BlobRequest.decode(bytes), handle: blobHandler(provider), isStream: true },
  };
  return {
    definition: Object.fromEntries(
      Object.entries(calls).map(([name, { decode, isStream }]) => [
        name,
        {
          path: `${SERVICE}/${name}`,
          requestStream: false,
          responseStream: isStream,
          requestSerialize: (bytes: Buffer) => bytes,
          requestDeserialize: decode,
          responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      ]),
    ),
    implementation: Object.fromEntries(Object.entries(calls).map(([name, { handle }]) => [name, handle])),
  };
}

interface Call<Request> {
  readonly decode: (bytes: Buffer) => Request;
  readonly handle: handleUnaryCall<Request, Uint8Array>;
  readonly isStream: false;
}

function unary<Request>(
  decode: (bytes: Buffer) => Request,
  answer: (request: Request, signal: AbortSignal) => Promise<Uint8Array>,
): Call<Request> {
  return {
    decode,
    isStream: false,
    handle: (call, callback) => {
      const controller = new AbortController();
      call.on('cancelled', () => controller.abort());
      answer(call.request, controller.signal).then(
        (bytes) => callback(null, bytes),
        (error) => callback(statusOf(error)),
      );
    },
  };
}

function blobHandler(provider: DataProvider): handleServerStreamingCall<messages.BlobRequest, Uint8Array> {
  return (call) => {
    const controller = new AbortController();
    call.on('cancelled', () => controller.abort());
    const send = async (): Promise<void> => {
      for await (const piece of provider.blob(call.request.blob_key, controller.signal)) {
        controller.signal.throwIfAborted();
        if (!call.write(addBytes(message(), 1, piece).finish())) await untilDrained(call, controller.signal);
      }
      call.end();
    };
    send().catch((error: unknown) => call.emit('error', statusOf(error)));
  };
}

/** Waits until the client takes more. */
function untilDrained(call: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    call.once('drain', () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}

function statusOf(error: unknown): { readonly code: status; readonly details: string } {
  return { code: error instanceof Refusal ? error.code : status.INTERNAL, details: messageOf(error) };
}
