import { Stop } from '../../backend-kit/failures/index.ts';
import { type Clock, systemClock } from '../../clock.ts';
import type { BackendContext, ParamOutcome } from '../../contract/index.ts';
import { isAboutContent, type MlflowFailure, stopOf, troubleOf } from './answers.ts';
import type { MlflowClient, Tag } from './client.ts';
import { cut, storable } from './cut-text.ts';
import { PARAM_LENGTH, PARAMS_PER_REQUEST } from './limits.ts';
import { isSameParam } from './params-and-files.ts';
import { fitText, heldTexts, type StoreFacts } from './store-facts.ts';
import { Stumbles } from './stumbles.ts';
import { tryMetric } from './trial.ts';

/** The run whose params are written. */
export interface RunParamsOptions {
  readonly client: MlflowClient;
  readonly runId: string;
  /** The params that the run already has, if known. */
  readonly known: ReadonlyMap<string, string> | undefined;
  readonly facts: StoreFacts;
  readonly warn: BackendContext['warn'];
  /** The clock; default: the system's. */
  readonly clock?: Clock | undefined;
  /** Writes tags of the run. */
  readonly publish: (tags: readonly Tag[], signal: AbortSignal) => Promise<void>;
}

/** Prefix of the tag for a value other than the first one, before the param's name. */
export const OTHER_VALUE = 'mirrorboard.param.';
/**
 * Prefix of a param that shows if the server accepts any, before a number. The server would only look up a param that
 * already has this value.
 */
export const TRIAL_PARAM = 'mirrorboard.trial.';
/** Most trial params of a run, since they cannot be removed. After that, mirrorboard writes the last one again. */
const MOST_TRIALS = 8;
/** Number of retries for refused params of points, each after the server has accepted another param. */
const ASKED_AGAIN = 2;
/**
 * If a server refuses every param for so many milliseconds but accepts metrics, it has no more room for params in
 * this run.
 */
const FULL_MS = 5 * 60_000;

/**
 * The params of a run. MLflow never changes a param (`param_pk` of `SqlParam` in
 * `mlflow/store/tracking/dbmodels/models.py`): the first value stays, and a tag holds another value.
 */
export class ParamWriter {
  readonly #options: RunParamsOptions;
  /** Params that the run has; undefined until they were looked up. */
  #known: Map<string, string> | undefined;

  /** Most characters of a value that the server is known to accept, or has reported since. */
  #mostLength: number;
  /** The reasons why params were refused, by name. */
  readonly #refused = new Map<string, string>();
  /** True if the server has accepted a param since this writing began. */
  #isTaking = false;
  /** The time since which the server refuses even params of our own. */
  #refusingSinceMs: number | undefined;
  readonly #stumbles = new Stumbles();

  constructor(options: RunParamsOptions) {
    this.#options = options;
    this.#mostLength = options.facts.paramLength;
    this.#known = options.known === undefined ? undefined : new Map(options.known);
  }

  /**
   * Writes params of points, which are not sent again later. It retries refused params, each time after the server
   * has accepted another one, and then gives them up for the life of this process. Throws a `Stop` if the caller must
   * try again.
   */
  async putOfPoints(params: readonly Tag[], signal: AbortSignal): Promise<void> {
    let left = params.filter(({ key }) => !this.#refused.has(key));
    await this.put(left, signal);
    for (let round = 0; round <= ASKED_AGAIN; round++) {
      left = left.filter(({ key }) => this.#refused.has(key));
      if (left.length === 0) return;
      if (round === ASKED_AGAIN) break;
      try {
        await this.tryOut(signal);
        await this.put(left, signal);
      } catch (error) {
        for (const { key } of left) this.#refused.delete(key);
        throw error;
      }
    }
    for (const { key } of left) {
      const { warn, runId } = this.#options;
      warn('a hyperparameter was refused; it is stored exactly elsewhere', {
        run: runId,
        param: key,
        reason: this.#refused.get(key) ?? '',
      });
    }
  }

  /**
   * Writes a param of our own. Throws a `Stop` if the server accepts none, unless the run has no more room for
   * params.
   */
  async tryOut(signal: AbortSignal): Promise<void> {
    const known = this.#known ?? (await this.#lookUp(signal));
    this.#known = known;
    const tried = [...known.keys()].filter((key) => key.startsWith(TRIAL_PARAM)).length;
    const trial = { key: `${TRIAL_PARAM}${Math.min(tried + 1, MOST_TRIALS)}`, value: '1' };
    const reply = await this.#options.client.logParams(this.#options.runId, [trial], signal);
    // After a clash, another process has just written it.
    if (reply.kind !== 'ok' && reply.cause !== 'clash') {
      if (!isAboutContent(reply)) throw stopOf(reply);
      if (!(await this.#isFull(signal))) throw new Stop({ kind: 'retry', error: troubleOf(reply) });
      return;
    }
    this.#refusingSinceMs = undefined;
    known.set(trial.key, trial.value);
    this.#isTaking = true;
  }

  /**
   * True if the server has refused even a param of our own for minutes while it accepts metrics: hosted services
   * limit the number of params of a run, and that does not pass.
   */
  async #isFull(signal: AbortSignal): Promise<boolean> {
    const { clock = systemClock } = this.#options;
    this.#refusingSinceMs ??= clock.steadyMs();
    if (clock.steadyMs() - this.#refusingSinceMs < FULL_MS) return false;
    return (await tryMetric(this.#options.client, this.#options.runId, signal)) === undefined;
  }

  /** Writes params. Throws a `Stop` if the caller must try again. `outcomeOf` tells what was refused. */
  async put(params: readonly Tag[], signal: AbortSignal): Promise<void> {
    const { warn, runId, publish } = this.#options;
    this.#isTaking = false;
    for (const isFirst of [true, false]) {
      this.#known ??= await this.#lookUp(signal);
      const known = this.#known;
      const wanted = new Map(params.map(({ key, value }) => [key, this.#shortened(key, value)]));
      const missing = [...wanted].filter(([key]) => !known.has(key)).map(([key, value]) => ({ key, value }));
      const changed = [...new Map(params.map(({ key, value }) => [key, value]))].filter(
        ([key, value]) => known.has(key) && !isHeldParam(known.get(key) ?? '', value),
      );
      const isClash = await this.#write(missing, known, signal);
      if (isClash && isFirst) {
        this.#known = undefined;
        continue;
      }
      if (changed.length === 0) return;
      warn('hyperparameters changed: MLflow keeps the first value; the new one is in tags mirrorboard.param.…', {
        run: runId,
        params: changed.length,
      });
      const tags = changed.map(([key, value]) => ({ key: OTHER_VALUE + cut(key, 230), value }));
      await publish(tags, signal);
      return;
    }
  }

  /** Returns the outcome of a param that was put. */
  outcomeOf({ key, value }: Tag): ParamOutcome {
    const held = this.#known?.get(key);
    if (held === undefined) return { kind: 'refused', reason: this.#refused.get(key) ?? 'the server refuses it' };
    return isHeldParam(held, value) ? { kind: 'set' } : { kind: 'kept', value: held };
  }

  /** Writes missing params. True if another writer gave one of them another value meanwhile. */
  async #write(missing: readonly Tag[], known: Map<string, string>, signal: AbortSignal): Promise<boolean> {
    for (let at = 0; at < missing.length; at += PARAMS_PER_REQUEST) {
      if (await this.#writeSome(missing.slice(at, at + PARAMS_PER_REQUEST), known, signal)) return true;
    }
    return false;
  }

  /**
   * Writes params in one request, with the same result. Halves a refused request, so that a refused param costs
   * nothing but itself.
   */
  async #writeSome(params: readonly Tag[], known: Map<string, string>, signal: AbortSignal): Promise<boolean> {
    const { client, runId } = this.#options;
    if (params.length === 0) return false;
    const reply = await client.logParams(runId, params, signal);
    if (reply.kind === 'ok') {
      this.#isTaking = true;
      this.#stumbles.reset();
      for (const { key, value } of params) {
        known.set(key, value);
        this.#refused.delete(key);
      }
      return false;
    }
    if (reply.cause === 'immutable') return true;
    if (reply.cause !== 'clash' && !isAboutContent(reply)) await this.#suspect(reply, signal);
    const most = lengthIn(reply.error.message);
    if (most !== undefined && most < this.#mostLength) {
      this.#mostLength = most;
      return this.#writeSome(
        params.map(({ key, value }) => ({ key, value: this.#shortened(key, value) })),
        known,
        signal,
      );
    }
    const named = reply.element?.list === 'params' ? params[reply.element.index] : undefined;
    const culprit = params.length === 1 ? params[0] : named;
    if (culprit === undefined) {
      const half = params.length >> 1;
      return (await this.#writeSome(params.slice(0, half), known, signal)) || (await this.#writeSome(params.slice(half), known, signal));
    }
    // If another writer has put it there meanwhile, that is no refusal.
    if (reply.cause === 'clash' && (await this.#lookUp(signal)).has(culprit.key)) return true;
    // If the server accepts no other param either, the search would find all of them guilty.
    if (!this.#isTaking) await this.tryOut(signal);
    this.#refused.set(culprit.key, reply.error.message);
    return this.#writeSome(
      params.filter((param) => param !== culprit),
      known,
      signal,
    );
  }

  /**
   * Throws unless our request makes the server fail: it failed again and again, and the server accepts another param.
   */
  async #suspect(failure: MlflowFailure, signal: AbortSignal): Promise<void> {
    if (failure.cause === 'internal' && this.#isTaking) return;
    if (failure.cause !== 'internal' || !this.#stumbles.isTooMany()) throw stopOf(failure);
    await this.tryOut(signal);
  }

  async #lookUp(signal: AbortSignal): Promise<Map<string, string>> {
    const reply = await this.#options.client.run(this.#options.runId, signal);
    if (reply.kind !== 'ok') throw stopOf(reply);
    return new Map(reply.value.params);
  }

  #shortened(key: string, value: string): string {
    const short = fitText(value, this.#mostLength, this.#options.facts);
    if (short.length < storable(value).length)
      this.#options.warn(`a hyperparameter is longer than ${this.#mostLength} characters: MLflow shows its beginning`, { param: key });
    return short;
  }
}

/**
 * True if a stored value is this one, as the server accepted it: cut if the server limits the length, with some
 * characters escaped if the server cannot hold them.
 */
export function isHeldParam(held: string, value: string): boolean {
  const isOneOf = (text: string): boolean =>
    isSameParam(held, text) || LENGTHS.some((most) => held.length >= most && held === cut(text, most));
  return heldTexts(value).some(isOneOf);
}

/** Lengths at which servers cut values, or make us cut them. */
const LENGTHS = [PARAM_LENGTH, 500, 250];

/** Reads from a message how many characters the server accepts. */
function lengthIn(message: string): number | undefined {
  const found = /(?:length limit of|maximum length of|at most) (\d+)/.exec(message)?.[1];
  return found === undefined || Number(found) < 100 ? undefined : Number(found);
}
