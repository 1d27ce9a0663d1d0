// A gRPC client of TensorBoard's data provider, from protos/data-provider.proto. What it decodes is independent of
// what encoded it.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, credentials } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

const FOLDER = fileURLToPath(new URL('../../../protos/', import.meta.url));
const SERVICE = '/tensorboard.data.TensorBoardDataProvider';

const types = new protobuf.Root();
types.resolvePath = (_, target) => join(FOLDER, target);
types.loadSync(['data-provider.proto', 'summary.proto', 'plugins.proto'], { keepCase: true });
const service = types.lookupService('mirrorboard.DataProvider');

/** A decoded message: integers of 64 bits as text, bytes as buffers. */
// biome-ignore lint/suspicious/noExplicitAny: tests name the fields that they expect
export type Message = any;

/** Decodes a message inside another one. */
export function decoded(type: string, bytes: Uint8Array): Message {
  return toObject(types.lookupType(`mirrorboard.${type}`), bytes);
}

function toObject(type: protobuf.Type, bytes: Uint8Array): Message {
  return type.toObject(type.decode(bytes), { longs: String, arrays: true });
}

export class TensorBoardClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 });
  }

  /** The answer to a call by its name. */
  async ask(name: string, request: object = {}): Promise<Message> {
    const { responseType } = service.methods[name] as protobuf.Method;
    return toObject(types.lookupType(`mirrorboard.${responseType}`), await this.bytes(name, request));
  }

  /** The encoded answer to a call by its name. */
  bytes(name: string, request: object = {}): Promise<Buffer> {
    const { requestType } = service.methods[name] as protobuf.Method;
    const bytes = types.lookupType(`mirrorboard.${requestType}`).encode(request).finish();
    return new Promise((resolve, reject) => {
      const answered = (error: unknown, answer?: Buffer): void => (answer === undefined ? reject(error) : resolve(answer));
      this.#client.makeUnaryRequest(`${SERVICE}/${name}`, Buffer.from, identity, Buffer.from(bytes), answered);
    });
  }

  /** True once somebody listens at the address; false after a short while. */
  isReady(): Promise<boolean> {
    return new Promise((resolve) => this.#client.waitForReady(Date.now() + 5000, (error) => resolve(error === undefined)));
  }

  /** The series of an answer as `run tag`, each with its metadata or data. */
  async series(name: string, plugin: string, more: object = {}): Promise<ReadonlyMap<string, Message>> {
    const { runs } = await this.ask(name, { plugin_filter: { plugin_name: plugin }, ...more });
    return new Map(
      runs.flatMap((run: Message) => run.tags.map((tag: Message) => [`${run.run_name} ${tag.tag_name}`, tag.metadata ?? tag.data])),
    );
  }

  /** The bytes of a blob, and the number of pieces that they came in. */
  async blob(key: string): Promise<{ readonly bytes: Buffer; readonly pieces: number }> {
    const request = types.lookupType('mirrorboard.BlobRequest').encode({ blob_key: key }).finish();
    const call = this.#client.makeServerStreamRequest(`${SERVICE}/ReadBlob`, Buffer.from, identity, Buffer.from(request));
    const pieces: Buffer[] = [];
    for await (const piece of call) pieces.push(toObject(types.lookupType('mirrorboard.BlobPiece'), piece).data ?? Buffer.alloc(0));
    return { bytes: Buffer.concat(pieces), pieces: pieces.length };
  }

  close(): void {
    this.#client.close();
  }
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
