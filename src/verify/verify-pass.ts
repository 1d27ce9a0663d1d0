/** Joins the rooms into one comparison: roots → discover → files (tail, decode) and the lane's own points → verify. */

import { MediaList, openStore, type StoredSeries, type StoreReader, StoreRepair } from '../backends/local/index.ts';
import { steadyMs } from '../clock.ts';
import type { RootRequest, RunRules } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { type RunRef, runLabel } from '../model/index.ts';
import { PatientReader } from '../reading/index.ts';
import { FileLock } from '../state/index.ts';
import type { Progress } from '../status/index.ts';
import { type LinkRules, type Place, placeOf, type RootPlace } from '../untrusted/index.ts';
import {
  compareRunListing,
  type Difference,
  damagedBytes,
  differencesOf,
  factsOf,
  type MediaDifference,
  Mender,
  NO_BESIDE,
  NOTHING_ABSENT,
  owedBytes,
  pendingBytes,
  RunComparison,
  type RunVerdict,
  type Sample,
  type Verification,
} from './compare/index.ts';
import { RunFiles, recordEnd } from './verify-files.ts';
import { VerifyLog } from './verify-log.ts';
import { type Candidate, candidatesOf, mirroredIn, type Scope, scopesOf } from './verify-scope.ts';
import { inChunks } from './verify-source.ts';

/** The store that is verified. */
export interface VerifyOptions {
  /** None: all that the lane knows, where they lay last. */
  readonly roots: readonly RootRequest[];
  /** Which runs are compared. Default: all. */
  readonly rules?: RunRules | undefined;
  /** How links of each root are followed. Default: `owner`. */
  readonly linksOf?: LinkRules;
  readonly store: { readonly path: string; readonly mediaPath: string };
  /** Whole series by lot; all of them by default. */
  readonly sample?: Sample;
  /** Note in the store what is pending, so that the next pass repairs it. Default false: nothing is written. */
  readonly repair?: boolean;
  /** Ends the comparison early. */
  readonly signal?: AbortSignal;
  readonly onStart?: (progress: Progress) => void;
  /** Told of every difference as it is found; they are not kept. */
  readonly onDifference?: (difference: Difference) => void;
}

/** Compares all runs of a lane with the event files they came from. */
export async function verify(options: VerifyOptions): Promise<Verification> {
  // Positions are written in the end: nobody may move them meanwhile.
  const lock = options.repair === true ? FileLock.acquire(options.store.path) : undefined;
  try {
    return await new Pass(options).run();
  } finally {
    lock?.release();
  }
}

class Pass {
  readonly #options: VerifyOptions;
  /** Of the files: a thread of its own, since one of them may hang. */
  readonly #reader: PatientReader;
  readonly #log: VerifyLog;
  #roots: readonly string[] = [];
  /** Where each root lies now, by its name. */
  readonly #places = new Map<string, RootPlace>();
  #lane!: StoreReader;
  #media: MediaList | undefined;
  #mender: Mender | undefined;

  constructor(options: VerifyOptions) {
    this.#options = options;
    this.#log = new VerifyLog(options.sample, options.signal);
    this.#reader = new PatientReader({ fellSilent: (path, sinceMs) => this.#log.waitsFor(path, sinceMs) });
  }

  async run(): Promise<Verification> {
    const { store, repair, onStart, signal } = this.#options;
    onStart?.(this.#log.progress);
    const stop = (): void => this.#reader.stop();
    signal?.addEventListener('abort', stop);
    try {
      this.#lane = openStore(store.path);
      try {
        this.#media = new MediaList(store);
        using repairer = repair === true ? new StoreRepair(store) : undefined;
        if (repairer !== undefined) this.#mender = new Mender(repairer, (run, file, offset) => recordEnd(this.#placeOf(run), file, offset));
        await this.#compareAll();
      } finally {
        this.#media?.close();
        this.#lane.close();
      }
    } catch (error) {
      // A store that can't be read says nothing about what it should hold.
      if (!(error instanceof MirrorError) || !UNREACHABLE.has(error.code)) throw error;
      this.#log.obstacles.push({ what: store.path, reason: `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}` });
    } finally {
      signal?.removeEventListener('abort', stop);
      await this.#reader.close();
    }
    this.#log.progress.phase = 'done';
    return {
      lane: 'local',
      where: store.path,
      roots: this.#roots,
      sample: this.#options.sample,
      runs: this.#log.verdicts,
      troubled: this.#log.troubled,
      damagedFiles: this.#log.damagedFiles,
      obstacles: this.#log.obstacles,
      repairs: this.#mender,
      bytes: this.#log.progress.bytes.read,
      elapsedMs: steadyMs() - this.#log.startedAtMs,
      interrupted: this.#log.isStopped,
    };
  }

  async #compareAll(): Promise<void> {
    const progress = this.#log.progress;
    const { roots, rules, store, linksOf } = this.#options;
    const mirrored = mirroredIn(this.#lane, store.path);
    const asked = await scopesOf(mirrored, roots, this.#log.obstacles, linksOf);
    const found = await candidatesOf(mirrored, asked, this.#log.obstacles, rules);
    const scopes = asked.map((scope, i) => ({ scope, candidates: found[i] ?? [] }));
    for (const { candidates } of scopes) {
      this.#log.plan(candidates, (run) => this.#lane.positions(run).files);
      await this.#log.turn();
    }
    this.#roots = scopes.map(({ scope }) => scope.path);
    progress.phase = 'comparing';
    for (const { scope, candidates } of scopes) {
      const first = this.#log.verdicts.length;
      this.#places.set(scope.name, scope);
      for (const candidate of candidates) {
        if (this.#log.isStopped) return;
        progress.current = runLabel(candidate.run);
        await this.#compare(candidate);
        progress.runs.done++;
      }
      this.#checkAnything(scope, this.#log.verdicts.slice(first));
    }
  }

  /** An empty directory (a share that is not mounted) must not pass for a proof. */
  #checkAnything({ name, path }: Scope, verdicts: readonly RunVerdict[]): void {
    const isAny = verdicts.some((verdict) => verdict.points > 0 || differencesOf(verdict) > 0);
    const unjudged = verdicts.reduce(
      (sum, { unjudged: { gone, replaced, stale, unreadable } }) => sum + gone + replaced + stale + unreadable,
      0,
    );
    if (isAny || unjudged === 0) return;
    this.#log.obstacles.push({ what: path, reason: `all mirrored files of ${name} are missing or changed: is it mounted?` });
  }

  async #compare({ run, directory, found }: Candidate): Promise<void> {
    const known = this.#lane.positions(run);
    const series = this.#lane.catalogue(run) as readonly StoredSeries[];
    const facts = new Map(known.files.map((state) => [state.name, factsOf(state)]));
    const comparison = new RunComparison(run, facts, this.#log.isWanted(run));
    const files = new RunFiles({ run, directory }, known.files, facts, series, this.#reader);

    const bytes = known.files.reduce((sum, { position }) => sum + position.watermark, 0);
    const before = this.#log.progress.bytes.read;
    await this.#feedFiles(files, comparison, bytes / 2);
    this.#log.progress.bytes.read = before + bytes / 2;
    await this.#feedLane(series, comparison, known.points === 0 ? 0 : bytes / 2 / known.points);
    this.#log.progress.bytes.read = before + bytes;
    this.#log.progress.files.done += known.files.length;
    const chunks = comparison.chunks();
    for (const chunk of chunks) {
      if (this.#log.isStopped) break;
      comparison.begin(chunk);
      await this.#feedFiles(files, comparison);
      await this.#feedLane(series, comparison);
      for (const difference of comparison.settle()) this.#report(difference);
    }

    let listing = 0;
    const listed = [...comparison.listingDifferences(series)];
    if (this.#options.sample === undefined && known.files.length > 0)
      for (const each of compareRunListing(run, known, comparison.summaries)) listed.push(each);
    for (const difference of this.#log.isStopped ? [] : listed) {
      listing++;
      this.#report(difference);
    }
    const { bad, ...media } = await this.#checkMedia(run, comparison);
    this.#log.note({ run, directory }, facts);
    if (!this.#log.isStopped && this.#mender !== undefined) {
      if (chunks.length > 0) this.#mender.mendPoints(comparison, facts, series);
      if (chunks.length + listing > 0) this.#mender.mendListings(run, listing);
      if (bad.length > 0) await this.#mender.mendMedia(run, bad, files.withCatalogue());
    }
    this.#log.verdicts.push({
      run,
      ...comparison.counts,
      ...NOTHING_LOST,
      unjudged: comparison.unjudged,
      owedBytes: [...facts.values()].reduce((sum, file) => sum + (file.unjudged === undefined ? owedBytes(file) : 0), 0),
      pendingBytes: pendingBytes(found, facts),
      damaged: damagedBytes(facts.values()),
      listing,
      media,
      beside: NO_BESIDE,
    });
  }

  async #feedFiles(files: RunFiles, comparison: RunComparison, bytes = 0): Promise<void> {
    const before = this.#log.progress.bytes.read;
    let read = 0;
    for await (const batch of files.batches()) {
      comparison.addBatch(batch, files.catalogue);
      if (bytes > 0) {
        read += batch.end - batch.start;
        this.#log.progress.bytes.read = Math.min(before + bytes, before + read / 2);
        this.#log.progress.points += batch.scalars.count + batch.objects.length;
        this.#log.progress.records += batch.records;
      }
      if (await this.#log.turn()) return;
    }
  }

  async #feedLane(series: readonly StoredSeries[], comparison: RunComparison, bytesPerPoint = 0): Promise<void> {
    for (const { row, tag, plugin } of series) {
      if (!comparison.isWanted(tag) || !comparison.isInChunk(tag)) continue;
      for (const points of inChunks(this.#lane.points(row))) {
        comparison.addChunk({ tag, plugin, points });
        this.#log.progress.bytes.read += bytesPerPoint * points.length;
        if (await this.#log.turn()) return;
      }
    }
  }

  async #checkMedia(run: RunRef, comparison: RunComparison): Promise<RunVerdict['media'] & { bad: MediaDifference[] }> {
    const counts = { named: 0, missing: 0, changed: 0 };
    const bad: MediaDifference[] = [];
    // Marks have no tag, and no place in a sample of series.
    const isWanted = (tag: string | undefined): boolean =>
      tag === undefined ? this.#options.sample === undefined : comparison.isWanted(tag);
    for (const { tag, sha256, path, found } of this.#media?.of(run, isWanted) ?? []) {
      if (await this.#log.turn()) break;
      counts.named++;
      if (found === sha256) continue;
      if (found === undefined) counts.missing++;
      else counts.changed++;
      const difference = { kind: 'media', run, tag, path: path ?? sha256, mine: sha256, theirs: found } as const;
      this.#report(difference);
      bad.push(difference);
    }
    return { ...counts, bad };
  }

  #placeOf({ root, path }: RunRef): Place {
    return placeOf(this.#places.get(root) ?? { path: '', links: 'none' }, path);
  }

  #report(difference: Difference): void {
    this.#options.onDifference?.(difference);
  }
}

/** The local store takes everything as it is. */
const NOTHING_LOST = {
  allowed: 0,
  refused: 0,
  unsupported: 0,
  leftOut: 0,
  notYet: 0,
  losses: { step: 0, time: 0, value: 0, notHeld: 0, merged: 0 },
  absent: NOTHING_ABSENT,
};

/** What is wrong with the store itself, rather than with what it holds. */
const UNREACHABLE: ReadonlySet<string> = new Set(['MB3001', 'MB3005', 'MB3006']);
