/**
 * Does the work of `verify --repair` for the local store: notes gaps there, and writes media and listings at once.
 */
import { StoreRepair } from '../backends/local/index.ts';
import type { StoreOptions } from '../lanes/index.ts';
import { type Gap, interpret, type RunRef, runLabel, sha256Of, valueJson } from '../model/index.ts';
import type { FileFacts, FileRepair, MediaDifference } from './compare/index.ts';
import type { ExtraFindings } from './lane-source.ts';
import { type ComparedRun, type FileRepairer, RepairCounts, type Repairer, repairFiles } from './repairer.ts';
import type { ReadRunFiles } from './verify-files.ts';

/** Repairs a store; needs its lock. */
export class StoreRepairer implements Repairer, FileRepairer, Disposable {
  readonly done = new RepairCounts();
  readonly #store: StoreRepair;

  constructor(store: StoreOptions) {
    this.#store = new StoreRepair(store);
  }

  /** Turns missing points into gaps; has a file with extra or changed points mirrored again. */
  repairPoints(compared: ComparedRun): void {
    const { comparison, series, isDifferent } = compared;
    if (!isDifferent) return;
    if (series.some(({ id }, i) => id !== i)) {
      this.done.left.push({ what: runLabel(comparison.run), reason: 'the store lost rows of its series: mirror into a new store' });
      return;
    }
    repairFiles(compared, this.done, this);
    this.done.missingPoints += comparison.tally.counts.missing;
  }

  addGaps(run: RunRef, file: string, gaps: readonly Gap[]): void {
    this.#store.addGaps(run, file, gaps);
    this.done.gaps += gaps.length;
  }

  repairWhole(run: RunRef, _file: FileRepair, { name }: FileFacts): void {
    this.#store.distrust(run, name);
    this.done.distrusted.push({ run, file: name });
  }

  /**
   * Repairs listings and media. Counts listings from the points that are there: otherwise lost points would be
   * counted twice.
   */
  async repairExtras({ comparison: { run }, isDifferent, files }: ComparedRun, findings: ExtraFindings): Promise<void> {
    const { listing, badMedia = [] } = findings;
    if (isDifferent || listing > 0) this.#store.recount(run);
    this.done.listings += listing;
    if (badMedia.length > 0) await this.#writeMedia(run, badMedia, files);
  }

  repairGone(): void {
    // A store has all runs that it knows of.
  }

  finish(): void {
    // Each change was committed when it was made.
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  /** Writes media again. They are named by their content, so the right bytes are taken from the event files. */
  async #writeMedia(run: RunRef, bad: readonly MediaDifference[], files: ReadRunFiles): Promise<void> {
    const wanted = new Map(bad.map(({ mine, path }) => [mine, path]));
    const offer = (sha256: string, data: Uint8Array): void => {
      const path = wanted.get(sha256);
      if (path === undefined) return;
      wanted.delete(sha256);
      this.#store.writeMedia(path, data);
      this.done.media++;
    };
    for await (const batch of files.batches()) {
      for (const point of batch.objects) {
        valueJson(interpret(files.catalogue[point.series]?.plugin ?? '', point), ({ sha256, data }) => offer(sha256, data));
      }
      for (const { payload } of batch.marks) if (payload.length > 0) offer(sha256Of(payload), payload);
      if (wanted.size === 0) return;
    }
    for (const path of wanted.values()) {
      this.done.left.push({ what: `media ${path}`, reason: `no event file of ${runLabel(run)} contains its bytes any more` });
    }
  }
}
