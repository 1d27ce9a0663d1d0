import type { MlflowFailure } from './answers.ts';
import type { MlflowClient } from './client.ts';
import type { KeyTable } from './key-table.ts';
import type { Metric } from './prepare.ts';

/** The options of `MetricNames`. */
export interface MetricNamesOptions {
  readonly client: MlflowClient;
  readonly runId: string;
  readonly keys: KeyTable;
  /** Keys that the run holds. */
  readonly held: Iterable<string>;
  /** Publishes what a key means; false if the server refuses that. */
  readonly publish: (tag: string, key: string, signal: AbortSignal) => Promise<boolean>;
  /** Makes the error to throw if the server does not answer. */
  readonly toError: (failure: MlflowFailure) => Error;
}

/**
 * The metric names of a run. This class knows which names certainly belong to one metric alone, and makes new names
 * for those that the database treats as equal to others. No database reports how it compares names, so mirrorboard
 * looks up a name that clashes: the server then returns another metric's points.
 */
export class MetricNames {
  readonly #options: MetricNamesOptions;
  /** Keys that the run holds. */
  readonly #held: Set<string>;
  /** Keys that the run did not hold at the last look. */
  readonly #absent = new Set<string>();
  /** Keys that mirrorboard gave up, with their replacements. */
  readonly #renamed = new Map<string, string>();

  constructor(options: MetricNamesOptions) {
    this.#options = options;
    this.#held = new Set(options.held);
  }

  /** Notes that metrics are about to be sent, maybe some whose answer was lost before. */
  begin(): void {
    this.#absent.clear();
  }

  /** Gives metrics that were prepared earlier the current names of their tags. */
  update(metrics: readonly Metric[]): void {
    for (const metric of this.#renamed.size === 0 ? [] : metrics) {
      for (let key = this.#renamed.get(metric.key); key !== undefined; key = this.#renamed.get(key)) {
        metric.text = JSON.stringify({ key }).slice(0, -1) + metric.text.slice(JSON.stringify({ key: metric.key }).length - 1);
        metric.key = key;
      }
    }
  }

  /** Notes that the server has stored metrics under these names. */
  confirm(metrics: readonly Metric[]): void {
    for (const { key } of metrics) this.#held.add(key);
  }

  /** Returns those of the metrics' names that the run does not hold. */
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

  /**
   * Gives a tag another name if the database treats `key` as one that the run holds. True if the tag has another name
   * now and that is published.
   */
  async evade(key: string, signal: AbortSignal): Promise<boolean> {
    const { keys, publish } = this.#options;
    let evaded: ReturnType<KeyTable['evade']>;
    for (let name = key; await this.#isTaken(name, signal); name = evaded.key) {
      evaded = keys.evade(name);
      if (evaded === undefined) return false;
      this.#renamed.set(name, evaded.key);
    }
    // A name is published only when it is known to be free: the database compares the tags of a run as loosely.
    return evaded !== undefined && (await publish(evaded.tag, evaded.key, signal));
  }

  async #isTaken(key: string, signal: AbortSignal): Promise<boolean> {
    const { client, runId, toError } = this.#options;
    const reply = await client.holderOf(runId, key, signal);
    if (reply.kind !== 'ok') throw toError(reply);
    return reply.value !== undefined && reply.value !== key;
  }
}
