/** Sends params and files to one lane, with its patience, and reports the outcome of each. */
import PQueue from 'p-queue';
import { type ArtifactRule, type ArtifactSource, artifactFile, changed, type ReadParams } from '../artifacts/index.ts';
import type { ArtifactOutcome, Backend, Handle, TrialKind } from '../contract/index.ts';
import { CONFIRMATIONS, type TrackerLane } from '../delivery/index.ts';
import { MirrorError } from '../errors.ts';
import type { ArtifactResult } from '../state/index.ts';
import { fullPath } from '../untrusted/index.ts';

/** The lane that gets the files, and what that needs. */
interface ArtifactUploadOptions {
  readonly backend: Backend;
  readonly delivery: TrackerLane;
  readonly signal: AbortSignal;
}

/** The plan for a file, as its rule says. */
export interface StorePlan {
  readonly to: string;
  readonly model: string | undefined;
  readonly alias: string | undefined;
  readonly modelTags: ArtifactRule['modelTags'];
  readonly dataset: string | undefined;
}

/** Sends params and files. */
export class ArtifactUpload {
  readonly #options: ArtifactUploadOptions;
  /** Versions of models are created one after the other: an alias moves one at a time, and stays at the last one. */
  readonly #registering = new PQueue({ concurrency: 1 });

  constructor(options: ArtifactUploadOptions) {
    this.#options = options;
  }

  /** Sets params of a file. `isAgain`: it was refused before, so no further check is needed. */
  async setParams(handle: Handle, read: ReadParams, isAgain = false): Promise<ArtifactResult> {
    const { backend } = this.#options;
    if (backend.setParams === undefined) return { kind: 'unsupported', reason: 'the tracker does not support params from files' };
    if (read.kind === 'invalid') return read;
    const { params } = read;
    if (params.length === 0) return { kind: 'done' };
    const outcomes = await this.#confirmed(
      handle,
      'params',
      () => this.#attempt((signal) => backend.setParams?.(handle, params, signal) ?? Promise.resolve([])),
      (all) => !isAgain && all.some(({ kind }) => kind === 'refused'),
    );
    const kept: string[] = [];
    const refused: string[] = [];
    for (const [i, outcome] of outcomes.entries()) {
      const name = params[i]?.name ?? '';
      if (outcome.kind === 'kept') kept.push(`${name}: ${outcome.value}, not ${String(params[i]?.value)}`);
      if (outcome.kind === 'refused') refused.push(`${name}: ${outcome.reason}`);
    }
    const keptParams = kept.length === 0 ? {} : { kept };
    if (refused.length === 0) return { kind: 'done', ...keptParams };
    return { kind: 'refused', reason: `${refused.length} of ${params.length} params: ${refused.slice(0, 5).join('; ')}`, ...keptParams };
  }

  /** Stores a file, and registers it as its rule says. */
  async store(
    handle: Handle,
    source: ArtifactSource,
    { hash, writtenAtMs }: { readonly hash: string; readonly writtenAtMs: number },
    { to, model, alias, modelTags, dataset }: StorePlan,
    isAgain: boolean,
  ): Promise<ArtifactResult> {
    const { backend, signal } = this.#options;
    if (backend.putFile === undefined) return { kind: 'unsupported', reason: 'the tracker does not store files' };
    if (to === '') return { kind: 'invalid', reason: 'its name would be empty' };
    const file = artifactFile(source, to, hash, signal);
    const put = (): Promise<ArtifactOutcome> =>
      this.#attempt(async (until) => {
        try {
          return (await backend.putFile?.(handle, file, until)) ?? NOWHERE;
        } catch (error) {
          // This is not the tracker's fault: the file must not be retried unchanged.
          if (hasChanged(error)) return CHANGED;
          throw error;
        }
      });
    const stored = await this.#confirmed(handle, 'files', put, (outcome) => !isAgain && outcome.kind === 'refused' && outcome !== CHANGED);
    if (stored === CHANGED) throw changed(source);
    if (stored.kind !== 'stored') return resultOf(stored);
    if (model !== undefined) {
      const version = { model, file: { path: to, hash }, tags: modelTags, writtenAtMs, ...(alias === undefined ? {} : { alias }) };
      const done = await this.#registering.add(() =>
        this.#attempt((until) => backend.registerModel?.(handle, version, until) ?? Promise.resolve(NOWHERE)),
      );
      if (done.kind !== 'stored') return { kind: done.kind, reason: `no model version of ${model}: ${done.reason}`, isStored: true };
    }
    if (dataset !== undefined) {
      const where = fullPath(source.directory, source.path);
      const facts = { name: to.split('/').at(-1) ?? to, hash, source: where, context: dataset };
      const done = await this.#attempt((until) => backend.noteDataset?.(handle, facts, until) ?? Promise.resolve(NOWHERE));
      if (done.kind !== 'stored') return { kind: done.kind, reason: `not registered as a dataset: ${done.reason}`, isStored: true };
    }
    return { kind: 'done' };
  }

  /**
   * Confirms a refusal as for points: a broken tracker also refuses valid data, so mirrorboard asks again after the
   * tracker has accepted other data of the kind.
   */
  async #confirmed<Value>(
    handle: Handle,
    kind: TrialKind,
    ask: () => Promise<Value>,
    isRefused: (value: Value) => boolean,
  ): Promise<Value> {
    const { backend } = this.#options;
    let value = await ask();
    for (let round = 0; round < CONFIRMATIONS && backend.tryOut !== undefined && isRefused(value); round++) {
      await this.#attempt(async (signal) => backend.tryOut?.(handle, kind, signal));
      value = await ask();
    }
    return value;
  }

  /** Does the work with the lane's patience. Throws errors about this run alone, and when the signal aborts. */
  async #attempt<Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    const done = await this.#options.delivery.attempt(work);
    if (done.kind === 'done') return done.value;
    throw done.kind === 'runFatal' ? done.error : new MirrorError('MB4001', 'it was interrupted', { retry: 'later' });
  }
}

const CHANGED: ArtifactOutcome = { kind: 'refused', reason: 'it has changed' };

/** True if a file turned out to be replaced while it was sent, no matter which side noticed first. */
export function hasChanged(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof MirrorError && at.code === 'MB2008') return true;
  return false;
}

const NOWHERE: ArtifactOutcome = { kind: 'unsupported', reason: 'the tracker does not support it' };

function resultOf(outcome: Exclude<ArtifactOutcome, { kind: 'stored' }>): ArtifactResult {
  return { kind: outcome.kind, reason: outcome.reason };
}
