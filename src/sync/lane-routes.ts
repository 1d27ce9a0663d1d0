/**
 * Decides how one lane treats each run: where the run goes, under which names, and what is left out. The
 * configuration decides it when the first data of a run is sent, and the state keeps the decision. What is left out
 * may change at any time; what the configuration newly includes is pending from then on.
 */
import { posix } from 'node:path';
import type { JoinRule } from '../artifacts/index.ts';
import type { Handle } from '../contract/index.ts';
import { joinPrefixOf, type TrackerLaneOptions } from '../lanes/index.ts';
import { keyOfRun, type RunRef, runLabel, type Series, selectPoints } from '../model/index.ts';
import type { CachedBatch } from '../reading/index.ts';
import {
  type Around,
  type Fold,
  type FoldedRun,
  type LaneRoute,
  type LeftOut,
  Names,
  nameThere,
  type Opened,
  plainMapping,
  type RunMapping,
  type RunRoute,
  type RunTree,
  reconsider,
  wantedName,
} from '../route/index.ts';
import type { LaneView } from '../state/index.ts';
import { PendingTags } from './pending-tags.ts';
import type { RunStates } from './run-states.ts';

/** The configuration and the state that decide how runs are treated. */
interface LaneRoutesOptions {
  readonly laneState: LaneView;
  readonly states: RunStates;
  readonly route: LaneRoute;
  readonly fold: Fold;
  readonly joins: readonly JoinRule[];
  readonly tree: RunTree;
  /** True if runs are restarted when today's configuration would name, fold or place them differently. */
  readonly isRemapping: boolean;
  readonly namesOf: TrackerLaneOptions['namesOf'];
  /** True if sending the same point again does not store it twice. */
  readonly canSendAgain: boolean;
  readonly warn: (message: string, facts: Readonly<Record<string, string | number>>) => void;
}

/** A run, and how the lane treats it. */
export interface RoutedRun {
  readonly run: RunRef;
  /** The run into whose tracker run this run goes. */
  readonly target: RunRef;
  /** The path of the run's directory, relative to the target's; empty if they are the same. */
  readonly below: string;
  readonly route: RunRoute;
  readonly isIncluded: boolean;
  /** Files with points that are pending again, because the configuration now wants more of the run. */
  readonly pendingFiles: readonly string[];
}

interface Decided extends RoutedRun {
  mapping: RunMapping;
  pendingFiles: readonly string[];
  /** True if the run is sent unchanged. */
  readonly isPlain: boolean;
  /** The name of each series at the tracker, and how much of the series is sent, by tag. */
  readonly known: Map<string, SentSeries>;
}

interface SentSeries {
  readonly name: string;
  readonly every: number;
}

/** The series of one catalogue as the tracker knows them. Each reader numbers its series itself. */
interface Translation {
  readonly series: Series[];
  readonly every: number[];
  isWhole: boolean;
}

/** Where a run would go today, and the prefix that all of its tags would have there. */
type Wanted = FoldedRun & { readonly joinPrefix: string };

/** Decides and remembers how one lane treats each run. */
export class LaneRoutes {
  readonly #options: LaneRoutesOptions;
  readonly #mappings: Map<string, RunMapping>;
  readonly #decided = new Map<string, Decided>();
  /** The runs that go into each target, by the target's key. */
  readonly #sources = new Map<string, Map<string, RunRef>>();
  /** The names that are taken in each target, and by which series, by the target's key. */
  readonly #names = new Map<string, Names>();
  /** Directories that were treated as the first of their kind, by their parent directory: they stay the first. */
  readonly #firsts = new Map<string, Set<string>>();
  readonly #translations = new WeakMap<readonly Series[], Translation>();
  /** Tracker runs that were restarted, by the target's key: each restarts only once. */
  readonly #restarted = new Set<string>();
  /**
   * Tracker runs with data that a remapping would put elsewhere, by the target's key. They are determined before any
   * run is decided, since everything that goes into a tracker run restarts with it.
   */
  #outdated: Set<string> | undefined;
  /** How often each warning occurred: a warning is reported again only after ten times as many. */
  readonly #warned = new Map<string, number>();

  constructor(options: LaneRoutesOptions) {
    this.#options = options;
    this.#mappings = new Map();
    for (const [run, mapping] of options.laneState.mappings()) {
      this.#mappings.set(keyOfRun(run), mapping);
      if (!options.isRemapping) this.#noteFirsts(run, mapping);
      if (!mapping.isOut && mapping.target !== run.path) this.#addSource({ root: run.root, path: mapping.target }, run);
    }
  }

  /** Returns the routing of a run, which is decided at the first request. */
  of(run: RunRef): RoutedRun {
    return this.#of(run);
  }

  /** True if a directory that appears later could change where a run goes: it would be the first of its kind. */
  isOpen(run: RunRef): boolean {
    const { fold, laneState } = this.#options;
    if (!fold.asksForOthers || this.#decided.has(keyOfRun(run)) || this.#mappings.has(keyOfRun(run))) return false;
    return fold.isOpen(run.path, this.#around(run)) && laneState.known(run).files.every(({ position }) => position.watermark === 0);
  }

  /** Returns the path of the run into whose tracker run a run goes, or would go by what is known now. */
  targetOf(run: RunRef): string {
    return (this.#decided.get(keyOfRun(run))?.mapping ?? this.#mappings.get(keyOfRun(run)))?.target ?? this.#place(run).path;
  }

  /** Forgets a run that has nothing to do. The next request decides it the same way. */
  forget(run: RunRef): void {
    this.#decided.delete(keyOfRun(run));
  }

  /** Returns the known runs that go into a target. */
  sourcesOf(target: RunRef): readonly RunRef[] {
    const known = this.#sources.get(keyOfRun(target));
    const own = this.#mappings.get(keyOfRun(target));
    const isOwn = own === undefined || (!own.isOut && own.target === target.path);
    return [...(isOwn && known?.has(keyOfRun(target)) !== true ? [target] : []), ...(known?.values() ?? [])];
  }

  /** Returns the tracker run into which a directory's run goes; undefined if the lane has none for it. */
  trackerRunAt(ref: RunRef): RunRef | undefined {
    if (!this.#options.tree.has(ref)) return (this.#sources.get(keyOfRun(ref))?.size ?? 0) > 0 ? ref : undefined;
    // This request decides nothing.
    const target = { root: ref.root, path: this.targetOf(ref) };
    return this.#options.route.run(ref, target).isIncluded ? target : undefined;
  }

  /**
   * Sends everything of a tracker run from the beginning, under its current names: into `handle`, or into a tracker
   * run that is opened later.
   */
  restart(target: RunRef, as: Opened, handle?: Handle): void {
    const sources = this.sourcesOf(target).map((run) => ({ run, mapping: this.#mappings.get(keyOfRun(run)) }));
    this.#options.states.restart(target, sources, as, handle);
  }

  /** Prepares a piece of a run for the tracker: removes what is left out, and gives the series their names there. */
  apply(run: RunRef, { batch, series }: CachedBatch): Pick<CachedBatch, 'batch' | 'series'> {
    const decided = this.#of(run);
    if (decided.isPlain) return { batch, series };
    const { series: names, every, isWhole } = this.#translate(decided, series);
    if (isWhole) return { batch, series: names };
    const steps = batch.scalars;
    const isSent = (id: number, step: number | bigint): boolean => {
      const each = every[id] ?? 1;
      return each === 1 || (each !== 0 && BigInt(step) % BigInt(each) === 0n);
    };
    const sent = selectPoints(
      batch,
      (row) => isSent(steps.series[row] as number, steps.wideSteps.get(row) ?? (steps.step[row] as number)),
      (point) => isSent(point.series, point.step),
    );
    return { batch: sent, series: names };
  }

  #of(run: RunRef): Decided {
    const key = keyOfRun(run);
    let decided = this.#decided.get(key);
    if (decided === undefined) {
      decided = this.#decide(run);
      this.#decided.set(key, decided);
      if (decided.isIncluded && !decided.isPlain) decided.pendingFiles = this.#widen(decided);
    }
    return decided;
  }

  #decide(run: RunRef): Decided {
    const { laneState, route, fold, isRemapping } = this.#options;
    const key = keyOfRun(run);
    if (isRemapping) this.#outdated ??= this.#findOutdated();
    let frozen = this.#mappings.get(key);
    const wanted = this.#place(run);
    let isBegun = frozen !== undefined && !frozen.isOut;
    isBegun ||= laneState.known(run).files.some(({ position }) => position.watermark > 0);
    const today = route.run(run, { root: run.root, path: wanted.path });
    if (isBegun) {
      const before = frozen ?? plainMapping(run.path);
      const isOther = isElsewhere(before, wanted, today);
      // A tracker run that another program opened never restarts: what it has keeps its names.
      if (isOther && this.#isJoined(run, before))
        this.#report('a run that joins another run keeps its names there', { run: runLabel(run) });
      else if (isOther && isRemapping) {
        // The tracker run restarts below, with everything that goes into it.
        this.#outdated?.add(keyOfRun({ root: run.root, path: before.target }));
        if (before.target !== wanted.path) this.#leave(run, before);
        [isBegun, frozen] = [false, undefined];
      } else if (isOther) {
        this.#report('a run keeps its name and target: use --remap to mirror it again', { run: runLabel(run) });
      }
    }
    const before = frozen ?? plainMapping(run.path);
    let mapping: RunMapping = isBegun ? before : newMapping(before, wanted, today);
    const target = { root: run.root, path: mapping.target };
    const decision = route.run(run, target);
    const { isIncluded } = decision;
    if (isIncluded) this.#addSource(target, run);
    if (isIncluded && isRemapping) this.#restartChanged(target, decision);
    // After a restart the names are free again, and nothing counts as left out.
    if (this.#restarted.has(keyOfRun(target))) mapping = { ...mapping, names: {}, left: {} };
    const isSelf = mapping.target === run.path && mapping.prefix === '' && mapping.joinPrefix === undefined && mapping.renames.length === 0;
    const isChanged = Object.keys(mapping.left).length + Object.keys(mapping.names).length > 0;
    const late = isBegun ? undefined : fold.overtaken(run.path, this.#around(run));
    if (late !== undefined) {
      this.#report('a directory appeared after a later one was mirrored: run backfill --remap to order them', {
        run: runLabel(run),
        former: late,
      });
    }
    this.#noteFirsts(run, { ...mapping, isOut: !isIncluded });
    const decided: Decided = {
      run,
      target,
      below: run.path === target.path ? '' : posix.relative(target.path, run.path),
      route: decision,
      isIncluded,
      pendingFiles: [],
      mapping,
      // If runs are folded, another run may come into this tracker run, with its own names.
      isPlain: decision.isWhole && isSelf && !isChanged && !fold.isOn,
      known: new Map(),
    };
    this.#keep(decided, { ...mapping, isOut: !isIncluded });
    return decided;
  }

  /** Returns where a run would go today. */
  #place(run: RunRef): Wanted {
    const { fold } = this.#options;
    const place = fold.isOn ? fold.apply(run.path, this.#around(run)) : { path: run.path, prefix: '' };
    return { ...place, joinPrefix: joinPrefixOf(this.#options, { root: run.root, path: place.path }) };
  }

  #around({ root }: RunRef): Around {
    const { tree } = this.#options;
    const firsts = (path: string): ReadonlySet<string> | undefined => this.#firsts.get(keyOfRun({ root, path }));
    return {
      // Directories that were mirrored may no longer exist.
      directoriesBelow: (path) => chained(firsts(path) ?? [], tree.directoriesBelow({ root, path })),
      isFirst: (path) => firsts(posix.dirname(path))?.has(posix.basename(path)) === true,
    };
  }

  #noteFirsts({ root, path }: RunRef, { isOut, target, prefix }: RunMapping): void {
    if (isOut) return;
    for (const first of this.#options.fold.firstsIn(path, { path: target, prefix })) {
      const key = keyOfRun({ root, path: posix.dirname(first) });
      this.#firsts.set(key, (this.#firsts.get(key) ?? new Set()).add(posix.basename(first)));
    }
  }

  #findOutdated(): Set<string> {
    const { laneState, route } = this.#options;
    const outdated = new Set<string>();
    for (const [run] of laneState.knownRuns()) {
      const before = this.#mappings.get(keyOfRun(run)) ?? plainMapping(run.path);
      const wanted = this.#place(run);
      const today = route.run(run, { root: run.root, path: wanted.path });
      if (!before.isOut && isElsewhere(before, wanted, today) && !this.#isJoined(run, before))
        outdated.add(keyOfRun({ root: run.root, path: before.target }));
    }
    return outdated;
  }

  #isJoined({ root }: RunRef, { target }: RunMapping): boolean {
    return this.#options.laneState.opened({ root, path: target })?.joins !== undefined;
  }

  /** Restarts a run that goes into another tracker run from now on. */
  #leave(run: RunRef, { target }: RunMapping): void {
    this.#report('mirroring a run again, into another target', { run: runLabel(run) });
    this.#options.states.moved(run);
    this.#mappings.delete(keyOfRun(run));
    this.#sources.get(keyOfRun({ root: run.root, path: target }))?.delete(keyOfRun(run));
  }

  /** Restarts a tracker run, with all runs that go into it, if its name, location or series would differ today. */
  #restartChanged(target: RunRef, { group, groupTag }: RunRoute): void {
    const { laneState, namesOf } = this.#options;
    const key = keyOfRun(target);
    const isThere = laneState.handle(target) !== undefined;
    const opened = laneState.opened(target) ?? (isThere ? { name: '', group: '', epoch: 0 } : undefined);
    if (opened === undefined || opened.joins !== undefined || this.#restarted.has(key)) return;
    const today = namesOf(target, group === undefined || groupTag === undefined ? undefined : { group, tag: groupTag });
    if (this.#outdated?.has(key) !== true && opened.name === today.name && opened.group === today.group) return;
    this.#restarted.add(key);
    this.#names.delete(key);
    this.#report('replacing a tracker run with a new one', { run: runLabel(target), name: today.name, former: opened.name });
    this.restart(target, { name: today.name, group: today.group, epoch: opened.epoch + 1 });
  }

  #translate(decided: Decided, catalogue: readonly Series[]): Translation {
    let translation = this.#translations.get(catalogue);
    if (translation === undefined) {
      translation = { series: [], every: [], isWhole: true };
      this.#translations.set(catalogue, translation);
    }
    const { series, every } = translation;
    if (series.length === catalogue.length) return translation;
    this.#learn(decided, catalogue.slice(series.length));
    for (let id = series.length; id < catalogue.length; id++) {
      const facts = catalogue[id] as Series;
      const sent = decided.known.get(facts.tag) as SentSeries;
      series.push(sent.name === facts.tag ? facts : { ...facts, tag: sent.name });
      every.push(sent.every);
      translation.isWhole &&= sent.every === 1;
    }
    return translation;
  }

  /** Names new series, decides how much of them is sent, and notes what is left out. */
  #learn(decided: Decided, fresh: readonly Series[]): void {
    const { known, run } = decided;
    // Tags are untrusted text: `constructor` and `__proto__` occur.
    const left = new Map<string, LeftOut>();
    const names = new Map<string, string>();
    for (const { tag, plugin } of fresh) {
      if (known.has(tag)) continue;
      const { mapping } = decided;
      const { every } = decided.route.series(tag, plugin);
      if (every !== 1 && !Object.hasOwn(mapping.left, tag)) left.set(tag, { every });
      const isGiven = Object.hasOwn(mapping.names, tag);
      const wanted = wantedName(mapping, tag, plugin, run.path);
      const name =
        every === 0 || isGiven ? nameThere(mapping, tag, plugin, run.path) : this.#namesOf(decided.target).take(wanted, ownerOf(run, tag));
      if (name !== wanted && !isGiven) {
        names.set(tag, name);
        this.#report('two series of a tracker run have the same name: renaming one there', { run: runLabel(run), tag, name });
      }
      known.set(tag, { name, every });
    }
    if (left.size + names.size === 0) return;
    const { mapping } = decided;
    this.#keep(decided, {
      ...mapping,
      left: { ...mapping.left, ...Object.fromEntries(left) },
      names: { ...mapping.names, ...Object.fromEntries(names) },
    });
  }

  /** Returns the names that are taken in a tracker run by the known series of all its sources. */
  #namesOf(target: RunRef): Names {
    const key = keyOfRun(target);
    let names = this.#names.get(key);
    if (names !== undefined) return names;
    names = new Names();
    this.#names.set(key, names);
    for (const run of this.sourcesOf(target)) {
      const mapping = this.#mappings.get(keyOfRun(run)) ?? plainMapping(run.path);
      for (const { tag, plugin } of this.#options.laneState.catalogue(run)) {
        if (Object.hasOwn(mapping.left, tag) && mapping.left[tag]?.every === 0) continue;
        names.take(nameThere(mapping, tag, plugin, run.path), ownerOf(run, tag));
      }
    }
    return names;
  }

  /**
   * Makes data pending that the configuration newly includes of known series, and records what it no longer includes.
   * Returns the files with pending data.
   */
  #widen(decided: Decided): string[] {
    const { laneState, states, canSendAgain } = this.#options;
    const { run, mapping } = decided;
    const files = laneState
      .known(run)
      .files.filter(({ position }) => position.watermark > 0)
      .map(({ name, position }) => ({ name, ...position }));
    const left = new Map(Object.entries(mapping.left));
    const pending = new Map(files.map(({ name, gaps }) => [name, new PendingTags(gaps)]));
    const wider = new Set<string>();
    for (const { tag, plugin } of laneState.catalogue(run)) {
      const found = reconsider(tag, left.get(tag), decided.route.series(tag, plugin).every, files, canSendAgain);
      if (found === undefined) continue;
      if (found.left === undefined) left.delete(tag);
      else left.set(tag, found.left);
      for (const name of found.forgone) pending.get(name)?.forgo(tag);
      for (const [name, start, end] of found.resend) {
        wider.add(tag);
        pending.get(name)?.add(start, end, tag);
      }
    }
    const changed = [...pending].flatMap(([name, tags]) => (tags.isChanged ? [{ name, gaps: tags.gaps() }] : []));
    for (const { name, gaps } of changed) states.widened(run, name, gaps);
    if (wider.size > 0) this.#report('series that a route newly includes are pending', { run: runLabel(run), series: wider.size });
    this.#keep(decided, { ...mapping, left: Object.fromEntries(left) });
    return changed.filter(({ gaps }) => gaps.length > 0).map(({ name }) => name);
  }

  #keep(decided: Decided, mapping: RunMapping): void {
    const key = keyOfRun(decided.run);
    const isPlain = JSON.stringify(mapping) === JSON.stringify(plainMapping(decided.run.path));
    const before = this.#mappings.get(key);
    decided.mapping = mapping;
    if (isPlain ? before === undefined : JSON.stringify(before) === JSON.stringify(mapping)) return;
    if (isPlain) this.#mappings.delete(key);
    else this.#mappings.set(key, mapping);
    this.#options.states.mapped({ run: decided.run, mapping: isPlain ? undefined : mapping });
  }

  #report(message: string, facts: Readonly<Record<string, string | number>>): void {
    const times = (this.#warned.get(message) ?? 0) + 1;
    this.#warned.set(message, times);
    if (/^10*$/.test(String(times))) this.#options.warn(message, times === 1 ? facts : { ...facts, times });
  }

  #addSource(target: RunRef, run: RunRef): void {
    const key = keyOfRun(target);
    const known = this.#sources.get(key);
    if (known === undefined) this.#sources.set(key, new Map([[keyOfRun(run), run]]));
    else known.set(keyOfRun(run), run);
  }
}

/** True if a run would go elsewhere today, or its series would have other names. */
function isElsewhere(before: RunMapping, wanted: Wanted, today: RunRoute): boolean {
  const isThere = before.target === wanted.path && before.prefix === wanted.prefix && (before.joinPrefix ?? '') === wanted.joinPrefix;
  return !isThere || JSON.stringify(before.renames) !== JSON.stringify(today.renames);
}

function newMapping({ joinPrefix: _, ...before }: RunMapping, { path, prefix, joinPrefix }: Wanted, { renames }: RunRoute): RunMapping {
  return { ...before, target: path, prefix, renames, ...(joinPrefix === '' ? {} : { joinPrefix }) };
}

function* chained(...all: readonly Iterable<string>[]): Generator<string, void, void> {
  for (const each of all) yield* each;
}

function ownerOf(run: RunRef, tag: string): string {
  return JSON.stringify([run.path, tag]);
}
