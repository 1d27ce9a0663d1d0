import type { MlflowFailure } from './answers.ts';
import type { MlflowClient } from './client.ts';
import type { KeyTable } from './key-table.ts';
import type { Metric } from './prepare.ts';

/** What naming a run's metrics needs. */
export interface MetricNamesOptions {
  readonly client: MlflowClient;
  readonly runId: string;
  readonly keys: KeyTable;
  /** Keys that the run holds. */
  readonly held: Iterable<string>;
  /** Publishes what a key means; false if the server refuses that. */
  readonly publish: (tag: string, key: string, signal: AbortSignal) => Promise<boolean>;
  /** Makes what is thrown when the server does not answer. */
  readonly toError: (failure: MlflowFailure) => Error;
}

/**
 * Knows which metric names certainly belong to a run alone, and makes new names for those that the database equates
 * with others. No database reports how it compares names, so a name that clashes is looked up: the server then
 * returns another metric's points.
 */
export class MetricNames {
  readonly #options: MetricNamesOptions;
  /** Keys that the run holds. */
  readonly #held: Set<string>;
  /** Keys that it did not hold when it was asked last. */
  readonly #absent = new Set<string>();
  /** Keys that were given up, with those in their places. */
  readonly #renamed = new Map<string, string>();

  constructor(options: MetricNamesOptions) {
    this.#options = options;
    this.#held = new Set(options.held);
  }

  /** Metrics are about to be sent, maybe some whose answer was lost before. */
  begin(): void {
    this.#absent.clear();
  }

  /** Gives metrics that were prepared before the names that their tags have now. */
  update(metrics: readonly Metric[]): void {
    for (const metric of this.#renamed.size === 0 ? [] : metrics) {
      for (let key = this.#renamed.get(metric.key); key !== undefined; key = this.#renamed.get(key)) {
        metric.text = JSON.stringify({ key }).slice(0, -1) + metric.text.slice(JSON.stringify({ key: metric.key }).length - 1);
        metric.key = key;
      }
    }
  }

  /** The server has stored them under these names. */
  confirm(metrics: readonly Metric[]): void {
    for (const { key } of metrics) this.#held.add(key);
  }

  /** Those of the names of metrics that the run does not hold. */
  async absentOf(metrics: readonly Metric[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { client, runId, toError } = this.#options;
    const keys = [...new Set(metrics.map(({ key }) => key))];
    const absent = (): ReadonlySet<string> => new Set(keys.filter((key) => !this.#held.has(key)));
    if ([...absent()].every((key) => this.#absent.has(key))) return absent();
    const reply = await client.run(runId, signal);
    if (reply.kind !== 'ok') throw toError(reply);
    for (const key of reply.value.metrics) this.#held.add(key);
    for (const key of absent()) this.#absent.add(key);
    return absent();
  }

  /** Whether the database takes a name for one that the run holds, and the tag has another name now. */
  async evade(key: string, signal: AbortSignal): Promise<boolean> {
    const { keys, publish } = this.#options;
    let evaded: ReturnType<KeyTable['evade']>;
    for (let name = key; await this.#isTaken(name, signal); name = evaded.key) {
      evaded = keys.evade(name);
      if (evaded === undefined) return false;
      this.#renamed.set(name, evaded.key);
    }
    // Said once it is known to be free: the tags of a run are compared as loosely.
    return evaded !== undefined && (await publish(evaded.tag, evaded.key, signal));
  }

  async #isTaken(key: string, signal: AbortSignal): Promise<boolean> {
    const { client, runId, toError } = this.#options;
    const reply = await client.holderOf(runId, key, signal);
    if (reply.kind !== 'ok') throw toError(reply);
    return reply.value !== undefined && reply.value !== key;
  }
}
