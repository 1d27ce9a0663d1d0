/**
 * Joins the rooms into one comparison: roots → discover → files (tail, decode) and the lane's own points → verify. Longer than
 * other files: the pass and the bounded reading of its files are one piece of wiring, and nobody else needs either.
 */
import { closeSync, readdirSync, readSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReadBackPoint } from './backends/contract.ts';
import { MediaList, openStore, StoreRepair, type StoredSeries, type StoreReader } from './backends/local/index.ts';
import { FileDecoder, TagTable } from './decode/index.ts';
import { type FoundFile, isWithin, type ResolvedRoot, resolveRoots, type RootRequest, walk } from './discover/index.ts';
import { messageOf, MirrorError, systemCode } from './errors.ts';
import { type Batch, Catalogue, compareNames, type FileState, runLabel, type RunRef, type Series } from './model/index.ts';
import { FileLock } from './state/index.ts';
import type { Progress } from './status/index.ts';
import { compareWithState, FileWindow, type OpenFile, openFile } from './tail/index.ts';
import {
  compareRunListing,
  type Difference,
  differencesOf,
  type FileFacts,
  factsOf,
  isInSample,
  Mender,
  type MediaDifference,
  type Obstacle,
  owedBytes,
  pendingBytes,
  rangesOf,
  RunComparison,
  type RunVerdict,
  type Sample,
  type TroubledFile,
  type Verification,
} from './verify/index.ts';

export interface VerifyOptions {
  /** None: all that the lane knows, where they lay last. */
  readonly roots: readonly RootRequest[];
  readonly store: { readonly path: string; readonly mediaPath: string };
  /** Whole series by lot; all of them by default. */
  readonly sample?: Sample;
  /** Note in the store what is owed, so that the next pass mends it. Default false: nothing is written. */
  readonly repair?: boolean;
  /** Ends the comparison early. */
  readonly signal?: AbortSignal;
  readonly onStart?: (progress: Progress) => void;
  /** Told of every difference as it is found; they are not kept. */
  readonly onDifference?: (difference: Difference) => void;
}

/** Points of the lane handed over at a time. */
const CHUNK_POINTS = 10_000;
/** Other work of this thread (a display, signals) gets its turn so often. */
const TURN_MS = 50;

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

/** Under whatever name: a link to a store is that store. */
/** A root, and the part of it that is asked for. */
type Scope = Pick<ResolvedRoot, 'name' | 'path' | 'below'>;

/** A run to compare: what the lane has of it, what is there of it now, or both. */
interface Candidate {
  readonly run: RunRef;
  readonly directory: string;
  readonly found: readonly FoundFile[];
}

class Pass {
  readonly #options: VerifyOptions;
  readonly #window = new FileWindow();
  readonly #startedAtMs = Date.now();
  #roots: readonly string[] = [];
  readonly #verdicts: RunVerdict[] = [];
  readonly #troubled: TroubledFile[] = [];
  readonly #obstacles: Obstacle[] = [];
  /** What the display looks at. */
  readonly #progress = {
    phase: 'scanning' as Progress['phase'],
    startedAtMs: this.#startedAtMs,
    runs: { total: 0, done: 0 },
    files: { total: 0, done: 0 },
    bytes: { total: 0, read: 0, alreadyThere: 0 },
    points: 0,
    records: 0,
    damaged: 0,
    current: '',
  };
  /** Where each root lies now, by its name. */
  readonly #rootPath = new Map<string, string>();
  #turnAtMs = performance.now();
  #reader!: StoreReader;
  #media: MediaList | undefined;
  #mender: Mender | undefined;

  constructor(options: VerifyOptions) {
    this.#options = options;
  }

  async run(): Promise<Verification> {
    const { store, repair, onStart } = this.#options;
    onStart?.(this.#progress);
    try {
      this.#reader = openStore(store.path);
      try {
        this.#media = new MediaList(store);
        using repairer = repair === true ? new StoreRepair(store) : undefined;
        if (repairer !== undefined) this.#mender = new Mender(repairer, (run, file, offset) => recordEnd(this.#pathOf(run, file), offset));
        await this.#compareAll();
      } finally {
        this.#media?.close();
        this.#reader.close();
      }
    } catch (error) {
      // A store that can't be read says nothing about what it should hold.
      if (!(error instanceof MirrorError) || !UNREACHABLE.has(error.code)) throw error;
      this.#obstacles.push({ what: store.path, reason: `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}` });
    }
    this.#progress.phase = 'done';
    return {
      lane: 'local',
      where: store.path,
      roots: this.#roots,
      sample: this.#options.sample,
      runs: this.#verdicts,
      troubled: this.#troubled,
      obstacles: this.#obstacles,
      repairs: this.#mender,
      bytes: this.#progress.bytes.read,
      elapsedMs: Date.now() - this.#startedAtMs,
      interrupted: this.#isStopped,
    };
  }

  async #compareAll(): Promise<void> {
    const progress = this.#progress;
    const scopes = this.#scopes().map((scope) => ({ scope, candidates: this.#candidates(scope) }));
    for (const { candidates } of scopes) {
      progress.runs.total += candidates.length;
      for (const { run } of candidates) {
        for (const { position } of this.#reader.positions(run).files) {
          progress.files.total++;
          progress.bytes.total += position.watermark;
        }
      }
      await this.#turn();
    }
    this.#roots = scopes.map(({ scope }) => scope.path);
    progress.phase = 'comparing';
    for (const { scope, candidates } of scopes) {
      const first = this.#verdicts.length;
      this.#rootPath.set(scope.name, scope.path);
      for (const candidate of candidates) {
        if (this.#isStopped) return;
        progress.current = runLabel(candidate.run);
        await this.#compare(candidate);
        progress.runs.done++;
      }
      this.#checkAnything(scope, this.#verdicts.slice(first));
    }
  }

  /** An empty directory (a share that is not mounted) must not pass for a proof. */
  #checkAnything({ name, path }: Scope, verdicts: readonly RunVerdict[]): void {
    const isAny = verdicts.some((verdict) => verdict.points > 0 || differencesOf(verdict) > 0);
    const unjudged = verdicts.reduce((sum, { unjudged: { gone, stale, unreadable } }) => sum + gone + stale + unreadable, 0);
    if (isAny || unjudged === 0) return;
    this.#obstacles.push({ what: path, reason: `none of the files that ${name} was mirrored from is there as it was` });
  }

  /** The roots that are asked for and there; those that are not are obstacles. */
  #scopes(): Scope[] {
    const known = this.#reader.roots();
    const { roots, store } = this.#options;
    if (known.length === 0) {
      throw new MirrorError('MB3008', `the store ${store.path} is empty: there is nothing to verify`, {
        command: 'mirrorboard backfill LOGDIR',
        context: { path: store.path },
      });
    }
    if (roots.length === 0) return known.flatMap(({ name, path }) => (this.#isThere(path) ? [{ name, path, below: '' }] : []));
    const there = roots.filter((request) => {
      const path = resolve(request.path);
      const isKnown = known.some((root) => root.name === request.name || isWithin(path, root.path));
      return !isKnown || this.#isThere(path);
    });
    const resolved = resolveRoots(there, known);
    for (const { name, path } of resolved) {
      if (known.some((root) => root.name === name)) continue;
      throw new MirrorError(
        'MB3008',
        `the store ${store.path} has nothing of ${path}; it has: ${known.map((root) => root.path).join(', ')}`,
        {
          hint: 'Give one of those, NAME=PATH for a root that lies elsewhere now, or nothing for all.',
          context: { path },
        },
      );
    }
    return resolved;
  }

  #isThere(path: string): boolean {
    try {
      readdirSync(path);
      return true;
    } catch (error) {
      const reason = systemCode(error) === 'ENOENT' ? 'the directory is not there any more' : messageOf(error);
      this.#obstacles.push({ what: path, reason });
      return false;
    }
  }

  /** The lane's runs and those that were found, in the order of their names. */
  #candidates({ name: root, path, below }: Scope): Candidate[] {
    const { runs, obstacles } = walk(path, below);
    for (const obstacle of obstacles) this.#obstacles.push({ what: join(path, obstacle.path), reason: obstacle.reason });
    const found = new Map(runs.map((run) => [run.path, run.files]));
    const isIn = (run: string): boolean => below === '' || run === below || run.startsWith(`${below}/`);
    const held = this.#reader.runs(root).map(({ run }) => run.path);
    const paths = new Set([...found.keys(), ...held.filter(isIn)]);
    return [...paths]
      .sort(compareNames)
      .map((run) => ({ run: { root, path: run }, directory: join(path, run), found: found.get(run) ?? [] }));
  }

  async #compare({ run, directory, found }: Candidate): Promise<void> {
    const known = this.#reader.positions(run);
    const series = this.#reader.catalogue(run) as readonly StoredSeries[];
    const facts = new Map(known.files.map((state) => [state.name, factsOf(state)]));
    const comparison = new RunComparison(run, facts, this.#isWanted(run));
    const files = new RunFiles(directory, known.files, facts, series, this.#window);

    const bytes = known.files.reduce((sum, { position }) => sum + position.watermark, 0);
    const before = this.#progress.bytes.read;
    await this.#feedFiles(files, comparison, bytes / 2);
    this.#progress.bytes.read = before + bytes / 2;
    await this.#feedLane(series, comparison, known.points === 0 ? 0 : bytes / 2 / known.points);
    this.#progress.bytes.read = before + bytes;
    this.#progress.files.done += known.files.length;
    const chunks = comparison.chunks();
    for (const chunk of chunks) {
      if (this.#isStopped) break;
      comparison.begin(chunk);
      await this.#feedFiles(files, comparison);
      await this.#feedLane(series, comparison);
      for (const difference of comparison.settle()) this.#report(difference);
    }

    let listing = 0;
    const listed = [...comparison.listingDifferences(series)];
    if (this.#options.sample === undefined && known.files.length > 0) listed.push(...compareRunListing(run, known, comparison.summaries));
    for (const difference of this.#isStopped ? [] : listed) {
      listing++;
      this.#report(difference);
    }
    const { bad, ...media } = await this.#checkMedia(run, comparison);
    this.#note(run, facts);
    if (!this.#isStopped && this.#mender !== undefined) {
      if (chunks.length > 0) this.#mender.mendPoints(comparison, facts, series);
      if (chunks.length + listing > 0) this.#mender.mendListings(run, listing);
      if (bad.length > 0) this.#mender.mendMedia(run, bad, files.withCatalogue());
    }
    this.#verdicts.push({
      run,
      ...comparison.counts,
      unjudged: comparison.unjudged,
      owedBytes: [...facts.values()].reduce((sum, file) => sum + (file.unjudged === undefined ? owedBytes(file) : 0), 0),
      pendingBytes: pendingBytes(found, facts),
      listing,
      media,
    });
  }

  async #feedFiles(files: RunFiles, comparison: RunComparison, bytes = 0): Promise<void> {
    const before = this.#progress.bytes.read;
    let read = 0;
    for (const batch of files.batches()) {
      comparison.addBatch(batch, files.catalogue);
      if (bytes > 0) {
        read += batch.end - batch.start;
        this.#progress.bytes.read = Math.min(before + bytes, before + read / 2);
        this.#progress.points += batch.scalars.count + batch.objects.length;
        this.#progress.records += batch.records;
      }
      if (await this.#turn()) return;
    }
  }

  async #feedLane(series: readonly StoredSeries[], comparison: RunComparison, bytesPerPoint = 0): Promise<void> {
    for (const { row, tag, plugin } of series) {
      if (!comparison.isWanted(tag) || !comparison.isInChunk(tag)) continue;
      for (const points of inChunks(this.#reader.points(row))) {
        comparison.addChunk({ tag, plugin, points });
        this.#progress.bytes.read += bytesPerPoint * points.length;
        if (await this.#turn()) return;
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
      if (await this.#turn()) break;
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

  #note(run: RunRef, facts: ReadonlyMap<string, FileFacts>): void {
    for (const { name, unjudged, reason, lost } of facts.values()) {
      if (unjudged !== undefined) this.#troubled.push({ run, file: name, why: unjudged, ...(reason === undefined ? {} : { reason }) });
      for (const { start, end, reason: why } of lost) {
        this.#progress.damaged++;
        this.#troubled.push({
          run,
          file: name,
          why: 'unreadable',
          reason: `bytes ${start} to ${end} were read once, and can't be read now (${why})`,
        });
      }
    }
  }

  #pathOf({ root, path }: RunRef, file: string): string {
    return join(this.#rootPath.get(root) ?? '', path, file);
  }

  #isWanted({ root, path }: RunRef): (tag: string) => boolean {
    const { sample } = this.#options;
    return sample === undefined ? () => true : (tag) => isInSample(sample, { root, path }, tag);
  }

  #report(difference: Difference): void {
    this.#options.onDifference?.(difference);
  }

  get #isStopped(): boolean {
    return this.#options.signal?.aborted === true;
  }

  /** Lets others have their turn when it is time; true once the comparison is to end. */
  async #turn(): Promise<boolean> {
    if (performance.now() - this.#turnAtMs > TURN_MS) {
      await nextTurn();
      this.#turnAtMs = performance.now();
    }
    return this.#isStopped;
  }
}

/** What is wrong with the store itself, rather than with what it holds. */
const UNREACHABLE: ReadonlySet<string> = new Set(['MB3001', 'MB3005', 'MB3006']);

/** The event files of one run, up to their watermarks; can be read again and again. */
class RunFiles {
  readonly #directory: string;
  readonly #states: readonly FileState[];
  readonly #facts: ReadonlyMap<string, FileFacts>;
  readonly #known: readonly Series[];
  readonly #window: FileWindow;
  #catalogue = new Catalogue();

  constructor(
    directory: string,
    states: readonly FileState[],
    facts: ReadonlyMap<string, FileFacts>,
    series: readonly Series[],
    window: FileWindow,
  ) {
    this.#directory = directory;
    this.#states = states;
    this.#facts = facts;
    // Numbers of our own: a store that lost rows must not make one series pass for another.
    this.#known = series.map((facts_, id) => ({ ...facts_, id }));
    this.#window = window;
  }

  /** The lane's, with series that only the files have behind it. */
  get catalogue(): readonly Series[] {
    return this.#catalogue.series;
  }

  /** Every sound record before the watermarks that is not owed; what can't be read is noted in the facts. */
  *batches(): Generator<Batch, void, void> {
    this.#catalogue = new Catalogue(this.#known);
    const tags = new TagTable();
    for (const series of this.#known) if (series.plugin === 'scalars') tags.add(new TextEncoder().encode(series.tag), series.id);
    for (const state of this.#states) {
      const facts = this.#facts.get(state.name);
      if (facts === undefined || facts.unjudged !== undefined) continue;
      let file: OpenFile | undefined;
      try {
        file = openFile(join(this.#directory, state.name));
        yield* this.#file(file, state, facts, tags);
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
        facts.unjudged = systemCode(error) === 'ENOENT' ? 'gone' : 'unreadable';
        facts.reason = messageOf(error);
      } finally {
        if (file !== undefined) closeSync(file.fd);
      }
    }
  }

  *withCatalogue(): Generator<readonly [Batch, readonly Series[]], void, void> {
    for (const batch of this.batches()) yield [batch, this.catalogue];
  }

  *#file(file: OpenFile, state: FileState, facts: FileFacts, tags: TagTable): Generator<Batch, void, void> {
    const change = compareWithState(file, state);
    if (change !== 'same') {
      facts.unjudged = 'stale';
      facts.reason = change === 'shortened' ? 'it is shorter than what was mirrored of it' : 'it holds other records now';
      return;
    }
    this.#window.reset(file.fd);
    facts.lost.length = 0;
    for (const { start, end } of rangesOf(facts)) {
      const decoder = new FileDecoder({
        run: { root: '', path: '' },
        file: state.name,
        generation: state.generation,
        catalogue: this.#catalogue,
        tags,
        start,
        settled: true,
      });
      while (this.#advance(decoder, end) === 'batch') yield decoder.take();
      yield decoder.take();
      facts.lost.push(...decoder.damage);
      const seen = Math.max(decoder.watermark, decoder.damage.at(-1)?.end ?? 0);
      if (seen < end) facts.lost.push({ start: seen, end, reason: 'torn' }); // shortened meanwhile
    }
  }

  /** Feeds the decoder until it has a batch or has seen the whole range. */
  #advance(decoder: FileDecoder, rangeEnd: number): 'batch' | 'end' {
    const window = this.#window;
    let end = rangeEnd;
    let needed = Math.min(1, end - decoder.wants);
    for (;;) {
      if (!window.provide(decoder.wants, needed, end)) end = window.offset + window.end; // shortened meanwhile
      const step = decoder.advance(window, end);
      if (step.kind !== 'more') return step.kind;
      needed = step.needed;
    }
  }
}

function* inChunks(points: Iterable<ReadBackPoint>): Generator<ReadBackPoint[], void, void> {
  let chunk: ReadBackPoint[] = [];
  for (const point of points) {
    if (chunk.push(point) < CHUNK_POINTS) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** A record is its length, a checksum of that, as many bytes, and their checksum. */
function recordEnd(path: string, offset: number): number {
  const { fd } = openFile(path);
  try {
    const length = new DataView(new ArrayBuffer(8));
    readSync(fd, length, 0, 8, offset);
    return offset + 16 + Number(length.getBigUint64(0, true));
  } finally {
    closeSync(fd);
  }
}
