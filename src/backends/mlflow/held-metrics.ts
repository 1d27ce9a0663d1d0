import type { Batch } from '../../model/index.ts';
import type { MlflowFailure } from './answers.ts';
import type { HistoryPoint, MlflowClient } from './client.ts';
import type { Metric } from './prepare.ts';

/**
 * The points of a run that a file store holds. A file store keeps every copy of a point, so mirrorboard looks up what
 * may have arrived before, and leaves it out. If this process made the run, bytes that it has not sent before are
 * new. For another run, mirrorboard looks up the points of each file until some are not there. A look is no key: if
 * the server carries out an abandoned request after the look, its points are there twice.
 */
export class HeldMetrics {
  readonly #client: MlflowClient;
  readonly #runId: string;
  readonly #isNew: boolean;
  /** For each file, the position up to which this process has sent it, stored or not. */
  readonly #sent = new Map<string, number>();
  /** Files of which mirrorboard has met everything that is stored: what follows in them is new. */
  readonly #caughtUp = new Set<string>();
  /** The files of the send under way. */
  #files: readonly string[] = [];
  /** True if the store may already hold a part of the send under way. */
  #isUnsure = true;
  /** Points of the send under way that were looked up, and those of them that were there (`#met`). */
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

  /** Notes that a request failed: the store may hold a part of it. */
  doubt(): void {
    this.#isUnsure = true;
  }

  /**
   * Returns those of the metrics that the store does not hold yet, each once. `toError` makes the error to throw if
   * the server does not answer.
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
 * Reads the points of a metric that a run holds; none if the run lacks the metric. `toError` makes the error to throw
 * if the server does not answer.
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
