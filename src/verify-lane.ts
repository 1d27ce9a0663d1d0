/** Compares a tracker with the event files, or two lanes with each other: roots → discover → both sides, run by run → verify. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HeldPoint } from './backends/contract.ts';
import { isEventFileName, type RootRequest } from './discover/index.ts';
import { messageOf, MirrorError } from './errors.ts';
import { type Batch, type FileState, interpret, jsonText, type RunRef, runLabel, type Series, valueJson } from './model/index.ts';
import type { LaneState, StateFile } from './state/index.ts';
import type { Progress } from './status/index.ts';
import { FileWindow } from './tail/index.ts';
import {
  type Difference,
  differencesOf,
  type FileFacts,
  type FileRepair,
  factsOf,
  gapsOf,
  isInSample,
  isOwed,
  LaneComparison,
  type Obstacle,
  owedBytes,
  pendingBytes,
  rangesOf,
  type Repairs,
  type RunVerdict,
  type Sample,
  type TroubledFile,
  type Unjudged,
  type Verification,
} from './verify/index.ts';
import { recordEnd, RunFiles } from './verify-files.ts';
import { type Candidate, candidatesOf, type Scope, scopesOf } from './verify-scope.ts';
import type { LaneSource } from './verify-source.ts';

export interface VerifyLaneOptions {
  /** None: all that the state knows, where they lay last. */
  readonly roots: readonly RootRequest[];
  readonly source: LaneSource;
  /** The lane that `source` is compared with; by default the event files are. */
  readonly other?: LaneSource;
  /** Whole series by lot; all of them by default. */
  readonly sample?: Sample;
  /** Where to note what is owed, so that the next pass sends it. Default: nothing is written. */
  readonly repair?: { readonly state: StateFile; readonly lane: LaneState };
  /** Ends the comparison early. */
  readonly signal: AbortSignal;
  readonly onStart?: (progress: Progress) => void;
  /** Told of every difference as it is found; they are not kept. */
  readonly onDifference?: (difference: Difference) => void;
}

/** Other work of this thread (a display, signals) gets its turn so often. */
const TURN_MS = 50;
const NO_MEDIA = { named: 0, missing: 0, changed: 0 };

/** Compares all runs of a lane. What can't be reached is an obstacle, not an error. */
export function verifyLane(options: VerifyLaneOptions): Promise<Verification> {
  return new LanePass(options).run();
}

class LanePass {
  readonly #options: VerifyLaneOptions;
  readonly #window = new FileWindow();
  readonly #startedAtMs = Date.now();
  readonly #verdicts: RunVerdict[] = [];
  readonly #troubled: TroubledFile[] = [];
  readonly #obstacles: Obstacle[] = [];
  readonly #repairs: Mended | undefined;
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
  #roots: readonly string[] = [];
  /** The tracker itself is not to be reached: nothing more is asked of it. */
  #isLost = false;
  #turnAtMs = performance.now();

  constructor(options: VerifyLaneOptions) {
    this.#options = options;
    const { repair, source } = options;
    this.#repairs = repair === undefined ? undefined : new Mended(repair.state, repair.lane, source.canSendAgain);
  }

  async run(): Promise<Verification> {
    const { source, other, onStart, sample } = this.#options;
    onStart?.(this.#progress);
    await this.#compareAll();
    this.#repairs?.finish();
    this.#progress.phase = 'done';
    return {
      lane: source.lane,
      ...(other === undefined ? {} : { other: other.lane }),
      where: source.where,
      roots: this.#roots,
      sample,
      runs: this.#verdicts,
      troubled: this.#troubled,
      obstacles: this.#obstacles,
      repairs: this.#repairs,
      bytes: this.#progress.bytes.read,
      elapsedMs: Date.now() - this.#startedAtMs,
      interrupted: this.#isStopped,
    };
  }

  async #compareAll(): Promise<void> {
    const progress = this.#progress;
    const { roots, source, other } = this.#options;
    const runs = (root: string): RunRef[] => {
      const all = [...source.runs(root), ...(other?.runs(root) ?? [])];
      return [...new Map(all.map((run) => [run.path, run])).values()];
    };
    const scopes = scopesOf(source, roots, this.#obstacles).map((scope) => {
      const held = runs(scope.name);
      return { scope, isHeld: held.length > 0, candidates: candidatesOf({ runs: () => held }, scope, this.#obstacles) };
    });
    for (const { candidates } of scopes) {
      progress.runs.total += candidates.length;
      for (const { run } of candidates) {
        for (const { position } of source.files(run)) {
          progress.files.total++;
          progress.bytes.total += position.watermark;
        }
      }
      await this.#turn();
    }
    this.#roots = scopes.map(({ scope }) => scope.path);
    progress.phase = 'comparing';
    for (const { scope, isHeld, candidates } of scopes) {
      const first = this.#verdicts.length;
      for (const candidate of candidates) {
        if (this.#isStopped || this.#isLost) return;
        progress.current = runLabel(candidate.run);
        await this.#tryRun(candidate);
        progress.runs.done++;
      }
      this.#checkAnything(scope, isHeld, this.#verdicts.slice(first));
    }
  }

  /** Nothing that was looked at must not pass for a proof. */
  #checkAnything({ name, path }: Scope, isHeld: boolean, verdicts: readonly RunVerdict[]): void {
    const { lane } = this.#options.source;
    if (!isHeld) {
      this.#obstacles.push({ what: path, reason: `nothing of ${name} was mirrored into ${lane} yet` });
      return;
    }
    const isAny = verdicts.some((verdict) => verdict.points > 0 || differencesOf(verdict) > 0);
    if (isAny || this.#options.other !== undefined) return;
    if (this.#troubled.some(({ run }) => run.root === name)) {
      this.#obstacles.push({ what: path, reason: `none of the files that ${name} was mirrored from is there as it was` });
    }
  }

  async #tryRun(candidate: Candidate): Promise<void> {
    try {
      await this.#compare(candidate);
    } catch (error) {
      if (this.#isStopped) return;
      // A backend of a package has a class of its own.
      const { code, hint } = error as { readonly code?: unknown; readonly hint?: unknown };
      if (typeof code !== 'string' || !code.startsWith('MB4')) throw error;
      const reason = `${messageOf(error)}${typeof hint === 'string' ? ` (${hint})` : ''}`;
      this.#isLost = code !== 'MB4006';
      const { lane } = this.#options.source;
      this.#obstacles.push({ what: this.#isLost ? lane : `${lane}, ${runLabel(candidate.run)}`, reason });
    }
  }

  async #compare(candidate: Candidate): Promise<void> {
    const { source, other } = this.#options;
    const { run, found } = candidate;
    const states = source.files(run);
    const facts = new Map(states.map((state) => [state.name, factsOf(state)]));
    const comparison = new LaneComparison({
      run,
      facts: other === undefined ? facts : new Map(),
      isWanted: this.#isWanted(run),
      mergesEqual: { left: source.mergesEqual && other !== undefined, right: (other ?? source).mergesEqual },
    });
    const side =
      other === undefined
        ? new FilesSide(source, candidate, states, facts, this.#window)
        : new LanesSide(source, other, candidate, this.#window);
    const before = this.#progress.bytes.read;
    await this.#feed(side, comparison, false);
    if (other === undefined) comparison.doubt = doubtOf(states, facts);
    this.#progress.bytes.read = before + states.reduce((sum, { position }) => sum + position.watermark, 0);
    this.#progress.files.done += states.length;
    for (const chunk of this.#isStopped ? [] : comparison.chunks()) {
      comparison.begin(chunk);
      await this.#feed(side, comparison, true);
      if (this.#isStopped) break;
      for (const difference of comparison.settle(other !== undefined)) this.#options.onDifference?.(difference);
    }
    if (other === undefined) this.#note(run, facts);
    if (!this.#isStopped) this.#repairs?.mend(comparison, facts, candidate.directory);
    this.#verdicts.push({
      run,
      ...comparison.counts,
      losses: comparison.losses,
      unjudged: comparison.unjudged,
      owedBytes: [...facts.values()].reduce((sum, file) => sum + (file.unjudged === undefined ? owedBytes(file) : 0), 0),
      pendingBytes: pendingBytes(found, facts),
      listing: 0,
      media: NO_MEDIA,
    });
  }

  /** What is there first: whatever arrives there meanwhile is in the files by the time they are read. */
  async #feed(side: Side, comparison: LaneComparison, isAgain: boolean): Promise<void> {
    for await (const points of side.read(comparison, isAgain, this.#options.signal)) {
      if (!isAgain) this.#progress.points += points;
      if (await this.#turn()) return;
    }
  }

  #note(run: RunRef, facts: ReadonlyMap<string, FileFacts>): void {
    for (const { name, unjudged, reason, lost } of facts.values()) {
      if (unjudged !== undefined) this.#troubled.push({ run, file: name, why: unjudged, ...(reason === undefined ? {} : { reason }) });
      for (const { start, end, reason: why } of lost) {
        this.#progress.damaged++;
        const words = `bytes ${start} to ${end} were read once, and can't be read now (${why})`;
        this.#troubled.push({ run, file: name, why: 'unreadable', reason: words });
      }
    }
  }

  #isWanted({ root, path }: RunRef): (tag: string) => boolean {
    const { sample } = this.#options;
    return sample === undefined ? () => true : (tag) => isInSample(sample, { root, path }, tag);
  }

  get #isStopped(): boolean {
    return this.#options.signal.aborted;
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

/** Reads both sides of one run into a comparison; yields how many points it took in. */
interface Side {
  read(comparison: LaneComparison, isAgain: boolean, signal: AbortSignal): AsyncGenerator<number, void, void>;
}

/** What is known of a file that a lane has not read: nothing, so that any bytes are its bytes. */
function unread(name: string): FileState {
  const guard = { first: undefined, last: undefined };
  return { name, generation: 0, position: { watermark: 0, gaps: [] }, guard, damage: [], size: 0, stamp: '', records: 0 };
}

/** All of a run's files as they are now, to their ends; those that can't be compared are left out. */
function wholeFiles(directory: string, states: readonly FileState[]): FileState[] {
  const known = new Map(states.map((state) => [state.name, state]));
  const names = new Set([...known.keys(), ...filesIn(directory)]);
  return [...names].sort().map((name) => {
    const size = statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
    return { ...(known.get(name) ?? unread(name)), position: { watermark: size, gaps: [] } };
  });
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter(isEventFileName);
  } catch {
    return []; // It is gone; that was said when the run was read.
  }
}

/** One point of a batch, scalar or not, with its value as it is read back. */
function* pointsOf(batch: Batch, catalogue: readonly Series[], isWanted: (tag: string) => boolean): Generator<FilePoint, void, void> {
  const { scalars, objects, file } = batch;
  const { count, series, step, wallTime, value, offset, index, wideSteps, wideValues } = scalars;
  const wanted = catalogue.map(({ tag }) => isWanted(tag));
  for (let row = 0; row < count; row++) {
    const id = series[row] as number;
    const facts = catalogue[id];
    if (facts === undefined || wanted[id] !== true) continue;
    const point = {
      step: wideSteps.get(row) ?? (step[row] as number),
      wallTime: wallTime[row] as number,
      value: wideValues.get(row) ?? (value[row] as number),
    };
    yield { tag: facts.tag, plugin: facts.plugin, point, file, offset: offset[row] as number, index: index[row] as number };
  }
  for (const object of objects) {
    const facts = catalogue[object.series];
    if (facts === undefined || wanted[object.series] !== true) continue;
    const value = jsonText(valueJson(interpret(facts.plugin, object), () => {}));
    const point = { step: object.step, wallTime: object.wallTime, value };
    yield { tag: facts.tag, plugin: facts.plugin, point, file, offset: object.offset, index: object.index };
  }
}

interface FilePoint {
  readonly tag: string;
  readonly plugin: string;
  readonly point: HeldPoint;
  readonly file: string;
  readonly offset: number;
  readonly index: number;
}

/** How a lane stands to the points of a batch. */
class Standing {
  readonly #facts: FileFacts | undefined;
  readonly #refusals: ReadonlyMap<string, 'unsupported' | 'refused'>;
  readonly #hasGaps: boolean;

  constructor(source: LaneSource, hasRefusals: boolean, batch: Batch, facts: FileFacts | undefined) {
    const { run, file, generation } = batch;
    // A batch of bytes that could not be read may reach further back than its first point.
    const range = { generation, start: batch.start, end: Math.max(batch.end, batch.start + 1) };
    const found = hasRefusals ? source.refusals(run, file, range) : [];
    this.#refusals = new Map(found.map(({ offset, index, kind }) => [`${offset}/${index}`, kind]));
    this.#facts = facts;
    this.#hasGaps = facts !== undefined && facts.gaps.length > 0;
  }

  of({ tag, offset, index }: FilePoint): 'due' | 'owed' | 'unsupported' | 'refused' {
    const facts = this.#facts;
    if (facts === undefined || offset >= facts.watermark) return 'owed';
    if (this.#hasGaps && isOwed(facts, tag, offset)) return 'owed';
    return (this.#refusals.size > 0 ? this.#refusals.get(`${offset}/${index}`) : undefined) ?? 'due';
  }
}

/** The event files on the left, a tracker on the right. */
class FilesSide implements Side {
  readonly #source: LaneSource;
  readonly #candidate: Candidate;
  readonly #states: readonly FileState[];
  readonly #facts: ReadonlyMap<string, FileFacts>;
  readonly #window: FileWindow;
  readonly #series: readonly Series[];

  constructor(source: LaneSource, candidate: Candidate, states: readonly FileState[], facts: Map<string, FileFacts>, window: FileWindow) {
    this.#source = source;
    this.#candidate = candidate;
    this.#states = states;
    this.#facts = facts;
    this.#window = window;
    this.#series = source.catalogue(candidate.run);
  }

  async *read(comparison: LaneComparison, isAgain: boolean, signal: AbortSignal): AsyncGenerator<number, void, void> {
    const { run, directory } = this.#candidate;
    const isWanted = (tag: string): boolean => comparison.isWanted(tag);
    for await (const chunk of this.#source.readBack(run, { isWanted, signal })) {
      comparison.addRight(chunk);
      yield 0;
    }
    // The second time to the ends of the files: what is there already, and not noted, is not too much.
    const states = isAgain ? wholeFiles(directory, this.#states) : this.#states;
    const facts = isAgain ? new Map(states.map((state) => [state.name, this.#factsAgain(state)])) : this.#facts;
    const files = new RunFiles(directory, states, facts, this.#series, this.#window);
    const hasRefusals = this.#source.hasRefusals(run);
    for (const found of files.batches()) {
      const batch = { ...found, run };
      const standing = new Standing(this.#source, hasRefusals, batch, this.#facts.get(batch.file));
      let points = 0;
      for (const item of pointsOf(batch, files.catalogue, isWanted)) {
        const { tag, plugin, point } = item;
        const is = standing.of(item);
        const held = this.#source.asHeld(tag, plugin, point);
        if (is === 'due') comparison.expect(tag, point, held, item);
        else comparison.excuse(tag, held);
        if (is === 'refused' || is === 'unsupported') comparison.refuse(tag, is);
        points++;
      }
      yield points;
    }
  }

  #factsAgain(state: FileState): FileFacts {
    return { ...factsOf(state), unjudged: this.#facts.get(state.name)?.unjudged };
  }
}

/** Two lanes; the files say what one of them need not have. */
class LanesSide implements Side {
  readonly #left: LaneSource;
  readonly #right: LaneSource;
  readonly #candidate: Candidate;
  readonly #window: FileWindow;

  constructor(left: LaneSource, right: LaneSource, candidate: Candidate, window: FileWindow) {
    this.#left = left;
    this.#right = right;
    this.#candidate = candidate;
    this.#window = window;
  }

  async *read(comparison: LaneComparison, isAgain: boolean, signal: AbortSignal): AsyncGenerator<number, void, void> {
    const { run } = this.#candidate;
    const isWanted = (tag: string): boolean => comparison.isWanted(tag);
    // Of what a backend can hold it may be sure only once its tracker has answered.
    const left = await begun(this.#left.readBack(run, { isWanted, signal }));
    const right = await begun(this.#right.readBack(run, { isWanted, signal }));
    for await (const { tag, plugin, points } of left) {
      for (const { step, wallTime, value } of points) {
        const point = { step, wallTime, value };
        comparison.expect(tag, point, this.#right.asHeld(tag, plugin, point));
      }
      yield points.length;
    }
    for await (const { tag, plugin, points } of right) {
      const held = points.flatMap(({ step, wallTime, value }) => this.#left.asHeld(tag, plugin, { step, wallTime, value }) ?? []);
      comparison.addRight({ tag, plugin, points: held });
      yield 0;
    }
    if (isAgain) yield* this.#excuses(comparison, isWanted);
  }

  async *#excuses(comparison: LaneComparison, isWanted: (tag: string) => boolean): AsyncGenerator<number, void, void> {
    const { run, directory } = this.#candidate;
    const lanes = [this.#left, this.#right].map((source) => {
      const states = source.files(run);
      return { source, states, facts: new Map(states.map((state) => [state.name, factsOf(state)])), hasRefusals: source.hasRefusals(run) };
    });
    const states = wholeFiles(
      directory,
      lanes.flatMap((lane) => lane.states),
    );
    const catalogue = this.#left.lane === 'local' ? this.#right.catalogue(run) : this.#left.catalogue(run);
    const files = new RunFiles(directory, states, new Map(states.map((state) => [state.name, factsOf(state)])), catalogue, this.#window);
    for (const found of files.batches()) {
      const batch = { ...found, run };
      const standings = lanes.map(({ source, facts, hasRefusals }) => new Standing(source, hasRefusals, batch, facts.get(batch.file)));
      for (const item of pointsOf(batch, files.catalogue, isWanted)) {
        if (standings.every((standing) => standing.of(item) === 'due')) continue;
        const { tag, plugin, point } = item;
        const held = this.#left.asHeld(tag, plugin, point);
        comparison.excuse(tag, held === undefined ? undefined : this.#right.asHeld(tag, plugin, held));
      }
      yield 0;
    }
  }
}

/** The same, with its first element there already. */
async function begun<Item>(items: AsyncIterable<Item>): Promise<AsyncIterable<Item>> {
  const iterator = items[Symbol.asyncIterator]();
  const first = await iterator.next();
  return {
    async *[Symbol.asyncIterator]() {
      for (let item = first; item.done !== true; item = await iterator.next()) yield item.value;
    },
  };
}

/** Why points of a tracker that does not know their places may be of files that nobody can ask any more. */
function doubtOf(states: readonly FileState[], facts: ReadonlyMap<string, FileFacts>): Unjudged | undefined {
  for (const { unjudged, lost } of facts.values()) {
    if (unjudged !== undefined) return unjudged;
    if (lost.length > 0) return 'unreadable';
  }
  // A former generation of a file was delivered, and trackers keep it.
  return states.some(({ generation }) => generation > 0) ? 'gone' : undefined;
}

/** Notes in the state what has to be sent again. */
class Mended implements Repairs {
  gaps = 0;
  missingPoints = 0;
  readonly distrusted = [];
  readonly listings = 0;
  readonly media = 0;
  readonly left: Obstacle[] = [];
  readonly #state: StateFile;
  readonly #lane: LaneState;
  readonly #canSendAgain: boolean;

  constructor(state: StateFile, lane: LaneState, canSendAgain: boolean) {
    this.#state = state;
    this.#lane = lane;
    this.#canSendAgain = canSendAgain;
  }

  mend({ run, repair, counts, unmendable }: LaneComparison, facts: ReadonlyMap<string, FileFacts>, directory: string): void {
    for (const [name, file] of repair.files) {
      const known = facts.get(name);
      const what = `${runLabel(run)}/${name}`;
      if (known === undefined || known.unjudged !== undefined) {
        this.left.push({ what, reason: 'the file is not there as it was' });
        continue;
      }
      if (file.isDistrusted && !this.#canSendAgain) {
        this.left.push({ what, reason: 'it can not be sent again without being there twice: mirror into a new lane' });
        continue;
      }
      const gaps = file.isDistrusted
        ? wholeGaps(file, known)
        : gapsOf(file.stretches, (offset) => recordEnd(join(directory, name), offset));
      this.#lane.owe(run, name, gaps);
      this.#state.keepRetry({ run, name }, { attempts: 0, nextMs: Date.now() });
      this.gaps += gaps.length;
    }
    this.missingPoints += counts.missing + counts.changed;
    if (unmendable > 0) {
      this.left.push({
        what: `${runLabel(run)} in ${this.#lane.name}`,
        reason: `${unmendable} points there are none of ours, or no longer; nothing is removed from a tracker`,
      });
    }
  }

  finish(): void {
    if (this.#state.flush()) return;
    throw this.#state.failure ?? new MirrorError('MB3101', 'what is owed could not be noted in the state');
  }
}

/** All of a file, for the tags that miss something, but for what is owed already. */
function wholeGaps(
  { tags }: FileRepair,
  { watermark, gaps }: FileFacts,
): { start: number; end: number; reason: 'repair'; tags: string[] }[] {
  const ranges = rangesOf({ watermark, gaps: gaps.map(({ start, end, reason }) => ({ start, end, reason })) });
  return ranges.map((range) => ({ ...range, reason: 'repair', tags: [...tags] }));
}
