/** The MLflow backend: metrics for scalars, and artifacts for everything that metrics cannot hold. */
import { outcomeOfThrown } from '../../backend-kit/failures/index.ts';
import { sendByRun } from '../../backend-kit/sending/index.ts';
import { timeoutSignal } from '../../clock.ts';
import { OnceByKey, withSignal } from '../../concurrency/index.ts';
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
import { type ManagedServer, valueOrThrow } from '../../http/index.ts';
import { isFileStore } from './address.ts';
import { Artifacts, awayHint, placeOf } from './artifacts.ts';
import { MlflowClient, type MlflowRunFacts } from './client.ts';
import { compareArtifacts } from './compare-artifacts.ts';
import { foreignIn } from './foreign.ts';
import { GatherRoom } from './gathered.ts';
import { handleOf, type MlflowRun, readHandle, trackedRun } from './handle.ts';
import { isPublishable, keyOf, tagOf } from './keys.ts';
import { FILE_STORE, LearnedFacts } from './learned-facts.ts';
import { mlflowCapabilities, USUAL_QUOTAS } from './limits.ts';
import { startServer } from './managed-server.ts';
import { heldScalar, isOdd, nearestMillis } from './map.ts';
import { registerModel } from './model-versions.ts';
import { noteDataset, putFile } from './params-and-files.ts';
import { checkWorkspace, lookFor, probeServer } from './probe.ts';
import { readBack } from './read-back.ts';
import { MlflowRunWriter } from './run-writer.ts';
import { MlflowRuns } from './runs.ts';
import { FIELDS, type MlflowSettings, parseSettings } from './settings.ts';
import { type StoreFacts, UNTRIED } from './store-facts.ts';
import { writeTextTables } from './text-tables.ts';

/** A server that answers, with the learned facts about it. */
interface Connection {
  readonly client: MlflowClient;
  readonly artifacts: Artifacts;
  readonly runs: MlflowRuns;
  readonly server: ManagedServer | undefined;
  readonly learned: LearnedFacts;
  /** The questions to the server before a run is opened, each asked once. */
  readonly steps: OnceByKey;
  /** The memory for joining small files. */
  readonly room: GatherRoom;
  /** The reason why no run can have files; undefined if runs can. */
  readonly noFiles: string | undefined;
}

/** Milliseconds for which a closed backend removes files whose content is in other files. */
const REST_MS = 3000;

class MlflowBackend implements Backend {
  readonly #settings: MlflowSettings;
  readonly #context: BackendContext;
  #connection: Promise<Connection> | undefined;
  /** The established connection, available without waiting. */
  #known: Connection | undefined;
  readonly #writers = new Map<string, MlflowRunWriter>();
  /** True if every run so far can have files. */
  #hasArtifacts: boolean;
  /** True if mirrorboard has warned that it cannot store files. */
  #isWarned = false;
  readonly #stop = new AbortController();

  constructor(settings: MlflowSettings, context: BackendContext) {
    this.#settings = settings;
    this.#context = context;
    this.#hasArtifacts = settings.artifacts;
  }

  readonly describe: Call<'describe'> = () => {
    const learned = this.#known?.learned;
    // A server before 3.0 that has not been tried may keep its data in files.
    const isFileStore = learned === undefined || learned.isTried || learned.namesItsStore ? this.#facts.isFileStore : undefined;
    return mlflowCapabilities(this.#hasArtifacts, isFileStore, this.#settings.exactTimes);
  };

  /**
   * The facts about the store. They are known only after the server has answered, and before 3.0 only after a trial.
   */
  get #facts(): StoreFacts {
    const { kind, storeUri } = this.#settings;
    return this.#known?.learned.facts ?? { ...UNTRIED, isFileStore: kind === 'store' && isFileStore(storeUri) };
  }

  readonly probe: Call<'probe'> = async (signal) => {
    const { client, artifacts, learned } = await this.#client(signal);
    await lookFor(client, this.#settings, signal);
    // The answer includes what the server holds, so connect first.
    if ((await this.#connect(signal)).noFiles !== undefined) this.#hasArtifacts = false;
    const { isAway, ...probe } = await probeServer(client, artifacts, learned, this.#settings, signal);
    if (isAway) this.#hasArtifacts = false;
    return this.#settings.kind === 'store' ? { ...probe, address: this.#settings.uri } : probe;
  };

  readonly open: Call<'open'> = async (source, known, signal) => {
    const connection = await this.#connect(signal);
    const { facts, isNew } = await connection.runs.open(source, known, signal);
    const run = trackedRun(facts);
    this.#writers.set(run.runId, this.#writerOf(connection, run, facts, isNew));
    return handleOf(run);
  };

  readonly noteFiles: Call<'noteFiles'> = async (handle, files, signal) => {
    const { runs } = await this.#connect(signal);
    await runs.noteFiles(readHandle(handle).runId, files, signal);
  };

  async #writer(connection: Connection, run: MlflowRun, signal: AbortSignal): Promise<MlflowRunWriter> {
    const known = this.#writers.get(run.runId);
    if (known !== undefined) return known;
    const facts = valueOrThrow(await connection.client.run(run.runId, signal));
    const writer = this.#writers.get(run.runId) ?? this.#writerOf(connection, run, facts, false);
    this.#writers.set(run.runId, writer);
    return writer;
  }

  #writerOf(connection: Connection, run: MlflowRun, found: MlflowRunFacts, isNew: boolean): MlflowRunWriter {
    const { client, artifacts, learned } = connection;
    const away = run.root === undefined ? notProxied(found.artifactUri) : undefined;
    const noFiles = connection.noFiles ?? away;
    if (noFiles !== undefined) this.#hasArtifacts = false;
    if (noFiles !== undefined && this.#settings.artifacts && !this.#isWarned) {
      this.#isWarned = true;
      this.#context.warn('only scalars are mirrored', {
        reason: noFiles,
        ...(away === undefined ? {} : { hint: awayHint(this.#settings.hosted) }),
      });
    }
    const { histogramPercentiles, exactTimes } = this.#settings;
    const { room } = connection;
    const quotas = this.#settings.hosted?.quotas ?? USUAL_QUOTAS;
    const options = { histogramPercentiles, exactTimes, facts: learned.facts, noFiles, room, clock: this.#context.clock, quotas };
    return new MlflowRunWriter(client, artifacts, run, found, isNew, options, this.#context.warn);
  }

  readonly send: Call<'send'> = async (parcels, signal) => {
    const outcomeOf = (thrown: unknown): Outcome => outcomeOfThrown(thrown, signal, 'MLflow');
    // Runs are sent in parallel; the client limits the number of requests.
    const send = async (handle: Handle, own: readonly TrackerParcel[]): Promise<readonly Outcome[]> =>
      (await this.#writer(await this.#connect(signal), readHandle(handle), signal)).send(own, signal);
    return sendByRun(parcels, send, outcomeOf);
  };

  readonly tryOut: Call<'tryOut'> = async (handle, kind, signal) => {
    const connection = await this.#connect(signal);
    await (await this.#writer(connection, readHandle(handle), signal)).tryOut(kind, signal);
  };

  readonly setParams: Call<'setParams'> = async (handle, params, signal) => {
    const connection = await this.#connect(signal);
    return await (await this.#writer(connection, readHandle(handle), signal)).setParams(params, signal);
  };

  readonly putFile: Call<'putFile'> = async (handle, file, signal) => {
    const { artifacts, noFiles } = await this.#connect(signal);
    return await putFile(artifacts, readHandle(handle), file, noFiles, signal);
  };

  readonly registerModel: Call<'registerModel'> = async (handle, version, signal) => {
    const { client } = await this.#connect(signal);
    return await registerModel(client, readHandle(handle), version, signal);
  };

  readonly noteDataset: Call<'noteDataset'> = async (handle, dataset, signal) => {
    const { client } = await this.#connect(signal);
    return await noteDataset(client, readHandle(handle), dataset, signal);
  };

  readonly compareArtifacts: Call<'compareArtifacts'> = async (handle, wanted, signal) => {
    const { client, artifacts, learned } = await this.#connect(signal);
    return await compareArtifacts(client, artifacts, readHandle(handle), wanted, learned.facts, signal);
  };

  readonly foreign: Call<'foreign'> = async (own, signal) => {
    const { client, artifacts, learned } = await this.#connect(signal);
    const hparams = (facts: MlflowRunFacts): AsyncIterable<ReadBackChunk> =>
      readBack(client, artifacts, trackedRun(facts), { signal, isWanted: (tag) => tag.startsWith('_hparams_/') });
    return foreignIn(client, artifacts, own, { ...learned.facts, isFlat: learned.facts.isFileStore, hparams }, signal);
  };

  async *readBack(handle: Handle, options: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    const { client, artifacts, noFiles } = await this.#connect(options.signal ?? this.#stop.signal);
    const run = readHandle(handle);
    // A lane that only reads back has opened no run, so this is the first sign that there are no files.
    if (noFiles !== undefined || run.root === undefined) this.#hasArtifacts = false;
    yield* readBack(client, artifacts, run, options);
  }

  readonly asHeld: Call<'asHeld'> = (tag, plugin, point) => {
    if (plugin !== 'scalars' || typeof point.value === 'string') return this.#hasArtifacts ? point : undefined;
    const facts = this.#facts;
    const { isFileStore } = facts;
    const isLost = !isPublishable(tag, facts) && tagOf(keyOf(tag, { ...facts, isFlat: isFileStore })) !== tag;
    if (!this.#hasArtifacts) return isLost ? undefined : heldScalar(point, isFileStore);
    return isLost || isOdd(point.wallTime, point.value, this.#settings.exactTimes) ? point : heldScalar(point, isFileStore);
  };

  readonly finish: Call<'finish'> = async (handle, end, signal) => {
    const { client, artifacts, noFiles } = await this.#connect(signal);
    const run = readHandle(handle);
    const { runId } = run;
    if (end !== undefined) await this.#writers.get(runId)?.rest(signal);
    if (end !== undefined && noFiles === undefined && this.#writers.get(runId)?.mayHaveTexts !== false) {
      await writeTextTables(client, artifacts, run, this.#context.warn, signal);
    }
    const input =
      end === undefined
        ? { run_id: runId, status: 'RUNNING' }
        : { run_id: runId, status: end.status === 'failed' ? 'FAILED' : 'FINISHED', end_time: nearestMillis(end.endedAt) };
    valueOrThrow(await client.call('setting the status of the run', 'POST', 'runs/update', input, signal));
  };

  readonly remove: Call<'remove'> = async (handle, signal) => {
    const { client } = await this.#connect(signal);
    const { runId } = readHandle(handle);
    const reply = await client.call('removing the run', 'POST', 'runs/delete', { run_id: runId }, signal);
    if (reply.kind !== 'ok' && reply.cause !== 'missing' && reply.cause !== 'inactive') throw reply.error;
    this.#writers.delete(runId);
  };

  /** Returns the page of a run. A server of our own stops with mirrorboard, so there is no page to come back to. */
  readonly link: Call<'link'> = (handle) => {
    if (this.#settings.kind === 'store') return undefined;
    const { runId, experimentId } = readHandle(handle);
    const pageOf = this.#settings.hosted?.pageOf;
    if (pageOf !== undefined) return pageOf(experimentId, runId);
    // Without `workflowType`, newer servers show the run among evaluations of language models. Older ones ignore it.
    const { uri, workspace } = this.#settings;
    const where = workspace === undefined ? '' : `&workspace=${encodeURIComponent(workspace)}`;
    return `${uri}/#/experiments/${experimentId}/runs/${runId}?workflowType=machine_learning${where}`;
  };

  readonly close: Call<'close'> = async () => {
    this.#stop.abort(new MirrorError('MB4001', 'the backend was closed'));
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    // Files that remain do no harm.
    const soon = timeoutSignal(REST_MS, this.#context.clock);
    await Promise.all([...this.#writers.values()].map((writer) => writer.rest(soon).catch(() => undefined)));
    await connection?.learned.close();
    await connection?.client.close();
    await connection?.server?.close();
  };

  /**
   * Returns the connection, with everything that must be known before a run is opened. Facts learned before a failure
   * stay.
   */
  async #connect(signal: AbortSignal): Promise<Connection> {
    const connection = await this.#client(signal);
    if (this.#known?.client === connection.client) return this.#known;
    return await withSignal(
      connection.steps.take('all', () => this.#learn(connection, this.#stop.signal)),
      signal,
    );
  }

  /** Asks the server for one fact after the other. */
  async #learn(connection: Connection, signal: AbortSignal): Promise<Connection> {
    const { client, artifacts, learned, steps } = connection;
    const facts = await steps.take('facts', async () => valueOrThrow(await client.serverFacts(signal)));
    checkWorkspace(this.#settings, facts, client.address);
    const isServed = this.#settings.artifacts ? await steps.take('artifacts', () => artifacts.isServed(signal)) : undefined;
    const noFiles = !this.#settings.artifacts
      ? 'artifacts are switched off (artifacts: false)'
      : isServed === false
        ? 'the server does not serve artifacts (--no-serve-artifacts)'
        : undefined;
    await learned.look(facts.isFileStore, signal);
    if (learned.facts.isFileStore) this.#context.warn(FILE_STORE);
    this.#known = { ...connection, noFiles };
    // Writers keep the client they were made with.
    this.#writers.clear();
    return this.#known;
  }

  async #client(signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    for (;;) {
      const under = this.#connection;
      const connection = under ?? this.#begin();
      this.#connection = connection;
      try {
        const found = await withSignal(connection, signal);
        if (found.server === undefined || found.server.isRunning) return found;
        // The server died: the next one resumes on the same store.
        if (this.#connection === connection) this.#connection = undefined;
        await found.client.close();
      } catch (error) {
        if (this.#connection === connection && !signal.aborted) this.#connection = undefined;
        throw error;
      }
    }
  }

  async #begin(): Promise<Connection> {
    const settings = this.#settings;
    const server = settings.kind === 'store' ? await startServer(settings, this.#context, this.#stop.signal) : undefined;
    const client = new MlflowClient(
      server?.address ?? settings.endpoint,
      server === undefined ? settings : { ...settings, auth: undefined, renewAuth: undefined, headers: {}, tls: {}, workspace: undefined },
      this.#context.clock,
    );
    const artifacts = new Artifacts(client);
    const learned = new LearnedFacts(client, this.#context.warn, this.#context.clock);
    const runs = new MlflowRuns(client, settings, {
      warn: this.#context.warn,
      clock: this.#context.clock,
      learned,
      readBack: (facts, signal) => readBack(client, artifacts, trackedRun(facts), { signal }),
    });
    return { client, artifacts, runs, server, learned, steps: new OnceByKey(), room: new GatherRoom(), noFiles: undefined };
  }
}

/**
 * Returns the reason why mirrorboard cannot store a run's files, from their place. It is the same for all runs of an
 * experiment.
 */
function notProxied(artifactUri: string): string {
  return `the experiment keeps its artifacts ${placeOf(artifactUri)}, not behind the tracking server`;
}

/** The kind of tracker that `type: mlflow` names. */
export const mlflow: BackendType<MlflowSettings> = {
  type: 'mlflow',
  fields: FIELDS,
  groupKeys: ['experiment_name', 'experiment_id'],
  parse: parseSettings,
  target({ uri, experimentId, experimentName, workspace }) {
    const place = workspace === undefined ? uri : `${uri} workspace ${workspace}`;
    if (experimentId !== undefined) return `${place} experiment ${experimentId}`;
    return experimentName === undefined ? place : `${place} ${experimentName}`;
  },
  async create(settings, context) {
    return new MlflowBackend(settings, context);
  },
};

export type { MlflowSettings } from './settings.ts';
