import { type Clock, systemClock, timeoutSignal } from '../../clock.ts';
import { LineByKey } from '../../concurrency/index.ts';
import type { BackendContext } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import type { Experiment, MlflowClient } from './client.ts';
import { FACTS_TAG, factsText, readFacts, type StoreFacts, UNTRIED } from './store-facts.ts';
import { StoreTrial } from './store-trial.ts';

/** The facts about a server's store. mirrorboard learns each of them once for a connection. */
export class LearnedFacts {
  readonly #client: MlflowClient;
  readonly #clock: Clock;
  readonly #warn: BackendContext['warn'];
  readonly #line = new LineByKey();
  /** Undefined until the server was asked. */
  #version: string | undefined;
  #announced: { readonly version: string; readonly isFileStore: boolean | undefined } = { version: '', isFileStore: undefined };
  #tried: StoreFacts | undefined;
  #trial: StoreTrial | undefined;

  constructor(client: MlflowClient, warn: BackendContext['warn'], clock: Clock = systemClock) {
    this.#clock = clock;
    this.#client = client;
    this.#warn = warn;
  }

  /** The facts that are known now. */
  get facts(): StoreFacts {
    const facts = this.#tried ?? UNTRIED;
    return { ...facts, isFileStore: this.#announced.isFileStore ?? facts.isFileStore };
  }

  /** True if this server was tried. */
  get isTried(): boolean {
    return this.#tried !== undefined;
  }

  /** True if the server reports what it keeps its data in. Servers before 3.0 do not. */
  get namesItsStore(): boolean {
    return this.#announced.isFileStore !== undefined;
  }

  /**
   * Reads what the server reports about itself, and what an earlier trial has left in one of its experiments. Writes
   * nothing.
   */
  async look(isFileStore: boolean | undefined, signal: AbortSignal): Promise<void> {
    this.#version ??= await this.#client.version(signal);
    this.#announced = { version: this.#version, isFileStore };
    const reply = await this.#client.experiments(signal);
    if (reply.kind === 'ok') for (const experiment of reply.value) this.#recall(experiment);
    else if (reply.error.retry !== 'never') throw reply.error;
  }

  /** Reads the remembered facts from an experiment's tags. */
  #recall({ tags }: Experiment): void {
    this.#tried ??= readFacts(tags.get(FACTS_TAG), this.#announced.version);
  }

  /** Learns the facts by a trial in an experiment, if none are remembered or the caller wants to learn them again. */
  async learn(experiment: Experiment, isAgain: boolean, signal: AbortSignal): Promise<StoreFacts> {
    return this.#line.run('trial', async () => {
      signal.throwIfAborted();
      this.#recall(experiment);
      if (this.#tried !== undefined && !isAgain) return this.facts;
      this.#trial ??= new StoreTrial(this.#client, experiment.id);
      try {
        this.#tried = await this.#trial.facts(signal);
      } catch (error) {
        if (!(error instanceof MirrorError) || error.retry !== 'never' || signal.aborted) throw error;
        // Mirroring points matters more than knowing their store.
        this.#warn('the trial of the MLflow server failed: mirrorboard assumes the usual behavior', { reason: error.message });
        this.#tried = UNTRIED;
        return this.facts;
      } finally {
        if (this.#tried !== undefined) this.#trial = undefined;
      }
      if (this.#tried.isFileStore && this.#announced.isFileStore === undefined) this.#warn(FILE_STORE);
      await this.#remember(experiment, this.#tried, signal);
      return this.facts;
    });
  }

  /** Removes what an incomplete trial has left. */
  async close(): Promise<void> {
    await this.#trial?.abandon(timeoutSignal(ABANDON_MS, this.#clock)).catch(() => undefined);
  }

  /** Notes the facts in the experiment. If the server does not allow that, the next process learns them again. */
  async #remember({ id }: Experiment, facts: StoreFacts, signal: AbortSignal): Promise<void> {
    const input = { experiment_id: id, key: FACTS_TAG, value: factsText(facts, this.#announced.version) };
    const reply = await this.#client.call('noting what the server does', 'POST', 'experiments/set-experiment-tag', input, signal);
    if (reply.kind !== 'ok' && signal.aborted)
      throw new MirrorError('MB4001', 'noting what the server does was interrupted', { retry: 'later' });
  }
}

/** Milliseconds for which an ending process tries to remove what a trial left. */
const ABANDON_MS = 3000;

/** The warning for servers that keep their data in files. */
export const FILE_STORE =
  'the MLflow server keeps its data in files: mirrorboard checks for points before it sends them again, and some may be there twice';
