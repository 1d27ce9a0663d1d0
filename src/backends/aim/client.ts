/**
 * A client of an Aim server: HTTP requests for everything that has an answer, one WebSocket for writes. It lives
 * until an error occurs. Its routes and answers are those of `TrackingRouter` in `aim/ext/transport/tracking.py`.
 */

import PQueue from 'p-queue';
import type WebSocket from 'ws';
import { type Clock, type StopTimer, systemClock, timeoutSignal } from '../../clock.ts';
import { withSignal } from '../../concurrency/index.ts';
import { MirrorError, messageOf } from '../../errors.ts';
import { type HttpClient, oddAnswer, redact, tooLargeAnswer } from '../../http/index.ts';
import { memoryShares } from '../../memory/index.ts';
import { type Random, systemRandom } from '../../random.ts';
import { requestStarted } from '../../sign-of-life.ts';
import { AimFailure, away, exceptionIn, failureOfAnswer, failureOfException, oddTree } from './answers.ts';
import { type Column, MixedColumn, readNumbers } from './column.ts';
import { ask, type ClientSettings, makeHttp, openSocket, serverVersion, takesManyOf, treeOf } from './connecting.ts';
import { FRAME_MS, FRAMES_AT_ONCE, HEARTBEAT_MS, READ_MS } from './limits.ts';
import { type Key, keysOf, pack, pairsOf, type Tree, unpack, weighTree } from './tree.ts';

/** The name of a server-side object that this client created. */
export type Resource = string & { readonly brand: 'Resource' };

/** The attempts to take a lock that another process takes between two requests. */
const LOCK_TRIES = 5;

interface Frame {
  readonly what: string;
  /** Reports the status of the frame when it ends. */
  readonly ended: (status: number | undefined) => void;
  readonly settle: () => void;
  readonly fail: (failure: unknown) => void;
  readonly stopTimer: StopTimer;
}

/** The facts known about a server; they outlast a connection. */
export interface AimServerFacts {
  /** True if trees take many values in one call. */
  takesMany: boolean | undefined;
}

/** A connection to one Aim server. */
export class AimClient {
  readonly address: string;
  readonly version: string;
  readonly #http: HttpClient;
  readonly #id: string;
  readonly #socket: WebSocket;
  readonly #secrets: readonly string[];
  readonly #stopHeartbeat: StopTimer;
  readonly #clock: Clock;
  readonly #random: Random;
  /** The repository, held for the life of the client: without it, the server forgets what its locks belong to. */
  #repo: Resource | undefined;
  /** One name for all checks of whether a run exists: each check replaces the previous one. */
  readonly #look: Resource;
  /** Frames that were sent and not yet answered, in their order. */
  readonly #unanswered: Frame[] = [];
  readonly #frames = new PQueue({ concurrency: FRAMES_AT_ONCE });
  readonly #facts: AimServerFacts;
  /** The reason why this client can no longer be used. */
  #broken: AimFailure | undefined;

  private constructor(
    http: HttpClient,
    id: string,
    version: string,
    socket: WebSocket,
    { headers, clock = systemClock, random = systemRandom }: ClientSettings,
    facts: AimServerFacts,
  ) {
    const secrets = Object.values(headers);
    this.#clock = clock;
    this.#random = random;
    this.#look = resourceName(random);
    this.#facts = facts;
    facts.takesMany ??= takesManyOf(version);
    this.#http = http;
    this.#id = id;
    this.address = http.address;
    this.version = version;
    this.#socket = socket;
    this.#secrets = secrets;
    socket.on('message', (data: Buffer) => this.#answered(data));
    socket.on('error', (error) => this.#break(away(`the write channel of ${this.address}: ${redact(messageOf(error), secrets)}`)));
    socket.on('close', (code) => this.#break(this.#closed(code)));
    // A late heartbeat is no reason to give up: the server may be applying a frame.
    const beat = (): void => {
      void this.#get(`/client/heartbeat/${id}/`, timeoutSignal(FRAME_MS, this.#clock)).catch(() => undefined);
    };
    this.#stopHeartbeat = this.#clock.every(HEARTBEAT_MS, beat, { keepsAlive: false });
  }

  /** Connects, and holds a repository: without it, the server forgets what its locks belong to. Throws AimFailure. */
  static async connect(
    address: string,
    settings: ClientSettings,
    signal: AbortSignal,
    facts: AimServerFacts = { takesMany: undefined },
  ): Promise<AimClient> {
    const http = makeHttp(address, settings);
    try {
      const version = await serverVersion(http, signal);
      const id = (settings.random ?? systemRandom).uuid();
      for (const call of ['connect', 'heartbeat']) await ask(http, `/client/${call}/${id}/`, `${call} to ${http.address}`, signal);
      const socket = await openSocket(http.address, id, settings, signal);
      const client = new AimClient(http, id, version, socket, settings, facts);
      try {
        client.#repo = await client.resource('Repo', {}, signal);
      } catch (error) {
        await client.close();
        throw error;
      }
      return client;
    } catch (error) {
      await http.close();
      throw error;
    }
  }

  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  /** True if a run exists, by its row in the database. */
  async hasRun(hash: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#make(this.#look, 'StructuredRun', { hash_: hash, read_only: true, created_at: null }, signal);
      return true;
    } catch (error) {
      if (error instanceof AimFailure && error.kind === 'absent') return false;
      throw error;
    }
  }

  /** Returns the name of a run; undefined if it is not in the database. */
  async runName(hash: string, signal: AbortSignal): Promise<string | undefined> {
    if (!(await this.hasRun(hash, signal))) return undefined;
    const name = await this.#withProps(hash, signal, (props) => this.call(props, 'name', [], signal));
    return typeof name === 'string' ? name : '';
  }

  /** Returns what people wrote about an existing run: its description, and the names of its tags. */
  async runTexts(hash: string, signal: AbortSignal): Promise<{ readonly description: string; readonly tags: readonly string[] }> {
    const [description, tags] = await this.#withProps(hash, signal, async (props) => [
      await this.call(props, 'description', [], signal),
      await this.call(props, 'tags', [], signal),
    ]);
    return {
      description: typeof description === 'string' ? description : '',
      tags: Array.isArray(tags) ? (tags as readonly Tree[]).filter((tag) => typeof tag === 'string') : [],
    };
  }

  async #withProps<T>(hash: string, signal: AbortSignal, work: (props: Resource) => Promise<T>): Promise<T> {
    const props = await this.resource('StructuredRun', { hash_: hash, read_only: true, created_at: null }, signal);
    try {
      return await work(props);
    } finally {
      await this.release(props, signal).catch(() => undefined);
    }
  }

  /** Returns the hashes of all runs of the repository: Aim has no pages. */
  async runs(signal: AbortSignal): Promise<readonly string[]> {
    if (this.#repo === undefined) return [];
    const hashes = await this.call(this.#repo, 'list_all_runs', [], signal);
    if (!Array.isArray(hashes) || !hashes.every((hash) => typeof hash === 'string')) {
      throw oddTree('list_all_runs', this.address, 'a list of hashes');
    }
    return hashes;
  }

  /** Removes a run. No client may use its hash again while the server lives. */
  async deleteRun(hash: string, signal: AbortSignal): Promise<void> {
    if (this.#repo !== undefined) await this.call(this.#repo, 'delete_run', [hash], signal);
  }

  /**
   * Creates a server-side object. Under a name that is already known, it replaces the previous object, whichever
   * client created that.
   */
  async resource(
    type: string,
    args: { readonly [key: string]: Tree },
    signal: AbortSignal,
    name: string = resourceName(this.#random),
  ): Promise<Resource> {
    const resource = name as Resource;
    await this.#make(resource, type, args, signal);
    return resource;
  }

  /**
   * Opens a current read view of a run's tree. The server shares one view among all clients that send the same
   * arguments while any of them holds it, and for five minutes after that client died. So each call sends unique
   * arguments.
   */
  async snapshot(name: 'meta' | 'seqs', hash: string, signal: AbortSignal): Promise<Resource> {
    const resource = resourceName(this.#random);
    // The server only checks that the value is true in Python's sense: a text is.
    await this.#make(resource, 'TreeView', { ...treeOf(name, hash), read_only: resource }, signal);
    return resource;
  }

  async #make(name: Resource, type: string, args: { readonly [key: string]: Tree }, signal: AbortSignal): Promise<void> {
    const body = { resource_handler: name, resource_type: type, args: pack(args).toString('base64') };
    await this.#post('get-resource', body, `asking for a ${type}`, signal);
  }

  /** Releases an object; one that was replaced no longer exists. */
  async release(name: Resource, signal: AbortSignal): Promise<void> {
    const answer = await this.#http.send({ method: 'GET', path: `/tracking/${this.#id}/release-resource/${name}/`, signal });
    if (answer.kind === 'ok') return;
    const failure = failureOfAnswer('release-resource', answer);
    if (answer.status !== 400 || failure.kind !== 'away') throw failure;
  }

  /** Calls a method and returns its answer. */
  async call(resource: Resource, method: string, args: readonly Tree[], signal: AbortSignal): Promise<Tree> {
    return this.#treeOf(await this.#post('read-instruction', callOf(resource, method, args), method, signal), method);
  }

  #treeOf(bytes: Buffer, method: string): Tree {
    const source = { what: method, address: this.address };
    const most = 2 * memoryShares().answer;
    // Aim always returns a whole column: a client cannot ask for less.
    if (weighTree(bytes) > most) throw new AimFailure('busy', tooLargeAnswer(source, most));
    try {
      return unpack(bytes);
    } catch (cause) {
      throw new AimFailure('busy', oddAnswer(source, `it is none of Aim's trees (${messageOf(cause)})`));
    }
  }

  /** True if trees support `update`; otherwise, each value is a separate call. Asks the server if unknown. */
  async takesMany(tree: Resource, signal: AbortSignal): Promise<boolean> {
    if (this.#facts.takesMany !== undefined) return this.#facts.takesMany;
    try {
      // The update has no values: it writes nothing.
      await this.call(tree, 'update', [['seqs'], []], signal);
      this.#facts.takesMany = true;
    } catch (error) {
      // Whatever the server objects to: one value per call works on every server.
      if (!(error instanceof AimFailure) || error.exception === undefined || error.kind === 'away') throw error;
      this.#facts.takesMany = false;
    }
    return this.#facts.takesMany;
  }

  /** Returns the children of a path, by their keys. */
  async items(resource: Resource, path: readonly Key[], signal: AbortSignal): Promise<ReadonlyMap<Key, Tree>> {
    return this.#pairsOf(await this.call(resource, 'items_eager', [path], signal));
  }

  /** Returns the children of a path as a column of a scalar sequence. */
  async column(resource: Resource, path: readonly Key[], signal: AbortSignal): Promise<Column> {
    const bytes = await this.#post('read-instruction', callOf(resource, 'items_eager', [path]), 'items_eager', signal);
    const most = 2 * memoryShares().answer;
    if (bytes.length > most) throw new AimFailure('busy', tooLargeAnswer({ what: 'items_eager', address: this.address }, most));
    return readNumbers(bytes) ?? new MixedColumn(this.#pairsOf(this.#treeOf(bytes, 'items_eager')));
  }

  #pairsOf(tree: Tree): ReadonlyMap<Key, Tree> {
    const pairs = pairsOf(tree);
    if (pairs === undefined) throw oddTree('items_eager', this.address, 'pairs of a key and a value');
    return pairs;
  }

  async keys(resource: Resource, path: readonly Key[], signal: AbortSignal): Promise<readonly Key[]> {
    const keys = keysOf(await this.call(resource, 'keys_eager', [path], signal));
    if (keys === undefined) throw oddTree('keys_eager', this.address, 'a list of keys');
    return keys;
  }

  /** Returns everything below a path that holds named things; undefined if there is none. */
  async branch(resource: Resource, path: readonly Key[], signal: AbortSignal): Promise<ReadonlyMap<Key, Tree> | undefined> {
    const found = await this.find(resource, 'collect', [path, true, false], signal);
    if (found === undefined || found instanceof Map) return found as ReadonlyMap<Key, Tree> | undefined;
    throw oddTree('collect', this.address, 'an object');
  }

  /** Takes the lock of a run, even if another writer of this mirrorboard has it. */
  async lock(hash: string, signal: AbortSignal): Promise<Resource> {
    for (let left = LOCK_TRIES; ; left--) {
      const lock = await this.resource('Lock', { run_hash: hash }, signal, `mirrorboard-lock-${hash}`);
      const answer = await this.#answer('read-instruction', callOf(lock, 'lock', [false]), 'lock', signal);
      if (!(answer instanceof AimFailure)) return lock;
      // Another process of ours requested the lock at the same moment and has it; the last one to ask gets it.
      if (answer.kind === 'away' && left > 1) continue;
      if (answer.kind === 'away') this.#break(answer);
      throw answer;
    }
  }

  /** Calls a method like `call`, but returns undefined if the requested object does not exist. */
  async find(resource: Resource, method: string, args: readonly Tree[], signal: AbortSignal): Promise<Tree | undefined> {
    try {
      return await this.call(resource, method, args, signal);
    } catch (error) {
      if (error instanceof AimFailure && error.kind === 'absent') return undefined;
      throw error;
    }
  }

  /** Waits for a place among the frames under way; their number is small, however many runs there are. */
  async place(signal: AbortSignal): Promise<void> {
    await withSignal(this.#frames.onSizeLessThan(1), signal);
    signal.throwIfAborted();
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Waits until no frame is under way, including those of an abandoned send. */
  async idle(signal: AbortSignal): Promise<void> {
    await withSignal(this.#frames.onIdle(), signal);
    if (this.#broken !== undefined) throw this.#broken;
  }

  /**
   * Sends a frame of instructions. The promise resolves when the server has applied it; frames are applied in their
   * order.
   */
  send(frame: Uint8Array, what: string): Promise<void> {
    return this.#frames.add(() => this.#sendNow(frame, what));
  }

  #sendNow(frame: Uint8Array, what: string): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise<void>((settle, fail) => {
      const late = (): void => this.#break(away(`${what}: no answer from ${this.address} within ${FRAME_MS / 1000} s`));
      this.#unanswered.push({ what, ended: requestStarted(this.#clock), settle, fail, stopTimer: this.#clock.after(FRAME_MS, late) });
      this.#socket.send(frame);
    });
  }

  async close(): Promise<void> {
    const isWhole = this.#broken === undefined;
    this.#break(new AimFailure('away', new MirrorError('MB4001', 'the connection to Aim was closed', { retry: 'later' })), true);
    if (isWhole) await this.#get(`/client/disconnect/${this.#id}/`, timeoutSignal(2000, this.#clock)).catch(() => undefined);
    await this.#http.close();
  }

  #answered(data: Buffer): void {
    const frame = this.#unanswered[0];
    if (data.length === 2 && data.toString('latin1') === 'OK') {
      if (frame === undefined) return;
      this.#unanswered.shift();
      frame.stopTimer();
      frame.ended(200);
      frame.settle();
      return;
    }
    let failure: AimFailure;
    try {
      const exception = exceptionIn(unpack(data));
      failure = failureOfException(frame?.what ?? 'writing', { ...exception, message: redact(exception.message, this.#secrets) });
      if (failure.exception === 'AttributeError' && exception.message.includes('update')) {
        // This server takes one value at a time, whatever its version: everything is sent again that way.
        this.#facts.takesMany = false;
        failure = new AimFailure('away', failure.error);
      }
      // On the write channel, a missing key means a name that the server does not know.
      if (failure.kind === 'absent') failure = new AimFailure('content', failure.error);
    } catch (cause) {
      failure = away(`${frame?.what ?? 'writing'}: an answer that is none`, cause);
    }
    // This frame failed; the server did not read those behind it, and ends the connection.
    this.#unanswered.shift();
    if (frame !== undefined) {
      frame.stopTimer();
      // Over HTTP, Aim answers an exception with this status.
      frame.ended(400);
      frame.fail(failure);
    }
    this.#break(away(`the write channel of ${this.address} was closed after an error`, failure.error));
  }

  #closed(code: number): AimFailure {
    // 1009: the message is too big. It would be as big if it were sent again.
    if (code === 1009) {
      return new AimFailure('content', new MirrorError('MB4007', `${this.address} rejects a message of this length`));
    }
    return away(`the write channel of ${this.address} was closed (${code})`);
  }

  /**
   * Marks the client as broken. `isOurs`: mirrorboard itself ends the connection, which means nothing about the
   * server.
   */
  #break(failure: AimFailure, isOurs = false): void {
    if (this.#broken !== undefined) return;
    this.#broken = failure;
    this.#stopHeartbeat();
    for (const frame of this.#unanswered.splice(0)) {
      frame.stopTimer();
      if (!isOurs) frame.ended(undefined);
      frame.fail(failure);
    }
    this.#socket.terminate();
  }

  async #get(path: string, signal: AbortSignal): Promise<void> {
    await ask(this.#http, path, path.split('/')[2] ?? path, signal);
  }

  async #post(call: string, body: object, what: string, signal: AbortSignal): Promise<Buffer> {
    const answer = await this.#answer(call, body, what, signal);
    // A server that restarted, or lost this client, no longer knows its objects.
    if (answer instanceof AimFailure && answer.kind === 'away') this.#break(answer);
    if (answer instanceof AimFailure) throw answer;
    return answer;
  }

  async #answer(call: string, body: object, what: string, signal: AbortSignal): Promise<Buffer | AimFailure> {
    if (this.#broken !== undefined) throw this.#broken;
    const answer = await this.#http.send({
      method: 'POST',
      path: `/tracking/${this.#id}/${call}/`,
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
      timeoutMs: READ_MS,
      mostBytes: Number.POSITIVE_INFINITY,
      signal,
    });
    return answer.kind === 'ok' ? answer.body : failureOfAnswer(what, answer);
  }
}

function callOf(resource: Resource, method: string, args: readonly Tree[]): object {
  return { resource_handler: resource, method_name: method, args: pack(args).toString('base64') };
}

/** Returns a random name. It is short, because every instruction contains one. */
function resourceName(random: Random): Resource {
  return Buffer.from(random.bytes(9)).toString('base64url') as Resource;
}
