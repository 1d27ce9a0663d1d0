/**
 * The state of a comparison in progress: how far it is, what it found for each run, and what could not be compared.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { silenceText } from '../calls/index.ts';
import { steadyMs } from '../clock.ts';
import type { FileState, RunRef } from '../model/index.ts';
import { type Progress, waitingWords } from '../status/index.ts';
import { fullPath } from '../untrusted/index.ts';
import { type FileFacts, isInSample, type Obstacle, type RunVerdict, type Sample, type TroubledFile } from './compare/index.ts';
import type { VerifiedRun } from './verify-scope.ts';

/** A lane that mirrorboard reads from. */
export interface AskedLane {
  readonly lane: string;
  /**
   * Returns the time, by `steadyMs`, since which the lane does not answer; undefined if it answers, or is not asked
   * anything.
   */
  readonly silentSinceMs?: () => number | undefined;
}

/** The time after which other work of this thread (a display, signals) gets its turn. */
const TURN_MS = 50;

/** Returns the counters of a new comparison. `asked`: lanes that may not answer. */
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

/** Collects the findings of a verification. */
export class VerifyLog {
  readonly startedAtMs = steadyMs();
  readonly verdicts: RunVerdict[] = [];
  readonly troubled: TroubledFile[] = [];
  readonly obstacles: Obstacle[] = [];
  readonly damagedFiles: string[] = [];
  /** The counters that the display reads. */
  readonly progress;
  readonly #sample: Sample | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onTurn: (() => void) | undefined;
  #turnAtMs = performance.now();

  /** `asked`: the lanes that the comparison may wait for. `onTurn`: called when other work gets its turn. */
  constructor(sample: Sample | undefined, signal: AbortSignal | undefined, asked: readonly AskedLane[] = [], onTurn?: () => void) {
    this.progress = startedProgress('scanning', asked, this.startedAtMs);
    this.#sample = sample;
    this.#signal = signal;
    this.#onTurn = onTurn;
  }

  get isStopped(): boolean {
    return this.#signal?.aborted === true;
  }

  /** Adds runs to the planned work. */
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

  /** Notes that a file does not answer, since a time by the wall clock. */
  waitsFor(path: string, sinceMs: number): void {
    this.progress.current = `${path}, which ${silenceText(sinceMs)}`;
  }

  isWanted(run: RunRef): (tag: string) => boolean {
    const sample = this.#sample;
    return sample === undefined ? () => true : (tag) => isInSample(sample, run, tag);
  }

  /** Notes the files of a run that could not be compared completely. */
  note({ run, directory }: Pick<VerifiedRun, 'run' | 'directory'>, facts: ReadonlyMap<string, FileFacts>): void {
    for (const { name, unjudged, reason, lost, unreadable = [], damage = [] } of facts.values()) {
      if (unjudged === undefined && damage.length > 0) this.damagedFiles.push(fullPath(directory, name));
      if (unjudged !== undefined) this.troubled.push({ run, file: name, why: unjudged, ...(reason === undefined ? {} : { reason }) });
      // Files that are gone or were replaced since are reported differently.
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

  /** Lets other work have its turn when it is time; returns true once the comparison should end. */
  async turn(): Promise<boolean> {
    if (performance.now() - this.#turnAtMs > TURN_MS) {
      this.#onTurn?.();
      await nextTurn();
      this.#turnAtMs = performance.now();
    }
    return this.isStopped;
  }
}
