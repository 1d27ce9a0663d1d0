import { type Batch, type Gap, interpret, type RunRef, runLabel, type Series, sha256Of, valueJson } from '../../model/index.ts';
import type { MediaDifference } from './difference.ts';
import type { FileFacts } from './file-facts.ts';
import { gapsOf } from './repair-plan.ts';
import type { RunComparison } from './run-comparison.ts';
import type { Obstacle, Repairs } from './verification.ts';

/** What a lane that owns its positions lets others change of them. */
export interface Repairer {
  owe(run: RunRef, file: string, gaps: readonly Gap[]): void;
  distrust(run: RunRef, file: string): void;
  recount(run: RunRef): void;
  writeMedia(path: string, data: Uint8Array): void;
}

/** Where the record that begins at an offset of a file ends. */
export type RecordEnd = (run: RunRef, file: string, offset: number) => number;

/** Notes in a lane what would repair the differences that were found, and keeps count of it. */
export class Mender implements Repairs {
  gaps = 0;
  missingPoints = 0;
  readonly refused = 0;
  readonly distrusted: { readonly run: RunRef; readonly file: string }[] = [];
  listings = 0;
  media = 0;
  readonly beside = 0;
  readonly left: Obstacle[] = [];
  readonly #repairer: Repairer;
  readonly #recordEnd: RecordEnd;

  constructor(repairer: Repairer, recordEnd: RecordEnd) {
    this.#repairer = repairer;
    this.#recordEnd = recordEnd;
  }

  /** Missing points become gaps; a file with points too many or changed ones is mirrored again. */
  mendPoints({ run, repair, counts }: RunComparison, facts: ReadonlyMap<string, FileFacts>, series: readonly Series[]): void {
    if (series.some(({ id }, i) => id !== i)) {
      this.left.push({ what: runLabel(run), reason: 'the store lost rows of its series: mirror into a new store' });
      return;
    }
    for (const [name, file] of repair.files) {
      const known = facts.get(name);
      if (known === undefined || known.unjudged !== undefined) {
        this.left.push({ what: `${runLabel(run)}/${name}`, reason: 'the file is missing or changed' });
      } else if (file.isDistrusted) {
        this.#repairer.distrust(run, name);
        this.distrusted.push({ run, file: name });
      } else {
        const gaps = gapsOf(file.stretches, (offset) => this.#recordEnd(run, name, offset));
        this.#repairer.owe(run, name, gaps);
        this.gaps += gaps.length;
      }
    }
    this.missingPoints += counts.missing;
  }

  /** Mends listings at once, from the points that are there: those that were lost would else be counted twice. */
  mendListings(run: RunRef, listings: number): void {
    this.#repairer.recount(run);
    this.listings += listings;
  }

  /** Media are named by their content: the right bytes are taken from the event files. */
  async mendMedia(
    run: RunRef,
    bad: readonly MediaDifference[],
    batches: AsyncIterable<readonly [Batch, readonly Series[]]>,
  ): Promise<void> {
    const wanted = new Map(bad.map(({ mine, path }) => [mine, path]));
    const offer = (sha256: string, data: Uint8Array): void => {
      const path = wanted.get(sha256);
      if (path === undefined) return;
      wanted.delete(sha256);
      this.#repairer.writeMedia(path, data);
      this.media++;
    };
    for await (const [batch, catalogue] of batches) {
      for (const point of batch.objects) {
        valueJson(interpret(catalogue[point.series]?.plugin ?? '', point), ({ sha256, data }) => offer(sha256, data));
      }
      for (const { payload } of batch.marks) if (payload.length > 0) offer(sha256Of(payload), payload);
      if (wanted.size === 0) return;
    }
    for (const path of wanted.values()) {
      this.left.push({ what: `media ${path}`, reason: `no event file of ${runLabel(run)} contains its bytes any more` });
    }
  }
}
