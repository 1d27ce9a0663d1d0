/**
 * The Weights & Biases backend: one row of the history for each record, either online through the service's stream or
 * offline into folders.
 */

import { outcomeOfThrown } from '../../backend-kit/failures/index.ts';
import { type Clock, systemClock, timeoutSignal } from '../../clock.ts';
import type {
  BackendContext,
  BackendType,
  Call,
  Handle,
  JournalledBackend,
  Outcome,
  ReadBackChunk,
  ReadBackOptions,
} from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import { systemRandom } from '../../random.ts';
import { WandbClient } from './client.ts';
import { foreignIn } from './foreign.ts';
import { handleOf, readHandle } from './handle.ts';
import { WandbHeartbeat } from './heartbeat.ts';
import { wandbCapabilities } from './limits.ts';
import { OfflineStorage } from './offline.ts';
import { waitingFolders } from './offline-folders.ts';
import { OnlineStorage } from './online.ts';
import { compareArtifacts, setParams, storeFile } from './params-and-files.ts';
import { probeTarget } from './probe.ts';
import { readBack } from './read-back.ts';
import type { RunPath } from './run-path.ts';
import { WandbRunWriter } from './run-writer.ts';
import { throwFailure, WandbRuns } from './runs.ts';
import { FIELDS, parseSettings, type WandbSettings } from './settings.ts';
import type { Storage } from './storage.ts';

class WandbBackend implements JournalledBackend {
  readonly #clock: Clock;
  readonly #settings: WandbSettings;
  readonly #client: WandbClient | undefined;
  readonly #storage: Storage;
  /** Undefined if the lane is not online. */
  readonly #online: OnlineStorage | undefined;
  readonly #runs: WandbRuns;
  readonly #writers = new Map<string, WandbRunWriter>();
  readonly #stop = new AbortController();
  readonly #heartbeat: WandbHeartbeat;
  readonly #warn: BackendContext['warn'];
  #isUncountedWarned = false;

  constructor(settings: WandbSettings, context: BackendContext) {
    this.#settings = settings;
    this.#warn = context.warn;
    this.#clock = context.clock ?? systemClock;
    const isOnline = settings.mode === 'online';
    // Offline, the client is only needed for lines that no folder has.
    this.#client = isOnline || settings.apiKey !== undefined ? new WandbClient(settings, this.#clock) : undefined;
    const pages = pagesOf(settings.baseUrl);
    const online =
      this.#client === undefined
        ? undefined
        : new OnlineStorage(this.#client, {
            offsetSemantics: settings.offsetSemantics,
            pages,
            uncounted: (countLater) => this.#uncounted(countLater),
            clock: this.#clock,
          });
    const offline = new OfflineStorage(
      settings.dir,
      online === undefined ? undefined : (path, from, to, signal) => linesAt(online, path, from, to, signal),
      { clock: this.#clock, random: context.random ?? systemRandom },
    );
    this.#online = isOnline ? online : undefined;
    this.#storage = this.#online ?? offline;
    this.#runs = new WandbRuns({
      settings,
      warn: this.#warn,
      storages: this.#storage,
      ...(isOnline
        ? {
            waiting: async (path) => {
              const found = await offline.find(path);
              return found.kind === 'ok' && found.value?.isWaiting === true ? found.value : undefined;
            },
          }
        : {}),
    });
    this.#heartbeat = new WandbHeartbeat(() => [...this.#writers.values()].map(({ storage }) => storage), this.#clock);
  }

  readonly describe: Call<'describe'> = () => {
    return wandbCapabilities(this.#settings.gatherMs);
  };

  readonly probe: Call<'probe'> = async (signal) => {
    return probeTarget(this.#client, this.#settings, signal);
  };

  readonly open: Call<'open'> = async (source, known, signal) => {
    this.#beOn();
    const run = await this.#runs.open(source, known, signal);
    this.#writers.set(run.tracked.id, new WandbRunWriter(run));
    return handleOf(run.tracked);
  };

  readonly noteFiles: Call<'noteFiles'> = async (handle, files, signal) => {
    this.#beOn();
    const { storage } = await this.#writer(handle, signal);
    await this.#runs.noteFiles(storage, files, signal);
  };

  readonly send: Call<'send'> = async (parcels) => {
    const error = new MirrorError('MB9001', 'lines for W&B were not prepared before sending');
    return parcels.map(() => ({ kind: 'fatal', error }));
  };

  readonly prepare: Call<'prepare', JournalledBackend> = async (parcels, journal) => {
    const [first] = parcels;
    if (first === undefined) throw new MirrorError('MB9001', 'there is nothing to send to W&B');
    const writer = await this.#writer(first.handle, this.#stop.signal);
    return writer.prepare(parcels, journal, this.#stop.signal);
  };

  readonly sendPrepared: Call<'sendPrepared', JournalledBackend> = async (intent, parcels, signal, fromLine) => {
    const outcomes = (outcome: Outcome): readonly Outcome[] => (parcels.length === 0 ? [outcome] : parcels.map(() => outcome));
    try {
      const { run } = JSON.parse(intent) as { readonly run: string };
      const writer = this.#writers.get(run) ?? (parcels[0] === undefined ? undefined : await this.#writer(parcels[0].handle, signal));
      if (writer !== undefined) return await writer.sendPrepared(intent, parcels, signal, fromLine);
      return outcomes({ kind: 'runFatal', error: new MirrorError('MB4006', `the W&B run ${run} was not opened`) });
    } catch (cause) {
      return outcomes(outcomeOfThrown(cause, signal, 'W&B', 'run'));
    }
  };

  readonly resolve: Call<'resolve', JournalledBackend> = async (handle, intent, signal) => {
    const writer = await this.#writer(handle, signal);
    return writer.resolve(intent, signal);
  };

  async *readBack(handle: Handle, options: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    this.#beOn();
    const tracked = readHandle(handle);
    // The run is looked up again: a writer only knows its state from when it began.
    const { storage } = await this.#runs.find(tracked, options.signal ?? this.#stop.signal);
    yield* readBack(storage, tracked.joined?.lines ?? 0, options);
  }

  readonly finish: Call<'finish'> = async (handle, end, signal) => {
    this.#beOn();
    const writer = await this.#writer(handle, signal);
    // The program that opened the run also ends it.
    if (readHandle(handle).joined === undefined) throwFailure(await writer.storage.finish(end, signal));
  };

  readonly setParams: Call<'setParams'> = async (handle, params, signal) => {
    const { storage } = await this.#writer(handle, signal);
    await setParams(storage, params, signal);
    return params.map(() => ({ kind: 'set' }));
  };

  readonly putFile: Call<'putFile'> = async (handle, file, signal) => {
    const { storage } = await this.#writer(handle, signal);
    return storeFile(storage, file, signal);
  };

  readonly compareArtifacts: Call<'compareArtifacts'> = async (handle, wanted, signal) => {
    this.#beOn();
    const { storage } = await this.#runs.find(readHandle(handle), signal);
    const unknown = (reason: string) => this.#warn('artifacts or params of a run are not compared', { run: storage.path.id, reason });
    return compareArtifacts(storage, wanted, unknown, signal);
  };

  /** Lists foreign content. A lane that is offline does not ask the service. */
  readonly foreign: Call<'foreign'> = async (own, signal) => {
    if (this.#client === undefined || this.#online === undefined) return undefined;
    return foreignIn(
      this.#client,
      this.#online,
      own,
      { entity: this.#settings.entity ?? '', configured: this.#settings, warn: this.#warn },
      signal,
    );
  };

  readonly remove: Call<'remove'> = async (handle, signal) => {
    const { storage } = await this.#writer(handle, signal);
    throwFailure(await storage.remove(signal));
    this.#writers.delete(readHandle(handle).id);
  };

  readonly link: Call<'link'> = (handle) => {
    if (this.#settings.silent) return undefined;
    const tracked = readHandle(handle);
    const writer = this.#writers.get(tracked.id);
    if (writer !== undefined) return writer.storage.link;
    if (this.#settings.mode !== 'online' || tracked.entity === '') return undefined;
    return `${pagesOf(this.#settings.baseUrl)}/${[tracked.entity, tracked.project].map(encodeURIComponent).join('/')}/runs/${tracked.id}`;
  };

  readonly close: Call<'close'> = async () => {
    await this.#heartbeat.close();
    const last = timeoutSignal(CLOSE_MS, this.#clock);
    await Promise.all([...this.#writers.values()].map((writer) => writer.storage.flush(last).catch(() => undefined)));
    this.#stop.abort(new MirrorError('MB4001', 'the backend was closed'));
    await this.#client?.close();
  };

  async #uncounted(countLater: () => Promise<number>): Promise<void> {
    if (this.#isUncountedWarned) return;
    this.#isUncountedWarned = true;
    // After a failed send, a server that does count lines may not have counted the last ones yet.
    if ((await countLater()) > 0) {
      this.#isUncountedWarned = false;
      return;
    }
    this.#warn('the server does not count lines, so it probably appends every line it gets: set offset_semantics: append', {
      address: this.#settings.baseUrl,
    });
  }

  #beOn(): void {
    if (this.#settings.mode !== 'disabled') return;
    throw new MirrorError('MB4004', 'the lane is switched off (mode: disabled): nothing is sent; it resumes when you switch it on again', {
      hint: 'Set mode: online or offline (WANDB_MODE), or omit the lane with --to.',
    });
  }

  async #writer(handle: Handle, signal: AbortSignal): Promise<WandbRunWriter> {
    const tracked = readHandle(handle);
    let writer = this.#writers.get(tracked.id);
    if (writer === undefined) {
      writer = new WandbRunWriter(await this.#runs.find(tracked, signal));
      this.#writers.set(tracked.id, writer);
    }
    return writer;
  }
}

async function* linesAt(
  online: OnlineStorage,
  path: RunPath,
  from: number,
  to: number,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const found = valueOrThrow(await online.find(path, signal));
  if (found !== undefined) yield* found.readLines(from, to, signal);
}

/** The last summary must not delay the end of the process for longer. */
const CLOSE_MS = 5000;

/**
 * Returns the address of the web pages. The hosted service has them on another host than its API; other servers have
 * both at one address.
 */
function pagesOf(baseUrl: string): string {
  return baseUrl.replace(/^https:\/\/api\.wandb\.ai$/, 'https://wandb.ai');
}

/**
 * The kind of tracker that `type: wandb` names. The mode is not part of the target: online and offline continue the
 * same runs.
 */
export const wandb: BackendType<WandbSettings> = {
  type: 'wandb',
  fields: FIELDS,
  groupKeys: ['project'],
  parse: parseSettings,
  target({ baseUrl, entity = '', project = '' }) {
    return `${baseUrl} ${entity}/${project}`;
  },
  async create(settings, context) {
    return new WandbBackend(settings, context);
  },
  isOff: ({ mode }) => mode === 'disabled',
  waiting: ({ dir }) => waitingFolders(dir).map(({ path }) => `wandb sync ${path}`),
};

export type { WandbSettings } from './settings.ts';
