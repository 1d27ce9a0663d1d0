/**
 * Compares one run: first its points, chunk by chunk if they differ, then the other things that the lane holds of it.
 */
import type { FileState, RunRef } from '../model/index.ts';
import type { PatientReader } from '../reading/index.ts';
import {
  type Difference,
  damagedBytes,
  type FileFacts,
  factsOf,
  incompleteBytes,
  NO_ARTIFACTS,
  NO_MEDIA,
  pendingBytes,
  RunComparison,
  type Sample,
} from './compare/index.ts';
import type { ExtraFindings, LaneSource } from './lane-source.ts';
import type { ComparedRun, Repairer } from './repairer.ts';
import { FilesSide, LanesSide, type Side } from './sides.ts';
import { doubtOf } from './statuses.ts';
import { ReadRunFiles } from './verify-files.ts';
import type { VerifyLog } from './verify-log.ts';
import type { VerifiedRun } from './verify-scope.ts';

const NO_EXTRAS: ExtraFindings = { listing: 0, media: NO_MEDIA, artifacts: NO_ARTIFACTS, differences: [] };

/** The lanes whose runs are compared. */
export interface RunPassOptions {
  readonly source: LaneSource;
  /** The lane that `source` is compared with; by default the event files. */
  readonly other?: LaneSource;
  /** A share of whole series, chosen by a seed; default: all series. */
  readonly sample?: Sample;
  /** Notes what must become pending, so that the next pass brings it. Default: nothing is written. */
  readonly repairer?: Repairer | undefined;
  /** Ends the comparison early. */
  readonly signal: AbortSignal;
  /** Receives every difference when it is found; mirrorboard does not keep them. */
  readonly onDifference?: (difference: Difference) => void;
}

/** Compares the runs of a lane, one after the other. */
export class RunPass {
  readonly #options: RunPassOptions;
  readonly #log: VerifyLog;
  readonly #reader: PatientReader;

  constructor(options: RunPassOptions, log: VerifyLog, reader: PatientReader) {
    this.#options = options;
    this.#log = log;
    this.#reader = reader;
  }

  /** Compares a run and adds its verdict to the log. Throws the errors of a lane. */
  async compare(candidate: VerifiedRun): Promise<void> {
    const { source, other, signal, onDifference, repairer } = this.#options;
    const { run, found, directory } = candidate;
    const log = this.#log;
    const states = source.files(run);
    const facts = new Map(states.map((state) => [state.name, factsOf(state)]));
    const series = source.catalogue(run);
    const files = new ReadRunFiles(candidate, states, facts, series, this.#reader);
    const isWanted = log.isWanted(run);
    const isSample = this.#options.sample !== undefined;
    const scope = { candidate, isWanted, isSample, turn: () => log.turn(), signal };
    const extras = other === undefined ? source.extras(scope) : undefined;
    const comparison = this.#comparison(run, facts);
    const side: Side =
      other === undefined
        ? new FilesSide({ source, candidate, states, facts, files, reader: this.#reader, extras })
        : new LanesSide(source, other, candidate, this.#reader);
    await this.#readFirst(side, comparison, states);
    if (other === undefined) comparison.doubt = doubtOf(states, facts);
    const chunks = log.isStopped ? [] : comparison.chunks();
    for (const chunk of chunks) {
      comparison.begin(chunk);
      for await (const _ of side.read(comparison, true, signal)) if (await log.turn()) break;
      if (log.isStopped) break;
      for (const difference of comparison.settle()) onDifference?.(difference);
    }
    if (other === undefined) log.note(candidate, facts);
    const compared: ComparedRun = { comparison, isDifferent: chunks.length > 0, facts, series, directory, files };
    if (!log.isStopped) repairer?.repairPoints(compared);
    const findings = log.isStopped ? NO_EXTRAS : ((await extras?.compare()) ?? NO_EXTRAS);
    for (const difference of findings.differences) onDifference?.(difference);
    if (!log.isStopped) await repairer?.repairExtras(compared, findings);
    const { counts, losses, absent, foreignTags, unjudged } = comparison.tally;
    const { listing, media, artifacts } = findings;
    log.verdicts.push({
      run,
      ...counts,
      losses,
      absent,
      ...(foreignTags.size === 0 ? {} : { foreignTags: [...foreignTags] }),
      unjudged,
      pendingBytes: [...facts.values()].reduce((sum, file) => sum + (file.unjudged === undefined ? pendingBytes(file) : 0), 0),
      incompleteBytes: incompleteBytes(found, facts),
      damaged: damagedBytes(facts.values()),
      listing,
      media,
      artifacts,
    });
  }

  #comparison(run: RunRef, facts: ReadonlyMap<string, FileFacts>): RunComparison {
    const { source, other } = this.#options;
    const right = other ?? source;
    const isBetween = other !== undefined;
    // Both lanes were mirrored from event files: a tag that neither of them read there is not in the files.
    const tags = new Set(isBetween ? [...source.catalogue(run), ...other.catalogue(run)].map(({ tag }) => tag) : []);
    return new RunComparison({
      run,
      facts: isBetween ? new Map() : facts,
      isWanted: this.#log.isWanted(run),
      filesFirst: !isBetween && source.isSnapshot,
      replacesFiles: !isBetween && source.replacesFiles,
      mergesEqual: { left: isBetween && source.mergesEqual, right: right.mergesEqual },
      isShared: right.isShared(run),
      isBetween,
      ...(isBetween ? { isOfFiles: (tag: string) => tags.has(tag) } : {}),
    });
  }

  /**
   * Reads a side for the first time. The left side counts as the first half of the progress, the right side as the
   * second. The files of a run count for both.
   */
  async #readFirst(side: Side, comparison: RunComparison, states: readonly FileState[]): Promise<void> {
    const { progress } = this.#log;
    const { source, signal } = this.#options;
    const before = progress.bytes.read;
    const bytes = states.reduce((sum, { position }) => sum + position.watermark, 0);
    const points = source.points(comparison.run);
    let [read, held] = [0, 0];
    for await (const step of side.read(comparison, false, signal)) {
      progress.points += step.points;
      progress.records += step.records;
      read += step.bytes;
      held += step.held;
      progress.bytes.read = before + (part(read, bytes) + part(held, points)) * (bytes / 2);
      if (await this.#log.turn()) break;
    }
    progress.bytes.read = before + bytes;
    progress.files.done += states.length;
  }
}

function part(done: number, whole: number): number {
  return whole > 0 ? Math.min(1, done / whole) : 0;
}
