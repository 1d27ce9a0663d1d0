/** Writes parcels into one tracker run: tags and files first, then metrics, then params. */
import { outcomeOfThrown, Stop } from '../../backend-kit/failures/index.ts';
import { Job, sendParcels } from '../../backend-kit/sending/index.ts';
import type { BackendContext, Outcome, ParamOutcome, RunParam, TrackerParcel, TrialKind } from '../../contract/index.ts';
import { reasonOf } from '../../errors.ts';
import { isAboutContent, type MlflowFailure, stopOf, troubleOf } from './answers.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient, MlflowRunFacts } from './client.ts';
import type { GatherRoom } from './gathered.ts';
import type { MlflowRun } from './handle.ts';
import { HeldMetrics } from './held-metrics.ts';
import { KeyTable } from './key-table.ts';
import { isCut } from './keys.ts';
import type { Quotas } from './limits.ts';
import { MetricBatches } from './metric-batches.ts';
import { MetricNames } from './metric-names.ts';
import { NameQuota } from './name-quota.ts';
import { paramText } from './params-and-files.ts';
import {
  HAS_TEXTS,
  isNameTag,
  KeyNames,
  type PreparedMetrics,
  type PrepareOptions,
  prepare,
  publicationOf,
  publishedName,
} from './prepare.ts';
import { FileWriter } from './run-files.ts';
import { ParamWriter } from './run-params.ts';
import { RunTags } from './run-tags.ts';
import { Stumbles } from './stumbles.ts';
import { tryMetric, tryTag } from './trial.ts';

/** Options of all writers of a connection; the rest depends on the run. */
export type WriterOptions = Pick<PrepareOptions, 'histogramPercentiles' | 'exactTimes' | 'noFiles' | 'facts'> & {
  readonly room: GatherRoom;
  readonly clock: BackendContext['clock'];
  readonly quotas: Quotas;
};

/** The writer of one run. */
export class MlflowRunWriter {
  readonly #client: MlflowClient;
  readonly #runId: string;
  readonly #options: PrepareOptions;
  readonly #tags: RunTags;
  readonly #names: MetricNames;
  readonly #nameQuota: NameQuota;
  readonly #metrics: MetricBatches;
  readonly #params: ParamWriter;
  readonly #held: HeldMetrics | undefined;
  /** Undefined if no file can be stored. */
  readonly #files: FileWriter | undefined;
  /** True if the run held texts when it was opened. */
  readonly #mayHaveTexts: boolean;
  readonly #stumbles = new Stumbles();

  constructor(
    client: MlflowClient,
    artifacts: Artifacts,
    { runId, root }: MlflowRun,
    found: MlflowRunFacts,
    isNew: boolean,
    options: WriterOptions,
    warn: BackendContext['warn'],
  ) {
    this.#client = client;
    this.#runId = runId;
    const { facts, room, noFiles, quotas } = options;
    const keyOptions = { ...facts, isFlat: facts.isFileStore };
    const keys = new KeyTable(keyOptions, found.metrics);
    this.#options = { ...options, keys, paramKeys: new KeyTable(keyOptions, found.params.keys()) };
    const isToBlame = (reply: MlflowFailure, signal: AbortSignal): Promise<boolean> => this.#isToBlame(reply, signal);
    this.#tags = new RunTags({ client, runId, isToBlame, toError: laterOf, facts, warn });
    this.#params = new ParamWriter({
      client,
      runId,
      known: found.params,
      facts,
      warn,
      clock: options.clock,
      publish: async (tags, signal) => void (await this.#tags.put(tags, signal)),
    });
    this.#names = new MetricNames({
      client,
      runId,
      keys,
      held: found.metrics,
      publish: async (tag, key, signal) => {
        const published = publicationOf(tag, key, facts);
        const refused = published === undefined ? [] : [...(await this.#tags.put([published], signal)).keys()];
        return !refused.some(isNameTag);
      },
      toError: stopOf,
    });
    this.#nameQuota = new NameQuota(quotas.namesPerRun, found, warn);
    this.#mayHaveTexts = found.tags.has(HAS_TEXTS);
    if (root !== undefined && noFiles === undefined) this.#files = new FileWriter({ artifacts, root, isNew, room, warn });
    if (facts.isFileStore) this.#held = new HeldMetrics(client, runId, isNew);
    const { metricsPerRequest } = quotas;
    this.#metrics = new MetricBatches({ client, runId, names: this.#names, held: this.#held, stumbles: this.#stumbles, metricsPerRequest });
  }

  /** True if the run is known to hold texts. */
  get mayHaveTexts(): boolean {
    return this.#mayHaveTexts || this.#tags.has(HAS_TEXTS);
  }

  async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    this.#held?.begin(parcels.map(({ batch }) => batch));
    this.#names.begin();
    return sendParcels<PreparedMetrics>(parcels, {
      begin: async (parcel) => {
        const job = new Job(parcel, prepare(parcel, this.#options));
        const { prepared } = job;
        for (const { kind, reason, ...point } of prepared.refusals) job.refuse(point, reason, kind);
        this.#nameQuota.apply(job);
        refuseUnnamed(job, await this.#tags.put(prepared.tags, signal));
        await this.#files?.store(job, signal);
        return job;
      },
      write: async (jobs) => {
        await this.#metrics.write(jobs, signal);
        for (const { failed, prepared } of jobs) if (failed === undefined) await this.#writeParams(prepared, signal);
      },
      isDone: ({ prepared }) => prepared.metrics.every((metric) => metric.isSettled) && prepared.params.length === 0,
      outcomeOf: (thrown) => outcomeOfThrown(thrown, signal, 'MLflow'),
    });
  }

  /** Cleans up when nothing more is expected for now. */
  async rest(signal: AbortSignal): Promise<void> {
    await this.#files?.rest(signal);
  }

  /** Writes something small of a kind. Throws what is wrong. */
  async tryOut(kind: TrialKind, signal: AbortSignal): Promise<void> {
    if (kind === 'params') return await this.#params.tryOut(signal).catch(throwError);
    const ofPoints =
      kind === 'points'
        ? ((await tryTag(this.#client, this.#runId, signal)) ?? (await tryMetric(this.#client, this.#runId, signal)))
        : undefined;
    const failure = ofPoints ?? (await this.#files?.tryOut(signal));
    if (failure !== undefined && failure.cause !== 'notServed') throw troubleOf(failure);
  }

  /** True if tags make the server fail each time. */
  async #isToBlame({ cause }: MlflowFailure, signal: AbortSignal): Promise<boolean> {
    if (cause !== 'internal' || !this.#stumbles.isTooMany()) return false;
    return (await tryTag(this.#client, this.#runId, signal)) === undefined;
  }

  async #writeParams({ params }: PreparedMetrics, signal: AbortSignal): Promise<void> {
    if (params.length === 0) return;
    await this.#params.putOfPoints(params, signal);
    params.length = 0;
  }

  /** Writes params from files next to the event files. Returns one outcome for each. */
  async setParams(params: readonly RunParam[], signal: AbortSignal): Promise<readonly ParamOutcome[]> {
    const tags = new Map<string, string>();
    const names = new KeyNames(this.#options.paramKeys, this.#options.facts, tags);
    const wanted = params.map(({ name, value }) => ({ key: names.of(name).key, value: paramText(value) }));
    const published = [...tags].map(([key, value]) => ({ key, value }));
    try {
      await this.#tags.put(published, signal);
      await this.#params.put(wanted, signal);
    } catch (error) {
      throwError(error);
    }
    return wanted.map((param) => this.#params.outcomeOf(param));
  }
}

function throwError(error: unknown): never {
  throw error instanceof Stop && error.outcome.kind !== 'rejected' ? error.outcome.error : error;
}

/** Makes the error for a failure while the server accepts nothing else of its kind either. */
function laterOf(failure: MlflowFailure): Stop {
  return isAboutContent(failure) ? new Stop({ kind: 'retry', error: troubleOf(failure) }) : stopOf(failure);
}

/**
 * Refuses scalars whose name could not be stored and cannot be read from their key: they would come back under a
 * wrong one.
 */
function refuseUnnamed(job: Job<PreparedMetrics>, unnamed: ReadonlyMap<string, MlflowFailure>): void {
  if (unnamed.size === 0) return;
  const { lines, metrics } = job.prepared;
  const kept = new Set(lines.map(({ offset, index }) => `${offset} ${index}`));
  for (const metric of metrics) {
    const failure = isCut(metric.key) && !metric.isDerived ? unnamed.get(publishedName(metric.key)) : undefined;
    if (failure === undefined) continue;
    metric.isSettled = true;
    const reason = `the tag ${publishedName(metric.key)}, which records its name, was refused: ${reasonOf(failure.error)}`;
    if (!kept.has(`${metric.offset} ${metric.index}`)) {
      job.refuse(metric, reason, failure.cause === 'notServed' ? 'unsupported' : 'refused');
    }
  }
}
