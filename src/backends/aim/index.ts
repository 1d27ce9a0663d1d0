/**
 * The Aim backend: a client of `aim server`. It stores native sequences for the types that Aim has, and exact values
 * with them.
 */
import { sendByRun } from '../../backend-kit/sending/index.ts';
import { systemClock, timeoutSignal } from '../../clock.ts';
import { withSignal } from '../../concurrency/index.ts';
import type {
  Backend,
  BackendContext,
  BackendType,
  Call,
  Handle,
  Outcome,
  ReadBackChunk,
  ReadBackOptions,
  TrackerParcel,
} from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import type { ManagedServer } from '../../http/index.ts';
import { systemRandom } from '../../random.ts';
import { AimFailure, errorOf, outcomeOf } from './answers.ts';
import { AimClient, type AimServerFacts, type Resource } from './client.ts';
import type { ClientSettings } from './connecting.ts';
import { foreignIn } from './foreign.ts';
import { Frames } from './frames.ts';
import { type AimRun, handleOf, readHandle } from './handle.ts';
import { CAPABILITIES } from './limits.ts';
import { startServer } from './managed-server.ts';
import { mergeParams, paramDifferences } from './params.ts';
import { probeServer } from './probe.ts';
import { readRun } from './read-back.ts';
import { type PooledRun, RunPool } from './run-pool.ts';
import { AimRuns, createdAt, type Server } from './runs.ts';
import { type AimSettings, FIELDS, parseSettings } from './settings.ts';
import type { Key } from './tree.ts';

class AimBackend implements Backend {
  readonly #settings: AimSettings;
  readonly #context: BackendContext;
  readonly #runs: AimRuns;
  readonly #stop = new AbortController();
  readonly #facts: AimServerFacts = { takesMany: undefined };
  #server: Promise<ManagedServer> | undefined;
  #connection: Promise<Server> | undefined;

  constructor(settings: AimSettings, context: BackendContext) {
    this.#settings = settings;
    this.#context = context;
    this.#runs = new AimRuns(settings, context.warn, (run, signal) => this.#readOnce(run, {}, signal));
  }

  readonly describe: Call<'describe'> = () => {
    return CAPABILITIES;
  };

  readonly probe: Call<'probe'> = async (signal) => {
    const probe = await probeServer(await this.#address(signal), this.#clientSettings, signal);
    return this.#settings.repo === undefined ? probe : { ...probe, address: this.#settings.repo };
  };

  readonly open: Call<'open'> = async (source, known, signal) => {
    return this.#attempt((server) => this.#runs.open(server, source, known, signal), signal);
  };

  readonly noteFiles: Call<'noteFiles'> = async (handle, files, signal) => {
    const run = readHandle(handle);
    await this.#attempt(async (server) => {
      if (!(await server.client.hasRun(run.hash, signal))) throw gone(run);
      await this.#runs.noteFiles(server, run, files, signal);
    }, signal);
  };

  readonly send: Call<'send'> = async (parcels, signal) => {
    return sendByRun(
      parcels,
      (handle, own) => this.#sendRun(handle, own, signal),
      (thrown) => outcomeOf(thrown, signal),
    );
  };

  /**
   * Sends the parcels of a run. The connection may have ended unnoticed long ago, so a failed send is tried once
   * more, over a new connection.
   */
  async #sendRun(handle: Handle, parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const first = await this.#sendOnce(handle, parcels, signal);
    const late = first.findIndex(({ kind }) => kind === 'retry');
    if (late < 0 || signal.aborted || !(await this.#isLost())) return first;
    const rest = await this.#sendOnce(handle, parcels.slice(late), signal);
    return [...first.slice(0, late), ...rest];
  }

  async #sendOnce(handle: Handle, parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    try {
      const run = readHandle(handle);
      const { client, pool } = await this.#connect(signal);
      if (!(await client.hasRun(run.hash, signal))) throw gone(run);
      return await pool.use(run, ({ writer }) => writer.send(parcels, signal), signal);
    } catch (cause) {
      const outcome = outcomeOf(cause, signal);
      return parcels.map(() => outcome);
    }
  }

  async *readBack(handle: Handle, options: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    const signal = options.signal ?? this.#stop.signal;
    const run = readHandle(handle);
    for (let isAgain = false; ; isAgain = true) {
      let isBegun = false;
      try {
        for await (const chunk of this.#readOnce(run, options, signal)) {
          isBegun = true;
          yield chunk;
        }
        return;
      } catch (cause) {
        // Points that were already yielded cannot be taken back. Otherwise, the connection may have ended unnoticed
        // long ago.
        const isLost = cause instanceof AimFailure && cause.kind === 'away' && (await this.#isLost());
        if (isAgain || isBegun || !isLost || signal.aborted) throw errorOf(cause);
      }
    }
  }

  async *#readOnce(run: AimRun, options: ReadBackOptions, signal: AbortSignal): AsyncGenerator<ReadBackChunk, void, void> {
    const { client, pool } = await this.#connect(signal);
    if (!(await client.hasRun(run.hash, signal))) throw gone(run);
    const pooled = await pool.peek(run.hash);
    if (pooled !== undefined) {
      yield* readRun(client, run.hash, pooled.open, options, signal);
      return;
    }
    const trees = { meta: await client.snapshot('meta', run.hash, signal), seqs: await client.snapshot('seqs', run.hash, signal) };
    try {
      yield* readRun(client, run.hash, trees, options, signal);
    } finally {
      for (const resource of [trees.seqs, trees.meta]) await client.release(resource, signal).catch(() => undefined);
    }
  }

  readonly finish: Call<'finish'> = async (handle, end, signal) => {
    const run = readHandle(handle);
    if (run.isJoined) return;
    await this.#withRun(run, signal, async ({ client }, { open }) => {
      const frames = new Frames(client, 'setting the end of a run', signal);
      const endedAt = end === undefined ? null : (createdAt(end.endedAt) ?? (this.#context.clock ?? systemClock).wallMs() / 1000);
      for (const path of open.attrPaths) await frames.update(open.meta, [...path, 'mirrorboard'], [['status', end?.status ?? 'running']]);
      await frames.update(open.meta, ['meta', 'chunks', run.hash], [['end_time', endedAt]]);
      await frames.flush();
    });
    // Nothing more is expected for this run: this frees what it costs the server.
    if (end !== undefined) await this.#attempt(({ pool }) => pool.release(run.hash, signal), signal);
  };

  readonly setParams: Call<'setParams'> = async (handle, params, signal) => {
    const run = readHandle(handle);
    return this.#withRun(run, signal, async ({ client }, { open }) => {
      // In a run that another program made, it may be anything.
      const there = run.isJoined
        ? await client.find(open.meta, 'collect', [paramsPath(run), true, false], signal)
        : await client.branch(open.meta, paramsPath(run), signal);
      const { merged, outcomes } = mergeParams(there, params, run.isJoined);
      const frames = new Frames(client, 'setting params', signal);
      for (const attrs of open.attrPaths) await frames.update(open.meta, attrs, [['hparams', merged]]);
      await frames.flush();
      return outcomes;
    });
  };

  /** Compares params only: Aim stores no files. */
  readonly compareArtifacts: Call<'compareArtifacts'> = async (handle, { params }, signal) => {
    const run = readHandle(handle);
    const differences = await this.#look(run, signal, async (client, meta) => {
      const there = await client.find(meta, 'collect', [paramsPath(run), true, false], signal);
      return paramDifferences(there, params, run.isJoined);
    });
    if (differences === undefined) throw gone(run);
    return differences;
  };

  readonly foreign: Call<'foreign'> = async (own, signal) => {
    return foreignIn(
      {
        ask: (work) => this.#attempt(({ client }) => work(client), signal),
        look: (run, work) => this.#look(run, signal, work),
        hparams: (run) => this.readBack(handleOf(run), { signal, isWanted: (tag) => tag.startsWith('_hparams_/') }),
        description: this.#settings.description,
      },
      own,
      signal,
    );
  };

  readonly remove: Call<'remove'> = async (handle, signal) => {
    const run = readHandle(handle);
    await this.#attempt(async ({ client, pool }) => {
      await pool.release(run.hash, signal);
      if (await client.hasRun(run.hash, signal)) await client.deleteRun(run.hash, signal);
    }, signal);
  };

  /** Returns a link to `aim up`, if the lane names one: the server itself has no pages. */
  readonly link: Call<'link'> = (handle) => {
    const { ui } = this.#settings;
    return ui === undefined ? undefined : `${ui}/runs/${readHandle(handle).hash}`;
  };

  readonly close: Call<'close'> = async () => {
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    if (connection !== undefined) {
      await connection.pool.close(timeoutSignal(10_000, this.#context.clock));
      await connection.client.close();
    }
    this.#stop.abort(new MirrorError('MB4001', 'the Aim backend was closed', { retry: 'later' }));
    await (await this.#server?.catch(() => undefined))?.close();
  };

  get #clientSettings(): ClientSettings {
    const { headers, tls, timeoutMs, repo } = this.#settings;
    const time = { clock: this.#context.clock ?? systemClock, random: this.#context.random ?? systemRandom };
    // Credentials for a proxy go only to the configured server, not to a server that mirrorboard starts.
    return repo === undefined ? { ...time, headers, tls, timeoutMs } : { ...time, headers: {}, tls: {}, timeoutMs };
  }

  /** Reads the metadata of a run; undefined if the run does not exist. A reader takes no lock. */
  async #look<T>(
    { hash }: Pick<AimRun, 'hash'>,
    signal: AbortSignal,
    work: (client: AimClient, meta: Resource) => Promise<T>,
  ): Promise<T | undefined> {
    return this.#attempt(async ({ client, pool }) => {
      if (!(await client.hasRun(hash, signal))) return undefined;
      const pooled = await pool.peek(hash);
      const meta = pooled?.open.meta ?? (await client.snapshot('meta', hash, signal));
      try {
        return await work(client, meta);
      } finally {
        if (pooled === undefined) await client.release(meta, signal).catch(() => undefined);
      }
    }, signal);
  }

  /** Does some work with an existing run. */
  async #withRun<T>(run: AimRun, signal: AbortSignal, work: (connection: Server, run: PooledRun) => Promise<T>): Promise<T> {
    return this.#attempt(async (connection) => {
      if (!(await connection.client.hasRun(run.hash, signal))) throw gone(run);
      return connection.pool.use(run, (pooled) => work(connection, pooled), signal);
    }, signal);
  }

  /** Does some work over the connection, and once more over a new one if the connection had ended unnoticed. */
  async #attempt<T>(work: (connection: Server) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let left = 1; ; left--) {
      try {
        return await work(await this.#connect(signal));
      } catch (cause) {
        const isLost = cause instanceof AimFailure && cause.kind === 'away' && (await this.#isLost());
        if (left > 0 && isLost && !signal.aborted) continue;
        throw errorOf(cause);
      }
    }
  }

  async #isLost(): Promise<boolean> {
    const connection = await this.#connection?.catch(() => undefined);
    return connection?.client.isBroken === true;
  }

  async #address(signal: AbortSignal): Promise<string> {
    const { server, repo } = this.#settings;
    if (repo === undefined) return server ?? '';
    for (;;) {
      const starting = this.#server ?? startServer(repo, this.#settings, this.#context, this.#stop.signal);
      this.#server = starting;
      starting.catch(() => {
        if (this.#server === starting) this.#server = undefined;
      });
      const found = await withSignal(starting, signal);
      if (found.isRunning) return found.address;
      // The server died: the next one starts on the same repository.
      if (this.#server === starting) this.#server = undefined;
    }
  }

  /** Returns a working connection. A failure is not remembered: the next call tries again. */
  async #connect(signal: AbortSignal): Promise<Server> {
    signal.throwIfAborted();
    for (;;) {
      const under = this.#connection ?? this.#begin(signal);
      this.#connection = under;
      under.catch(() => {
        if (this.#connection === under) this.#connection = undefined;
      });
      const found = await withSignal(under, signal);
      if (!found.client.isBroken) return found;
      if (this.#connection === under) this.#connection = undefined;
      await found.client.close();
    }
  }

  async #begin(signal: AbortSignal): Promise<Server> {
    const address = await this.#address(signal);
    // Others may wait for the same connection, so the signal of the first caller does not end it.
    const client = await AimClient.connect(address, this.#clientSettings, this.#stop.signal, this.#facts);
    return { client, pool: new RunPool(client, this.#settings.openRuns, this.#context.warn) };
  }
}

function paramsPath({ hash }: AimRun): readonly Key[] {
  return ['meta', 'chunks', hash, 'attrs', 'hparams'];
}

function gone({ hash }: AimRun): MirrorError {
  return new MirrorError('MB4006', `the Aim run ${hash} no longer exists`, {
    hint: 'It was deleted in Aim: mirrorboard mirrors it again, as a new run, when it opens the run again.',
    context: { hash },
  });
}

/** The kind of tracker that `type: aim` names. */
export const aim: BackendType<AimSettings> = {
  type: 'aim',
  fields: FIELDS,
  groupKeys: ['experiment'],
  parse: parseSettings,
  target({ server, repo, experiment }) {
    const where = server ?? repo ?? '';
    return experiment === undefined ? where : `${where} ${experiment}`;
  },
  async create(settings, context) {
    return new AimBackend(settings, context);
  },
};

export type { AimSettings } from './settings.ts';
