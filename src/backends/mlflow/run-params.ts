import type { BackendContext, ParamOutcome } from '../contract.ts';
import type { Failure } from './answers.ts';
import type { MlflowClient, Tag } from './client.ts';
import { cut, storable } from './cut-text.ts';
import { PARAM_LENGTH, PARAMS_PER_REQUEST, TAG_LENGTH } from './limits.ts';
import { isSameParam } from './side.ts';
import { isAboutContent, stopOf } from './stop.ts';

export interface RunParamsOptions {
  readonly client: MlflowClient;
  readonly runId: string;
  /** Those that are there already, where it is known. */
  readonly known: ReadonlyMap<string, string> | undefined;
  readonly warn: BackendContext['warn'];
  /** Writes tags of the run. */
  readonly publish: (tags: readonly Tag[], signal: AbortSignal) => Promise<void>;
  /** Whether it is the request that the server stumbles over. */
  readonly isToBlame: (failure: Failure, signal: AbortSignal) => Promise<boolean>;
}

/** The tag of another value than the first one, before the param's name. */
export const OTHER_VALUE = 'mirrorboard.param.';

/** The params of a run. They never change in MLflow: the first value stays, another one stands in a tag beside it. */
export class RunParams {
  readonly #options: RunParamsOptions;
  /** Params that are there; undefined until they were looked up. */
  #known: Map<string, string> | undefined;

  constructor(options: RunParamsOptions) {
    this.#options = options;
    this.#known = options.known === undefined ? undefined : new Map(options.known);
  }

  /** Throws a `Stop` where it has to be tried again. */
  async put(params: readonly Tag[], signal: AbortSignal): Promise<void> {
    const { warn, runId, publish } = this.#options;
    for (const isFirst of [true, false]) {
      this.#known ??= await this.#lookUp(signal);
      const known = this.#known;
      const wanted = new Map(params.map(({ key, value }) => [key, this.#shortened(key, value)]));
      const missing = [...wanted].filter(([key]) => !known.has(key)).map(([key, value]) => ({ key, value }));
      const changed = [...wanted].filter(([key, value]) => known.has(key) && !isSameParam(known.get(key) ?? '', value));
      const isClash = await this.#write(missing, known, signal);
      if (isClash && isFirst) {
        this.#known = undefined;
        continue;
      }
      if (changed.length === 0) return;
      warn('hyperparameters changed: MLflow keeps the first value, the new one stands in tags mirrorboard.param.…', {
        run: runId,
        params: changed.length,
      });
      const tags = changed.map(([key, value]) => ({ key: OTHER_VALUE + cut(key, 230), value: cut(value, TAG_LENGTH) }));
      await publish(tags, signal);
      return;
    }
  }

  /** What became of a param that was put. */
  outcomeOf({ key, value }: Tag): ParamOutcome {
    const held = this.#known?.get(key);
    if (held === undefined) return { kind: 'refused', reason: 'the server does not take it' };
    return isSameParam(held, cut(value, PARAM_LENGTH)) ? { kind: 'set' } : { kind: 'kept', value: held };
  }

  /** Whether another writer gave one of them another value meanwhile. */
  async #write(missing: readonly Tag[], known: Map<string, string>, signal: AbortSignal): Promise<boolean> {
    const { client, runId, warn, isToBlame } = this.#options;
    for (let at = 0; at < missing.length; at += PARAMS_PER_REQUEST) {
      let params = missing.slice(at, at + PARAMS_PER_REQUEST);
      for (;;) {
        if (params.length === 0) break;
        const reply = await client.logParams(runId, params, signal);
        if (reply.kind === 'ok') break;
        if (reply.cause === 'immutable') return true;
        if (!isAboutContent(reply) && !(await isToBlame(reply, signal))) throw stopOf(reply);
        warn('a hyperparameter was refused; it is kept exactly elsewhere', { run: runId, reason: reply.error.message });
        const named = reply.element?.list === 'params' ? params[reply.element.index] : undefined;
        params = named === undefined ? [] : params.filter((param) => param !== named);
      }
      for (const { key, value } of params) known.set(key, value);
    }
    return false;
  }

  async #lookUp(signal: AbortSignal): Promise<Map<string, string>> {
    const reply = await this.#options.client.run(this.#options.runId, signal);
    if (reply.kind !== 'ok') throw stopOf(reply);
    return new Map(reply.value.params);
  }

  #shortened(key: string, value: string): string {
    const short = cut(value, PARAM_LENGTH);
    if (short !== storable(value))
      this.#options.warn(`a hyperparameter is longer than ${PARAM_LENGTH} characters: MLflow shows its beginning`, { param: key });
    return short;
  }
}
