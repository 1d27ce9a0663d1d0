import type { Batch } from '../../model/index.ts';
import type { MlflowFailure } from './answers.ts';
import type { HistoryPoint, MlflowClient } from './client.ts';
import type { Metric } from './prepare.ts';

/**
 * What a file store holds of a run: it keeps every copy of a point, so what may have arrived before is looked up and
 * left out. Bytes that this process has not sent before, of a run it made itself, are known to be new; those of
 * another run are looked up until some of a file are not there. A look is no key: a request that was given up and is
 * carried out after the look leaves its points there twice.
 */
export class HeldMetrics {
  readonly #client: MlflowClient;
  readonly #runId: string;
  readonly #isNew: boolean;
  /** For each file, up to where this process has sent it, stored or not. */
  readonly #sent = new Map<string, number>();
  /** Files of which all that exists was met: what follows in them is new. */
  readonly #caughtUp = new Set<string>();
  /** The files of the send under way. */
  #files: readonly string[] = [];
  /** Something of what is being sent may be there already. */
  #isUnsure = true;
  /** Of the send under way: points that were searched for, and those of them that were there. */
  #looked = 0;
  #met = 0;

  constructor(client: MlflowClient, runId: string, isNew: boolean) {
    this.#client = client;
    this.#runId = runId;
    this.#isNew = isNew;
  }

  /** Notes that batches are about to be sent. */
  begin(batches: readonly Batch[]): void {
    if (this.#looked > 0 && this.#met === 0) for (const file of this.#files) this.#caughtUp.add(file);
    this.#isUnsure = false;
    this.#looked = 0;
    this.#met = 0;
    this.#files = batches.map((batch) => `${batch.run.path}\n${batch.file}`);
    for (const [i, batch] of batches.entries()) {
      const file = this.#files[i] as string;
      const sent = this.#sent.get(file) ?? 0;
      if (sent > batch.start || !(this.#isNew || this.#caughtUp.has(file))) this.#isUnsure = true;
      this.#sent.set(file, Math.max(sent, batch.end));
    }
  }

  /** A request failed: some of it may be there. */
  doubt(): void {
    this.#isUnsure = true;
  }

  /**
   * Those of the metrics that are not there yet, each once. `toError` makes what is thrown when the server does not
   * say.
   */
  async missing(metrics: readonly Metric[], signal: AbortSignal, toError: (failure: MlflowFailure) => Error): Promise<readonly Metric[]> {
    const held = new Set<string>();
    if (this.#isUnsure) {
      for (const key of new Set(metrics.map((metric) => metric.key))) await this.#readHistory(key, held, signal, toError);
    }
    const fresh = metrics.filter(({ text }) => {
      const point = canonical(text);
      if (held.has(point)) return false;
      held.add(point);
      return true;
    });
    if (this.#isUnsure) {
      this.#looked += metrics.length;
      this.#met += metrics.length - fresh.length;
    }
    return fresh;
  }

  async #readHistory(key: string, held: Set<string>, signal: AbortSignal, toError: (failure: MlflowFailure) => Error): Promise<void> {
    for await (const { step, timestamp, value } of heldPoints(this.#client, this.#runId, key, toError, signal)) {
      held.add(`${key}\n${step}\n${timestamp}\n${value}`);
    }
  }
}

/**
 * What a run holds of a metric; nothing if it has none. `toError` makes what is thrown when the server does not
 * say.
 */
export async function* heldPoints(
  client: MlflowClient,
  runId: string,
  key: string,
  toError: (failure: MlflowFailure) => Error,
  signal: AbortSignal,
): AsyncGenerator<HistoryPoint, void, void> {
  const none = new Error('the run has no such metric');
  const failed = (failure: MlflowFailure): Error => (failure.cause === 'missing' ? none : toError(failure));
  try {
    for await (const points of client.history(runId, key, failed, signal)) yield* points;
  } catch (error) {
    if (error !== none) throw error;
  }
}

function canonical(text: string): string {
  const { key, step, timestamp, value } = JSON.parse(text) as Record<string, unknown>;
  return `${key}\n${step}\n${timestamp}\n${Number(value)}`;
}
