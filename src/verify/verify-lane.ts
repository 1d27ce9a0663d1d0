import { steadyMs } from '../clock.ts';
import { ALL_RUNS, filterOf, type RootRequest, type RunRules } from '../discover/index.ts';
import { messageOf } from '../errors.ts';
import { keyOfRun, type RunRef, runLabel } from '../model/index.ts';
import { PatientReader } from '../reading/index.ts';
import type { LaneState, StateFile } from '../state/index.ts';
import type { Progress } from '../status/index.ts';
import { type LinkRules, placeOf } from '../untrusted/index.ts';
import {
  type BesideCounts,
  type Difference,
  damagedBytes,
  differencesOf,
  factsOf,
  LaneComparison,
  NO_BESIDE,
  NO_MEDIA,
  owedBytes,
  pendingBytes,
  type RunVerdict,
  type Sample,
  type UncomparedRun,
  type Verification,
} from './compare/index.ts';
import { LaneMender } from './lane-mender.ts';
import { doubtOf, FilesSource, LanesSource, type Side } from './sources.ts';
import { checkArtifacts } from './verify-artifacts.ts';
import { VerifyLog } from './verify-log.ts';
import { type Candidate, candidatesOf, type Scope, scopesOf } from './verify-scope.ts';
import type { LaneSource } from './verify-source.ts';

/**
 * Errors of a lane that leave the other runs comparable, whatever the tracker says of itself: one answer was of no
 * use.
 */
const ABOUT_RUN = new Set(['MB4006', 'MB4030', 'MB4031']);

/** The lane that is verified. */
export interface VerifyLaneOptions {
  /** None: all that the state knows, where they lay last. */
  readonly roots: readonly RootRequest[];
  /** Which runs are compared. Default: all. */
  readonly rules?: RunRules | undefined;
  /** How links of each root are followed. */
  readonly linksOf?: LinkRules;
  readonly source: LaneSource;
  /** The lane that `source` is compared with; by default the event files are. */
  readonly other?: LaneSource;
  /** Whole series by lot; all of them by default. */
  readonly sample?: Sample;
  /** Where to note what is pending, so that the next pass sends it. Default: nothing is written. */
  readonly repair?: { readonly state: StateFile; readonly lane: LaneState };
  /** Ends the comparison early. */
  readonly signal: AbortSignal;
  readonly onStart?: (progress: Progress) => void;
  /** Told of every difference as it is found; they are not kept. */
  readonly onDifference?: (difference: Difference) => void;
}

/** Compares all runs of a lane. What can't be reached is an obstacle, not an error. */
export function verifyLane(options: VerifyLaneOptions): Promise<Verification> {
  return new LanePass(options).run();
}

class LanePass {
  readonly #options: VerifyLaneOptions;
  /** Of the files: a thread of its own, since one of them may hang. */
  readonly #reader: PatientReader;
  readonly #log: VerifyLog;
  readonly #repairs: LaneMender | undefined;
  #roots: readonly string[] = [];
  #uncompared: readonly UncomparedRun[] = [];
  /** Tracker runs of which all beside the points was looked at. */
  readonly #checkedArtifacts = new Set<string>();
  /** The tracker itself is not to be reached: nothing more is asked of it. */
  #isLost = false;

  constructor(options: VerifyLaneOptions) {
    this.#options = options;
    this.#log = new VerifyLog(options.sample, options.signal, [options.source, ...(options.other === undefined ? [] : [options.other])]);
    this.#reader = new PatientReader({ fellSilent: (path, sinceMs) => this.#log.waitsFor(path, sinceMs) });
    const { repair, source } = options;
    this.#repairs = repair === undefined ? undefined : new LaneMender(repair.state, repair.lane, source.canSendAgain);
  }

  async run(): Promise<Verification> {
    const { source, other, onStart, sample } = this.#options;
    onStart?.(this.#log.progress);
    const stop = (): void => this.#reader.stop();
    this.#options.signal.addEventListener('abort', stop);
    try {
      await this.#compareAll();
    } finally {
      this.#options.signal.removeEventListener('abort', stop);
      await this.#reader.close();
    }
    this.#repairs?.finish();
    this.#log.progress.phase = 'done';
    return {
      lane: source.lane,
      ...(other === undefined ? {} : { other: other.lane }),
      where: source.where,
      roots: this.#roots,
      sample,
      runs: this.#log.verdicts,
      troubled: this.#log.troubled,
      damagedFiles: this.#log.damagedFiles,
      obstacles: this.#log.obstacles,
      ...(other === undefined ? {} : { uncompared: this.#uncompared }),
      repairs: this.#repairs,
      bytes: this.#log.progress.bytes.read,
      elapsedMs: steadyMs() - this.#log.startedAtMs,
      interrupted: this.#log.isStopped,
    };
  }

  async #compareAll(): Promise<void> {
    const progress = this.#log.progress;
    const { roots, rules, source, other, linksOf } = this.#options;
    const runs = (root: string): RunRef[] => {
      const all = [...source.runs(root), ...(other?.runs(root) ?? [])];
      return [...new Map(all.map((run) => [run.path, run])).values()];
    };
    const asked = await scopesOf(source, roots, this.#log.obstacles, linksOf);
    const held = new Map(asked.map(({ name }) => [name, runs(name)]));
    const mirrored = { positions: (run: RunRef) => source.positions(run), runs: (root: string) => held.get(root) ?? [] };
    const found = await candidatesOf(mirrored, asked, this.#log.obstacles, rules);
    const scopes = asked.map((scope, i) => ({
      scope,
      isHeld: (held.get(scope.name) ?? []).length > 0,
      candidates: this.#meant(found[i] ?? []),
    }));
    for (const { candidates } of scopes) {
      this.#log.plan(candidates, (run) => source.files(run));
      await this.#log.turn();
    }
    this.#roots = scopes.map(({ scope }) => scope.path);
    if (other !== undefined)
      this.#uncompared = [...this.#beyond(new Set(scopes.flatMap((one) => one.candidates.map(({ run }) => keyOfRun(run)))))];
    progress.phase = 'comparing';
    for (const { scope, isHeld, candidates } of scopes) {
      const first = this.#log.verdicts.length;
      for (const candidate of candidates) {
        if (this.#log.isStopped || this.#isLost) return;
        progress.current = runLabel(candidate.run);
        await this.#tryRun(candidate);
        progress.runs.done++;
      }
      this.#checkAnything(scope, isHeld, this.#log.verdicts.slice(first));
    }
  }

  /** Without runs that a lane is not to have. */
  #meant(candidates: readonly Candidate[]): Candidate[] {
    const { source, other } = this.#options;
    return candidates.filter(({ run }) => source.isMeant(run) && other?.isMeant(run) !== false);
  }

  /** What the first lane has beyond what is compared; roots that are not there are reported already. */
  *#beyond(compared: ReadonlySet<string>): Generator<UncomparedRun, void, void> {
    const { source, other, rules = ALL_RUNS } = this.#options;
    for (const { name, path } of source.roots()) {
      if (this.#log.obstacles.some(({ what }) => what === path)) continue;
      const filter = filterOf(rules, { name, path });
      for (const run of source.runs(name)) {
        const points = compared.has(keyOfRun(run)) ? 0 : source.points(run);
        if (points === 0) continue;
        const why = filter?.accepts(run.path) === false ? 'rules' : other?.isMeant(run) === false ? 'routes' : 'elsewhere';
        yield { run, root: path, points, why };
      }
    }
  }

  /** Nothing that was looked at must not pass for a proof. */
  #checkAnything({ name, path }: Scope, isHeld: boolean, verdicts: readonly RunVerdict[]): void {
    const { lane } = this.#options.source;
    if (!isHeld) {
      this.#log.obstacles.push({ what: path, reason: `nothing of ${name} is mirrored into ${lane} yet`, isUnmirrored: true });
      return;
    }
    const isAny = verdicts.some((verdict) => verdict.points > 0 || differencesOf(verdict) > 0);
    if (isAny || this.#options.other !== undefined) return;
    if (this.#log.troubled.some(({ run }) => run.root === name)) {
      this.#log.obstacles.push({
        what: path,
        reason: `all mirrored files of ${name} are missing or changed: is it mounted?`,
      });
    }
  }

  async #tryRun(candidate: Candidate): Promise<void> {
    try {
      await this.#compare(candidate);
    } catch (error) {
      if (this.#log.isStopped) return;
      // A backend of a package has a class of its own.
      const { code, hint } = error as { readonly code?: unknown; readonly hint?: unknown };
      if (typeof code !== 'string' || !code.startsWith('MB4')) throw error;
      const reason = `${messageOf(error)}${typeof hint === 'string' ? ` (${hint})` : ''}`;
      this.#isLost = !ABOUT_RUN.has(code) && !(await this.#answers());
      if (this.#log.isStopped) return;
      const { lane } = this.#options.source;
      if (code === 'MB4006') this.#repairs?.mendGone(candidate.run, this.#options.source.files(candidate.run));
      this.#log.obstacles.push(
        this.#isLost ? { what: lane, reason } : { what: `${lane}, ${runLabel(candidate.run)}`, reason, isAboutRun: true },
      );
    }
  }

  /** Whether the trackers answer: what failed was about one run then, and the others can be compared. */
  async #answers(): Promise<boolean> {
    const { source, other, signal } = this.#options;
    try {
      await source.probe?.(signal);
      await other?.probe?.(signal);
      return true;
    } catch {
      // Why the run could not be read is reported; the probe only tells whose matter it is.
      return false;
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
      isWanted: this.#log.isWanted(run),
      mergesEqual: { left: source.mergesEqual && other !== undefined, right: (other ?? source).mergesEqual },
      ...(other === undefined ? {} : { isOfFiles: this.#isOfFiles(run, other) }),
    });
    comparison.isShared = (other ?? source).isShared(run);
    const side =
      other === undefined
        ? new FilesSource(source, candidate, states, facts, this.#reader)
        : new LanesSource(source, other, candidate, this.#reader);
    const before = this.#log.progress.bytes.read;
    await this.#feed(side, comparison, false);
    if (other === undefined) comparison.doubt = doubtOf(states, facts);
    this.#log.progress.bytes.read = before + states.reduce((sum, { position }) => sum + position.watermark, 0);
    this.#log.progress.files.done += states.length;
    for (const chunk of this.#log.isStopped ? [] : comparison.chunks()) {
      comparison.begin(chunk);
      await this.#feed(side, comparison, true);
      if (this.#log.isStopped) break;
      for (const difference of comparison.settle(other !== undefined)) this.#options.onDifference?.(difference);
    }
    if (other === undefined) this.#log.note(candidate, facts);
    if (!this.#log.isStopped) this.#repairs?.mend(comparison, facts, candidate.directory);
    const beside = other === undefined && !this.#log.isStopped ? await this.#checkArtifacts(candidate) : NO_BESIDE;
    this.#log.verdicts.push({
      run,
      ...comparison.counts,
      losses: comparison.losses,
      absent: comparison.absent,
      ...(comparison.foreignTags.size === 0 ? {} : { foreignTags: [...comparison.foreignTags] }),
      unjudged: comparison.unjudged,
      owedBytes: [...facts.values()].reduce((sum, file) => sum + (file.unjudged === undefined ? owedBytes(file) : 0), 0),
      pendingBytes: pendingBytes(found, facts),
      damaged: damagedBytes(facts.values()),
      listing: 0,
      media: NO_MEDIA,
      beside,
    });
  }

  /** Both lanes were mirrored from event files: what neither read of them is not in them. */
  #isOfFiles(run: RunRef, other: LaneSource): (tag: string) => boolean {
    const tags = new Set([...this.#options.source.catalogue(run), ...other.catalogue(run)].map(({ tag }) => tag));
    return (tag) => tags.has(tag);
  }

  /** Of each tracker run once, with the first run that goes into it. */
  async #checkArtifacts({ run, directory }: Candidate): Promise<BesideCounts> {
    const { source, signal, onDifference } = this.#options;
    const beside = source.beside(run);
    if (beside === undefined || this.#checkedArtifacts.has(keyOfRun(beside.target))) return NO_BESIDE;
    this.#checkedArtifacts.add(keyOfRun(beside.target));
    // A run that is folded lies below its target.
    const { counts, differences, again } = await checkArtifacts(
      beside,
      placeOf({ path: directory.root, links: directory.links }, beside.target.path),
      signal,
    );
    for (const difference of differences) onDifference?.(difference);
    this.#repairs?.repairArtifacts(beside.target, again);
    return counts;
  }

  /** What is there first: whatever arrives there meanwhile is in the files by the time they are read. */
  async #feed(side: Side, comparison: LaneComparison, isAgain: boolean): Promise<void> {
    for await (const points of side.read(comparison, isAgain, this.#options.signal)) {
      if (!isAgain) this.#log.progress.points += points;
      if (await this.#log.turn()) return;
    }
  }
}
