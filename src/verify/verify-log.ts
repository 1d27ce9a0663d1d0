/**
 * What a comparison keeps while it continues: how far it is, what it found of each run, and what could not be
 * compared.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { silenceText } from '../calls/index.ts';
import { steadyMs } from '../clock.ts';
import type { FileState, RunRef } from '../model/index.ts';
import { type Progress, waitingWords } from '../status/index.ts';
import { fullPath } from '../untrusted/index.ts';
import { type FileFacts, isInSample, type Obstacle, type RunVerdict, type Sample, type TroubledFile } from './compare/index.ts';
import type { VerifiedRun } from './verify-scope.ts';

/** A lane that something is asked. */
export interface AskedLane {
  readonly lane: string;
  /** Since when it does not answer, by `steadyMs`; undefined if it does, or nothing is asked. */
  readonly silentSinceMs?: () => number | undefined;
}

/** How often other work of this thread (a display, signals) gets its turn. */
const TURN_MS = 50;

/** Counters of a comparison that begins. `asked`: lanes that may not answer. */
export function startedProgress(phase: Progress['phase'], asked: readonly AskedLane[], startedAtMs = steadyMs()) {
  return {
    phase,
    startedAtMs,
    runs: { total: 0, done: 0 },
    files: { total: 0, done: 0 },
    bytes: { total: 0, read: 0, alreadyThere: 0 },
    points: 0,
    records: 0,
    damaged: 0,
    current: '',
    get unanswered(): Progress['unanswered'] {
      for (const { lane, silentSinceMs } of asked) {
        const sinceMs = silentSinceMs?.();
        if (sinceMs !== undefined) return { lane, words: waitingWords(steadyMs() - sinceMs) };
      }
      return undefined;
    },
  };
}

/** Collects what a verification finds. */
export class VerifyLog {
  readonly startedAtMs = steadyMs();
  readonly verdicts: RunVerdict[] = [];
  readonly troubled: TroubledFile[] = [];
  readonly obstacles: Obstacle[] = [];
  readonly damagedFiles: string[] = [];
  /** What the display checks. */
  readonly progress;
  readonly #sample: Sample | undefined;
  readonly #signal: AbortSignal | undefined;
  #turnAtMs = performance.now();

  /** `asked`: the lanes that the comparison may wait for. */
  constructor(sample: Sample | undefined, signal: AbortSignal | undefined, asked: readonly AskedLane[] = []) {
    this.progress = startedProgress('scanning', asked, this.startedAtMs);
    this.#sample = sample;
    this.#signal = signal;
  }

  get isStopped(): boolean {
    return this.#signal?.aborted === true;
  }

  /** Adds runs to what lies ahead. */
  plan(candidates: readonly VerifiedRun[], filesOf: (run: RunRef) => readonly FileState[]): void {
    const { runs, files, bytes } = this.progress;
    runs.total += candidates.length;
    for (const { run } of candidates) {
      for (const { position } of filesOf(run)) {
        files.total++;
        bytes.total += position.watermark;
      }
    }
  }

  /** A file does not answer, since then by the wall clock. */
  waitsFor(path: string, sinceMs: number): void {
    this.progress.current = `${path}, which ${silenceText(sinceMs)}`;
  }

  isWanted(run: RunRef): (tag: string) => boolean {
    const sample = this.#sample;
    return sample === undefined ? () => true : (tag) => isInSample(sample, run, tag);
  }

  /** Notes the files of a run of which something could not be compared. */
  note({ run, directory }: Pick<VerifiedRun, 'run' | 'directory'>, facts: ReadonlyMap<string, FileFacts>): void {
    for (const { name, unjudged, reason, lost, unreadable = [], damage = [] } of facts.values()) {
      if (unjudged === undefined && damage.length > 0) this.damagedFiles.push(fullPath(directory, name));
      if (unjudged !== undefined) this.troubled.push({ run, file: name, why: unjudged, ...(reason === undefined ? {} : { reason }) });
      // What is gone or replaced since is another matter.
      for (const { start, end, detail = '' } of unjudged === undefined ? unreadable : []) {
        const words = `bytes ${start} to ${end} could not be mirrored: ${detail}`;
        this.troubled.push({ run, file: name, why: 'unreadable', reason: words });
      }
      for (const { start, end, reason: why } of lost) {
        this.progress.damaged++;
        const words = `bytes ${start} to ${end} were readable before, but are not now (${why})`;
        this.troubled.push({ run, file: name, why: 'unreadable', reason: words });
      }
    }
  }

  /** Lets others have their turn when it is time; true once the comparison is to end. */
  async turn(): Promise<boolean> {
    if (performance.now() - this.#turnAtMs > TURN_MS) {
      await nextTurn();
      this.#turnAtMs = performance.now();
    }
    return this.isStopped;
  }
}
