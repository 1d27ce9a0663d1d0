/** Finds and makes the tracker runs of runs: each exactly once, and never one that is not ours. */
import {
  agreeOnOne,
  byTicket,
  type Candidate,
  type Contenders,
  FileMarks,
  holderSource,
  isPlainlyOwn,
  missingTicket,
  numberedName,
  parentSource,
  sortOut,
  warnNameTaken,
  withoutLeft,
} from '../../backend-kit/identity/index.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { LineByKey } from '../../concurrency/index.ts';
import type { BackendContext, FileMark, Handle, ReadBackChunk, RunSource } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import { runLabel } from '../../model/index.ts';
import { isAboutContent, type MlflowFailure, troubleOf } from './answers.ts';
import type { MlflowClient, MlflowRunFacts, Tag } from './client.ts';
import { Experiments } from './experiments.ts';
import { readHandle } from './handle.ts';
import { RESERVED } from './keys.ts';
import type { LearnedFacts } from './learned-facts.ts';
import { NAME_LENGTH } from './limits.ts';
import { nearestMillis } from './map.ts';
import { writeTags } from './run-tags.ts';
import type { MlflowSettings } from './settings.ts';
import { configuredTags, FINGERPRINT, fingerprintText, INSTANCE, KEY, MADE, PARENT, TICKET, tagsOf, VITAL } from './source-tags.ts';
import { fitText } from './store-facts.ts';

/** The process that makes a run gives it a ticket within five seconds; servers report whole seconds. */
const DRAWING_MS = 6000;

const NOTHING: AsyncIterable<ReadBackChunk> = { async *[Symbol.asyncIterator]() {} };

/** The tracker run of a run. */
export interface MatchedRun {
  readonly facts: MlflowRunFacts;
  /** True if the run was made just now and holds nothing. */
  readonly isNew: boolean;
}

interface Found {
  readonly hits: readonly MlflowRunFacts[];
  readonly own: readonly MlflowRunFacts[];
  /** The reason why the other hits are not our own. */
  readonly why: string | undefined;
}

/** The options of `MlflowRuns`. */
export interface MlflowRunsOptions {
  readonly warn: BackendContext['warn'];
  /** Reads all points of a run. */
  readonly readBack: (run: MlflowRunFacts, signal: AbortSignal) => AsyncIterable<ReadBackChunk>;
  /** The facts about the server's store. */
  readonly learned: LearnedFacts;
  /** The clock; default: the system's. */
  readonly clock?: Clock | undefined;
}

/** The MLflow runs of a lane: finds, makes and identifies them. */
export class MlflowRuns {
  readonly #client: MlflowClient;
  readonly #experiments: Experiments;
  readonly #settings: MlflowSettings;
  readonly #warn: BackendContext['warn'];
  readonly #readBack: MlflowRunsOptions['readBack'];
  readonly #learned: LearnedFacts;
  readonly #clock: Clock;
  /** Ids of the runs that hold others, by their keys. */
  readonly #parents = new Map<string, string>();
  /** One open at a time for each key: MLflow has no unique constraint, so two at a time would make two runs. */
  readonly #opening = new LineByKey();

  constructor(client: MlflowClient, settings: MlflowSettings, { warn, readBack, learned, clock = systemClock }: MlflowRunsOptions) {
    this.#client = client;
    this.#experiments = new Experiments(client, settings);
    this.#settings = settings;
    this.#warn = warn;
    this.#readBack = readBack;
    this.#learned = learned;
    this.#clock = clock;
  }

  async open(source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<MatchedRun> {
    return this.#opening.run(source.key, () => this.#open(source, known, signal));
  }

  async #open(source: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<MatchedRun> {
    signal.throwIfAborted();
    if (source.joins !== undefined) {
      const facts = await this.#joined(source, source.joins, signal);
      await this.#learnOf(facts, signal);
      return { facts, isNew: false };
    }
    if (known !== undefined) {
      const found = await this.#known(source, known, signal);
      if (found !== undefined) {
        await this.#learnOf(found, signal);
        return { facts: await this.#marked(found, source, signal), isNew: false };
      }
    }
    const experiment = await this.#experiments.find(source.group, signal);
    await this.#learned.learn(experiment, source.isTrial === true, signal);
    const { hits, own, why } = await this.#found(experiment.id, source, signal);
    const [first, ...others] = own;
    if (first !== undefined) {
      const twins = await withoutLeft(others, this.#contenders(experiment.id, source, signal));
      if (twins.length > 0)
        this.#warn('several MLflow runs are of one run: the first is used', { run: runLabel(source.run), runs: twins.length + 1 });
      return { facts: await this.#marked(first, source, signal), isNew: false };
    }
    const [deleted] = (await this.#sortOut(hits, true, source, signal)).own;
    if (deleted !== undefined) {
      const restored = await this.#restored(deleted, source, signal);
      return { facts: await this.#marked(restored, source, signal), isNew: false };
    }
    const holder = await this.#holderOf(source, experiment.id, signal);
    if (holder !== undefined) return { facts: await this.#takenOver(holder, source, signal), isNew: false };
    const name = numberedName(source.name, hits.length);
    if (hits.length > 0) warnNameTaken(this.#warn, source, name, why);
    return this.#create(source, name, experiment.id, signal);
  }

  /** Learns the facts about the server's store in the experiment of a run, if they are not known yet. */
  async #learnOf({ experimentId }: MlflowRunFacts, signal: AbortSignal): Promise<void> {
    if (this.#learned.isTried) return;
    const experiment = valueOrThrow(await this.#client.experimentById(experimentId, signal));
    await this.#learned.learn(experiment, false, signal);
  }

  /** Returns the runs of a key by ticket, and those of them that belong to this run. */
  async #found(experimentId: string, source: RunSource, signal: AbortSignal): Promise<Found> {
    const hits = await byTicket(this.#contenders(experimentId, source, signal), signal);
    return { hits, ...(await this.#sortOut(hits, false, source, signal)) };
  }

  /** Returns a run that something else opened, and changes nothing in it. */
  async #joined(source: RunSource, runId: string, signal: AbortSignal): Promise<MlflowRunFacts> {
    const run = runLabel(source.run);
    const reply = await this.#client.run(runId, signal);
    if (reply.kind === 'ok' && !reply.value.isDeleted) return reply.value;
    if (reply.kind !== 'ok' && reply.cause !== 'missing' && reply.cause !== 'refused') throw reply.error;
    throw new MirrorError(
      'MB4006',
      `the MLflow run ${runId}, which ${run} is to join, ${reply.kind === 'ok' ? 'was deleted' : 'is not there'}`,
      {
        hint: 'Correct the id or the file that names it (join), or restore the run.',
        context: { run, runId },
      },
    );
  }

  /**
   * Returns the id of the run above this one. Makes it if it is missing, and ends it at once, since nothing is logged
   * to it.
   */
  async #parentOf(child: RunSource, experimentId: string, signal: AbortSignal): Promise<string | undefined> {
    if (child.parent?.handle !== undefined) return readHandle(child.parent.handle).runId;
    const parent = parentSource(child);
    if (parent === undefined) return undefined;
    const known = this.#parents.get(parent.key);
    if (known !== undefined) return known;
    const { facts, isNew } = await this.open(parent, undefined, signal);
    if (isNew) {
      const input = { run_id: facts.runId, status: 'FINISHED', end_time: this.#clock.wallMs() };
      valueOrThrow(await this.#client.call('ending a parent run', 'POST', 'runs/update', input, signal));
    }
    if (facts.experimentId === experimentId) this.#parents.set(parent.key, facts.runId);
    return facts.runId;
  }

  /** Returns the run of a handle; undefined if it no longer exists. */
  async #known(source: RunSource, known: Handle, signal: AbortSignal): Promise<MlflowRunFacts | undefined> {
    const { runId } = readHandle(known);
    const reply = await this.#client.run(runId, signal);
    if (reply.kind === 'ok' && !reply.value.isDeleted) return reply.value;
    if (reply.kind === 'ok' && this.#settings.restoreDeleted) return this.#restored(reply.value, source, signal);
    if (reply.kind !== 'ok' && reply.cause !== 'missing') throw reply.error;
    this.#warn('the MLflow run of a run no longer exists: searching for it again', { run: runLabel(source.run), runId });
    return undefined;
  }

  async #restored(deleted: MlflowRunFacts, source: RunSource, signal: AbortSignal): Promise<MlflowRunFacts> {
    const run = runLabel(source.run);
    if (!this.#settings.restoreDeleted) {
      throw new MirrorError('MB4006', `the MLflow run of ${run} (${deleted.runId}) was deleted`, {
        hint: 'Restore it (mlflow runs restore), remove it for good (mlflow gc), or set restore_deleted: true.',
        context: { run, runId: deleted.runId },
      });
    }
    valueOrThrow(await this.#client.call(`restoring the run ${run}`, 'POST', 'runs/restore', { run_id: deleted.runId }, signal));
    return { ...deleted, isDeleted: false };
  }

  /** Returns the run that was made to hold those below this one, before this one was known. */
  async #holderOf(source: RunSource, experimentId: string, signal: AbortSignal): Promise<MlflowRunFacts | undefined> {
    const holder = holderSource(source);
    if (holder === undefined) return undefined;
    return (await this.#found(experimentId, holder, signal)).own[0];
  }

  /** Turns a holder run into the run of this source, so that no empty run remains. */
  async #takenOver(holder: MlflowRunFacts, source: RunSource, signal: AbortSignal): Promise<MlflowRunFacts> {
    const run = runLabel(source.run);
    const above = await this.#parentOf(source, holder.experimentId, signal);
    const tags = [
      ...tagsOf(source, this.#learned.facts, holder.tags.keys()),
      ...(above === undefined ? [] : [{ key: PARENT, value: above }]),
    ];
    const body = { run_id: holder.runId, run_name: fitText(source.name, NAME_LENGTH, this.#learned.facts), status: 'RUNNING' };
    valueOrThrow(await this.#client.call(`resuming ${run} in its parent run`, 'POST', 'runs/update', body, signal));
    // The key comes last: until then mirrorboard finds the run as what it was.
    for (const isKey of [false, true]) {
      await this.#write(
        holder.runId,
        tags.filter((tag) => (tag.key === KEY) === isKey),
        source.run,
        signal,
      );
    }
    return { ...holder, tags: new Map([...holder.tags, ...tags.map(({ key, value }) => [key, value] as const)]) };
  }

  async #create(source: RunSource, name: string, experimentId: string, signal: AbortSignal): Promise<MatchedRun> {
    const parent = await this.#parentOf(source, experimentId, signal);
    const { facts } = this.#learned;
    const tags = [...tagsOf(source, facts), ...this.#madeNow(), ...(parent === undefined ? [] : [{ key: PARENT, value: parent }])];
    const withTags = (some: readonly Tag[]): ReturnType<MlflowClient['createRun']> => {
      const startTime = source.startedAt === undefined ? this.#clock.wallMs() : nearestMillis(source.startedAt);
      const input = { experiment_id: experimentId, run_name: fitText(name, NAME_LENGTH, facts), start_time: startTime, tags: some };
      return this.#client.createRun(input, signal);
    };
    let made = await withTags(tags);
    // Maybe the server refuses only a tag on which nothing depends. The operator's tags are left out first.
    for (const isAtOnce of [(key: string) => key.startsWith(RESERVED), (key: string) => VITAL.has(key)]) {
      if (made.kind === 'ok' || (made.cause !== 'clash' && !isAboutContent(made))) break;
      made = await withTags(tags.filter(({ key }) => isAtOnce(key)));
      const others = tags.filter(({ key }) => !isAtOnce(key));
      if (made.kind === 'ok') await this.#write(made.value.runId, others, source.run, signal);
    }
    if (made.kind !== 'ok') {
      this.#experiments.forget();
      if (isAboutContent(made)) throw refusedError(made.error, { run: runLabel(source.run) });
      if (made.cause !== 'inactive') throw made.error;
      throw new MirrorError('MB4004', `the experiment ${experimentId} is deleted`, {
        hint: 'Restore it (mlflow experiments restore), name another one, or set restore_deleted: true.',
        cause: made.error,
      });
    }
    return this.#agreed(made.value, experimentId, source, signal);
  }

  #madeNow(): Tag[] {
    const now = this.#client.nowMs();
    return now === undefined ? [] : [{ key: MADE, value: String(Math.round(now)) }];
  }

  /**
   * True if the process that created the run may still give it a ticket. Old runs without one cause no delay; several
   * recent ones cause only one.
   */
  #mayDraw({ tags }: MlflowRunFacts): boolean {
    const [now, made] = [this.#client.nowMs(), tags.get(MADE)];
    return now === undefined || made === undefined || !/^\d{1,15}$/.test(made) || now - Number(made) < DRAWING_MS;
  }

  /** Agrees with other processes on one run: another process may have made one at the same moment. */
  async #agreed(made: MlflowRunFacts, experimentId: string, source: RunSource, signal: AbortSignal): Promise<MatchedRun> {
    const first = await agreeOnOne(made, this.#contenders(experimentId, source, signal), signal);
    if (first.runId === made.runId) return { facts: made, isNew: true };
    return { facts: await this.#marked(first, source, signal), isNew: false };
  }

  #contenders(experimentId: string, source: RunSource, signal: AbortSignal): Contenders<MlflowRunFacts> {
    return {
      clock: this.#clock,
      list: async () => valueOrThrow(await this.#client.runsTagged(experimentId, KEY, source.key, signal)),
      idOf: ({ runId }) => runId,
      ticketOf: ({ tags }) => tags.get(TICKET),
      isOwn: (run) => !run.isDeleted && isPlainlyOwn(this.#candidateOf(run).mark, source),
      giveTicket: ({ runId }, value) => this.#write(runId, [{ key: TICKET, value }], source.run, signal),
      mayDraw: (run) => this.#mayDraw(run),
      isEmpty: ({ metrics, params }) => metrics.length === 0 && params.size === 0,
      remove: async ({ runId }) => {
        valueOrThrow(await this.#client.call('removing an empty twin', 'POST', 'runs/delete', { run_id: runId }, signal));
      },
    };
  }

  #sortOut(
    runs: readonly MlflowRunFacts[],
    isDeleted: boolean,
    source: RunSource,
    signal: AbortSignal,
  ): ReturnType<typeof sortOut<MlflowRunFacts>> {
    const wanted = runs.filter((run) => run.isDeleted === isDeleted);
    return sortOut(wanted, (run) => this.#candidateOf(run), source, signal);
  }

  #candidateOf(run: MlflowRunFacts): Candidate {
    return {
      mark: { instance: run.tags.get(INSTANCE), files: FileMarks.read(run.tags.get(FINGERPRINT)) },
      // A deleted run gives no points back: if it names no file, mirrorboard cannot recognize it as ours.
      readBack: (signal) => (run.isDeleted ? NOTHING : this.#readBack(run, signal)),
    };
  }

  /** Adds files to those by which mirrorboard recognizes a run. */
  async noteFiles(runId: string, files: readonly FileMark[], signal: AbortSignal): Promise<void> {
    const { tags } = valueOrThrow(await this.#client.run(runId, signal));
    const value = fingerprintText(FileMarks.read(tags.get(FINGERPRINT)).with(files), this.#learned.facts);
    if (tags.get(FINGERPRINT) !== value) await this.#write(runId, [{ key: FINGERPRINT, value }], undefined, signal);
  }

  /** Writes tags of a run. A refused tag costs only itself, unless the run cannot be found without it. */
  async #write(runId: string, tags: readonly Tag[], run: RunSource['run'] | undefined, signal: AbortSignal): Promise<void> {
    const context = run === undefined ? { runId } : { run: runLabel(run), runId };
    const refused = ({ key }: Tag, { error }: MlflowFailure): void => {
      if (VITAL.has(key)) throw refusedError(error, context);
      this.#warn('a tag of an MLflow run was refused', { ...context, tag: key, reason: error.message });
    };
    const work = { client: this.#client, runId, isToBlame: async () => false, toError: troubleOf };
    await writeTags({ ...work, stored: () => {}, refused }, tags, signal);
  }

  /**
   * Updates the tags of a run: those that the operator sets now, and those by which mirrorboard recognizes the run.
   * The latter change with other files, or if a state was lost and made again.
   */
  async #marked(facts: MlflowRunFacts, source: RunSource, signal: AbortSignal): Promise<MlflowRunFacts> {
    const files = FileMarks.read(facts.tags.get(FINGERPRINT)).with(source.fingerprint);
    const wanted: readonly Tag[] = [
      ...configuredTags(source, this.#learned.facts, facts.tags.keys()),
      { key: INSTANCE, value: source.instanceId },
      { key: FINGERPRINT, value: fingerprintText(files, this.#learned.facts) },
    ];
    const tags = wanted.filter(({ key, value }) => facts.tags.get(key) !== value);
    // A process that died has left the run without a ticket: the next process need not wait for it.
    const ticket = missingTicket(facts.tags.get(TICKET));
    if (ticket !== undefined) tags.push({ key: TICKET, value: ticket });
    if (tags.length === 0) return facts;
    await this.#write(facts.runId, tags, source.run, signal);
    return facts;
  }
}

/** Makes the error for a run that the server rejects. The other runs continue. */
function refusedError(cause: MirrorError, context: Readonly<Record<string, string>>): MirrorError {
  return new MirrorError('MB4006', cause.message, { ...(cause.hint === undefined ? {} : { hint: cause.hint }), cause, context });
}
