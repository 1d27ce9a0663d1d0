// A strict stand-in for an Aim server (3.19 to 3.29): it answers as the real one of that version does, and notes what
// would hurt the real one without a word.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { close, listen, urlOf } from '../../../src/testing/loopback.ts';
import { StubTree } from './tree.ts';
import { decode, encode, leafValue, list, type Node, nothing, object, Raised, TYPES, text } from './wire.ts';

export interface StubOptions {
  /** A header that every client must send. Default: none. */
  readonly secret?: { readonly name: string; readonly value: string };
  /** What `get-version` says. Default 3.29.1; null: it is not known there. */
  readonly version?: string | null;
  /** Whether trees have `update`. Default: as those of the version have. */
  readonly takesMany?: boolean;
}

export type StubFault =
  | { readonly kind: 'tooMany'; readonly afterSec?: number; readonly asDate?: boolean }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'close'; readonly stored: boolean }
  | { readonly kind: 'part' }
  | { readonly kind: 'hang'; readonly stored: boolean }
  | { readonly kind: 'denied' };

export interface StubRun {
  readonly hash: string;
  readonly meta: StubTree;
  readonly seqs: StubTree;
  name: string;
  description: string;
  experiment: string;
  archived: boolean;
  createdAt: number | undefined;
  readonly tags: Set<string>;
}

interface Resource {
  readonly client: string;
  readonly type: string;
  readonly run: StubRun | undefined;
  readonly tree: StubTree | undefined;
  /** The words in which a view was asked for, where it is one of a moment. */
  readonly view?: string | undefined;
  readonly isReadOnly: boolean;
}

/** A frame with many records costs the real server the square of its length. */
const MOST_FRAME_BYTES = 128 * 1024;
const MOST_UNANSWERED = 4;

export class AimStub {
  /** What a good client never does. Tests expect none. */
  readonly violations: string[] = [];
  readonly runs = new Map<string, StubRun>();
  /** Frames that were applied. */
  frames = 0;
  /** Most runs that were open at a time. */
  mostOpen = 0;
  readonly #options: StubOptions;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 0 });
  readonly #resources = new Map<string, Resource>();
  readonly #clients = new Map<string, { beats: number }>();
  readonly #deleted = new Set<string>();
  readonly #forgotten = new Set<string>();
  readonly #locked = new Map<string, string>();
  readonly #refused = new Set<string>();
  #faults: StubFault[] = [];
  #nextRead: Buffer | undefined;
  #denials = 0;

  private constructor(options: StubOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        this.violations.push(`the stub failed: ${String(error)}`);
        response.destroy();
      });
    });
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  static async start(options: StubOptions = {}): Promise<AimStub> {
    const stub = new AimStub(options);
    await listen(stub.#server);
    return stub;
  }

  get url(): string {
    return urlOf(this.#server);
  }

  /** Of all runs, what readers would trip over. */
  complaints(): readonly string[] {
    return [...this.violations, ...[...this.runs.values()].flatMap(misaligned)];
  }

  fail(fault: StubFault, times = 1): void {
    for (let i = 0; i < times; i++) this.#faults.push(fault);
  }

  /** Raises for whatever names this from now on. */
  refuse(name: string): void {
    this.#refused.add(name);
  }

  /** Faults that have not happened yet. */
  get faultsLeft(): number {
    return this.#faults.length;
  }

  heal(): void {
    this.#faults = [];
    this.#denials = 0;
  }

  /** As a restart does: nothing of any client is known any more, and every channel is closed. */
  forget(): void {
    this.#resources.clear();
    // A client that was known continues to ask until it notices.
    for (const client of this.#clients.keys()) this.#forgotten.add(client);
    this.#clients.clear();
    this.#locked.clear();
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  delete(hash: string): void {
    this.runs.delete(hash);
    this.#deleted.add(hash);
  }

  statusOf(hash: string): 'running' | 'finished' | 'failed' {
    const chunk = ['s:meta', 's:chunks', `s:${hash}`];
    const meta = this.runs.get(hash)?.meta;
    if (leafValue(meta?.get([...chunk, 's:end_time'])) === null) return 'running';
    return leafValue(meta?.get([...chunk, 's:attrs', 's:mirrorboard', 's:status'])) === 'failed' ? 'failed' : 'finished';
  }

  /** Bytes that the next question for values is answered with, whatever it is. */
  answerNextRead(bytes: Buffer): void {
    this.#nextRead = bytes;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    await close(this.#server);
  }

  #isLetIn(request: IncomingMessage): boolean {
    if (this.#denials > 0) return false;
    const { secret } = this.#options;
    return secret === undefined || request.headers[secret.name.toLowerCase()] === secret.value;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = (
      status: number,
      body: string | Buffer,
      headers: Record<string, string> = { 'content-type': 'application/json' },
    ): void => {
      response.writeHead(status, headers).end(body);
    };
    if (!this.#isLetIn(request)) {
      if (this.#denials > 0) this.#denials--;
      answer(401, '{"detail":"not let in"}');
      return;
    }
    const path = (request.url ?? '').split('/').filter((part) => part !== '');
    const [fault] = this.#faults;
    if (path[0] === 'tracking' && (fault?.kind === 'tooMany' || fault?.kind === 'unavailable')) {
      this.#faults.shift();
      if (fault.kind === 'unavailable') return answer(503, 'unavailable');
      const after = fault.afterSec;
      const said =
        after === undefined ? undefined : fault.asDate === true ? new Date(Date.now() + after * 1000).toUTCString() : String(after);
      return answer(429, 'too many', said === undefined ? {} : { 'retry-after': said });
    }
    try {
      const body = chunks.length === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>);
      const result = (path.includes('read-instruction') ? this.#nextRead : undefined) ?? this.#route(path, body);
      if (result === this.#nextRead) this.#nextRead = undefined;
      if (result === undefined) answer(404, '{"detail":"Not Found"}');
      else answer(200, result, { 'content-type': typeof result === 'string' ? 'application/json' : 'application/octet-stream' });
    } catch (error) {
      if (!(error instanceof Raised)) throw error;
      answer(
        400,
        JSON.stringify({ exception: { module_name: 'builtins', class_name: error.className, args: '[]', message: error.message } }),
      );
    }
  }

  #route(
    [room, first = '', second = '', third = '']: readonly string[],
    body: Record<string, string> | undefined,
  ): string | Buffer | undefined {
    if (room === 'status') return '{"status":"OK"}';
    if (room === 'client') {
      const { version = '3.29.1' } = this.#options;
      if (first === 'get-version') return version === null ? undefined : JSON.stringify({ version });
      if (first === 'connect' || first === 'reconnect') {
        this.#clients.set(second, { beats: 0 });
        this.#forgotten.delete(second);
      } else if (first === 'heartbeat') {
        const client = this.#clients.get(second);
        if (client !== undefined) client.beats++;
      } else if (first === 'disconnect') this.#clients.delete(second);
      else return undefined;
      return 'null';
    }
    if (room !== 'tracking') return undefined;
    if (second === 'get-resource' && body !== undefined) return this.#make(first, body);
    if (second === 'release-resource') {
      this.#drop(third, this.#resource(third, first));
      return 'null';
    }
    if (second === 'read-instruction' && body !== undefined) {
      const { resource_handler: handler = '', method_name: method = '', args = '' } = body;
      return encode(this.#call(handler, first, method, decode(Buffer.from(args, 'base64'))));
    }
    return undefined;
  }

  #make(client: string, { resource_handler: handler = '', resource_type: type = '', args = '' }: Record<string, string>): string {
    if ((this.#clients.get(client)?.beats ?? 0) === 0 && !this.#forgotten.has(client))
      this.violations.push('a resource is asked for before the first heartbeat');
    const fields = args === '' ? undefined : decode(Buffer.from(args, 'base64'));
    const said = (name: string) => leafValue(fields?.children.get(`s:${name}`));
    const hash = String(said('run_hash') ?? said('hash_') ?? said('sub') ?? '');
    // Whatever is true to Python.
    const isReadOnly = Boolean(said('read_only'));
    if (!['Repo', 'Lock', 'TreeView', 'StructuredRun', 'RunHeartbeat', 'FileManager'].includes(type)) throw new Raised('KeyError', type);
    if (type === 'TreeView' && this.#minor < 29 && fields?.children.get('s:from_union') === undefined)
      throw new Raised('KeyError', 'from_union');
    let run: StubRun | undefined;
    if (type !== 'Repo' && type !== 'FileManager') {
      if (!/^[0-9a-z]{1,64}$/.test(hash)) this.violations.push(`a run is called ${hash}`);
      run = this.runs.get(hash);
      if (run === undefined && type === 'StructuredRun' && isReadOnly)
        throw new Raised('RepoIntegrityError', `Missing props for Run ${hash}`);
      run ??= this.#newRun(hash, isReadOnly);
      if (type === 'StructuredRun' && !isReadOnly) {
        if (!this.runs.has(hash)) this.runs.set(hash, run);
        const createdAt = said('created_at');
        if (run.createdAt === undefined) run.createdAt = typeof createdAt === 'number' ? createdAt : Date.now() / 1000;
      }
      // A client of a server that was restarted had its lock, and does not know yet that it is gone.
      if (!isReadOnly && type !== 'Lock' && !this.#locked.has(hash) && !this.#forgotten.has(client))
        this.violations.push(`a ${type} is opened for writing without a lock`);
    }
    let tree = type !== 'TreeView' ? undefined : said('name') === 'meta' ? run?.meta : run?.seqs;
    const view = tree === undefined || !isReadOnly ? undefined : JSON.stringify([said('name'), hash, said('read_only')]);
    // A view shows the moment it was opened at. All clients that ask in the same words share it while one of them has
    // it open.
    if (view !== undefined) tree = [...this.#resources.values()].find((other) => other.view === view)?.tree ?? tree?.copy();
    // If the name exists already, from any client, the new object replaces the old one.
    const before = this.#resources.get(handler);
    if (before !== undefined) this.#drop(handler, before);
    this.#resources.set(handler, { client, type, run, tree, isReadOnly, view });
    const open = [...this.#resources.values()].filter((resource) => resource.type === 'TreeView' && !resource.isReadOnly).length / 2;
    this.mostOpen = Math.max(this.mostOpen, Math.ceil(open));
    return JSON.stringify({ handler });
  }

  /** Trees come into being before the row in the database does. */
  readonly #begun = new Map<string, StubRun>();
  #newRun(hash: string, isReadOnly: boolean): StubRun {
    const known = this.#begun.get(hash);
    if (known !== undefined && !this.#deleted.has(hash)) return known;
    const run: StubRun = {
      hash,
      meta: new StubTree(),
      seqs: new StubTree(),
      name: `Run: ${hash}`,
      description: '',
      experiment: 'default',
      archived: false,
      createdAt: undefined,
      tags: new Set(),
    };
    if (!isReadOnly) {
      if (this.#deleted.has(hash)) this.violations.push(`the hash of a deleted run is used again: ${hash}`);
      this.#begun.set(hash, run);
    }
    return run;
  }

  /** Of its version: servers before 3.29 want to know more of a tree, those before 3.23 take one value at a time. */
  get #minor(): number {
    return Number((this.#options.version ?? '3.29.1').split('.')[1]);
  }

  /** Directories of trees: also of runs that have no row in the database yet. */
  #hashes(): string[] {
    return [...new Set([...this.#begun.keys(), ...this.runs.keys()])].filter((hash) => !this.#deleted.has(hash));
  }

  #resource(handler: string, client: string): Resource {
    const resource = this.#resources.get(handler);
    if (resource === undefined || resource.client !== client) throw new Raised('UnauthorizedRequestError', handler);
    return resource;
  }

  /** The server lets go of what an object held. */
  #drop(handler: string, { type, run }: Resource): void {
    this.#resources.delete(handler);
    if (type === 'Lock' && run !== undefined && this.#locked.get(run.hash) === handler) this.#locked.delete(run.hash);
  }

  #call(handler: string, client: string, method: string, args: Node): Node {
    const { type, run, tree, isReadOnly } = this.#resource(handler, client);
    const given = [...args.children.values()];
    if (tree !== undefined) {
      if (isReadOnly && ['__setitem__', 'update', 'make_array', '__delitem__'].includes(method))
        throw new Raised('NotImplementedError', method);
      for (const part of given[0]?.children.values() ?? []) {
        if (
          typeof leafValue(part) === 'string' &&
          this.#refused.has(String(leafValue(part))) &&
          method !== 'collect' &&
          !method.endsWith('_eager')
        ) {
          throw new Raised('ValueError', `${String(leafValue(part))} is refused`);
        }
      }
      if (method === 'update' && !(this.#options.takesMany ?? this.#minor >= 23))
        throw new Raised('AttributeError', "'ContainerTreeView' object has no attribute 'update'");
      return tree.call(method, given);
    }
    if (type === 'Repo' && method === 'list_all_runs') return list(this.#hashes().map(text));
    if (type === 'Repo' && method === 'delete_run') {
      this.delete(String(leafValue(given[0])));
      return text('true');
    }
    if (run === undefined) throw new Raised('AttributeError', method);
    if (type === 'Lock') {
      if (![...this.#resources.values()].some((resource) => resource.type === 'Repo' && resource.client === client)) {
        throw new Raised('AttributeError', "'NoneType' object has no attribute 'lock'");
      }
      // The lock is a file: its holder, even a dead client or the caller itself, keeps all others out. The real server
      // waits for it, and all other clients wait meanwhile.
      if (method === 'lock' && this.#locked.has(run.hash))
        throw new Raised('Timeout', `The file lock '${run.hash}' could not be acquired.`);
      if (method === 'lock') this.#locked.set(run.hash, handler);
      else if (method === 'release') this.#locked.delete(run.hash);
      return nothing();
    }
    if (type === 'RunHeartbeat' && method === 'stop') return nothing();
    if (type === 'StructuredRun') {
      const value = String(leafValue(given[0]) ?? '');
      if (method === 'name') return text(run.name);
      if (method === 'description') return text(run.description);
      if (method === 'tags') return list([...run.tags].map(text));
      if (method === 'name.setter') run.name = value;
      else if (method === 'description.setter') run.description = value;
      else if (method === 'experiment.setter') run.experiment = value;
      else if (method === 'archived.setter') run.archived = value === 'true';
      else if (method === 'add_tag') run.tags.add(value);
      else throw new Raised('AttributeError', method);
      return nothing();
    }
    throw new Raised('AttributeError', method);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const client = /^\/tracking\/([^/]+)\/write-instruction\/?$/.exec(request.url ?? '')?.[1];
    if (!this.#isLetIn(request) || client === undefined) {
      if (this.#denials > 0) this.#denials--;
      socket.end(`HTTP/1.1 ${client === undefined ? '404 Not Found' : '401 Unauthorized'}\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    if (request.headers['sec-websocket-extensions']?.includes('permessage-deflate') === true)
      this.violations.push('messages are to be compressed');
    this.#sockets.handleUpgrade(request, socket, head, (channel) => this.#serve(channel, client));
  }

  #serve(channel: WebSocket, client: string): void {
    let unanswered = 0;
    let isOver = false;
    channel.on('message', (data: Buffer) => {
      if (++unanswered > MOST_UNANSWERED) this.violations.push(`${unanswered} frames are under way`);
      // One after the other, each in a turn of its own: as the real one's loop does.
      setImmediate(() => {
        if (isOver) return;
        if (this.#frame(channel, client, data) === 'answered') unanswered--;
        else isOver = true;
      });
    });
  }

  #frame(channel: WebSocket, client: string, data: Buffer): 'answered' | 'over' {
    const fault = this.#faults[0]?.kind === 'tooMany' ? undefined : this.#faults.shift();
    if (fault?.kind === 'unavailable') channel.close(1011, 'keepalive ping timeout');
    else if (fault?.kind === 'close' && !fault.stored) channel.terminate();
    else if (fault?.kind === 'denied') {
      this.#denials = 3;
      channel.terminate();
    }
    if (
      fault !== undefined &&
      (fault.kind === 'unavailable' || fault.kind === 'denied' || ((fault.kind === 'close' || fault.kind === 'hang') && !fault.stored))
    ) {
      return 'over';
    }
    try {
      const instructions = [...decode(data).children.values()];
      if (data.length > MOST_FRAME_BYTES && !hasBlob(instructions)) this.violations.push(`a frame of ${data.length} bytes`);
      const most = fault?.kind === 'part' ? Math.ceil(instructions.length / 2) : instructions.length;
      for (const instruction of instructions.slice(0, most)) {
        const [handler, method, args] = [...instruction.children.values()];
        if (handler === undefined || method === undefined || args === undefined)
          throw new Raised('ValueError', 'not enough values to unpack');
        this.#call(String(leafValue(handler)), client, String(leafValue(method)), args);
      }
      if (fault?.kind === 'part') throw new Raised('OperationalError', 'database is locked');
      this.frames++;
      if (fault?.kind === 'hang') return 'over';
      if (fault?.kind === 'close') {
        channel.terminate();
        return 'over';
      }
      channel.send(Buffer.from('OK'));
      return 'answered';
    } catch (error) {
      const raised = error instanceof Raised ? error : new Raised('RuntimeError', String(error));
      const fields = { module_name: text('builtins'), class_name: text(raised.className), args: text('[]'), message: text(raised.message) };
      // The handler has ended with the exception: no closing handshake once that has been said.
      channel.send(encode(object(fields)), () => channel.terminate());
      return 'over';
    }
  }
}

function hasBlob(nodes: readonly Node[]): boolean {
  return nodes.some((here) => here.body.length > 32 * 1024 || hasBlob([...here.children.values()]));
}

/** Readers take columns side by side: all must have the same keys, and numbers must be of one type. */
function misaligned(run: StubRun): string[] {
  const found: string[] = [];
  const look = (base: readonly string[], columns: readonly string[], isScalar: boolean): void => {
    for (const [context, names] of run.seqs.get(base)?.children ?? []) {
      for (const [name, sequence] of names.children) {
        const keys = columns.map((column) => [...(sequence.children.get(`s:${column}`)?.children.keys() ?? [])].sort().join());
        if (new Set(keys).size > 1) found.push(`the columns of ${name} in ${run.name} have other keys`);
        const values = [...(sequence.children.get('s:val')?.children.values() ?? [])];
        if (isScalar && values.some(({ type }) => type !== TYPES.float)) found.push(`${name} has values that are no floats`);
        if (run.meta.get(['s:meta', 's:chunks', `s:${run.hash}`, 's:traces', context, name]) === undefined)
          found.push(`${name} has no trace`);
      }
    }
  };
  look(['s:seqs', 's:v2', 's:chunks', `s:${run.hash}`], ['val', 'epoch', 'time', 'step'], true);
  look(['s:seqs', 's:chunks', `s:${run.hash}`], ['val', 'epoch', 'time'], false);
  return found;
}
