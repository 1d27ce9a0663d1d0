/**
 * Opens and ends the tracker runs of a lane: sends their metadata to the tracker, and keeps in the state how they
 * were opened.
 */
import { posix } from 'node:path';
import { type Joined, readJoin } from '../artifacts/index.ts';
import { FileMarks } from '../backend-kit/identity/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Backend, Handle, RunEnd, RunFiles, RunSource } from '../contract/index.ts';
import type { TrackerLane, Undelivered } from '../delivery/index.ts';
import { MirrorError } from '../errors.ts';
import { firstWallTime, type LaneRouting, type RunNames, type TrackerLaneOptions, trackerRunKey } from '../lanes/index.ts';
import { type RunRef, runLabel } from '../model/index.ts';
import type { BatchCache } from '../reading/index.ts';
import type { Opened } from '../route/index.ts';
import type { Delivered, LaneView } from '../state/index.ts';
import type { RootDirectory } from '../untrusted/index.ts';
import type { LaneRoutes } from './lane-routes.ts';
import type { Parents } from './parents.ts';
import type { RunStates } from './run-states.ts';
import { firstChecksum, newMarks, rootDirectory, type SourcePiece, type SyncedRun } from './synced-run.ts';

/** The lane whose tracker runs are opened, and what that needs. */
interface RunOpenerOptions {
  readonly backend: Backend;
  readonly delivery: TrackerLane;
  readonly namesOf: TrackerLaneOptions['namesOf'];
  readonly routing: LaneRouting;
  readonly routes: LaneRoutes;
  readonly parents: Parents;
  /** Returns the tracker run of a target. */
  readonly runOf: (target: RunRef) => SyncedRun;
  readonly laneState: LaneView;
  readonly states: RunStates;
  readonly instanceId: string;
  readonly places: ReadonlyMap<string, RootDirectory>;
  readonly cache: BatchCache;
  /** True if no process writes to the files: the opener does not wait. */
  readonly isSettled: boolean;
  /** The clock and its timers. Default: the system's. */
  readonly clock?: Clock;
  /** The signal that ends every wait. */
  readonly signal: AbortSignal;
  /** Returns the files of a run. They decide which run a tracker run belongs to, if the data to send does not. */
  readonly filesOf: (run: SyncedRun) => RunFiles & { areGone(files: Iterable<string>, signal: AbortSignal): Promise<boolean> };
}

/** The outcome of an opening. */
type Opening =
  | { readonly kind: 'open'; readonly handle: Handle; readonly isNew: boolean }
  | Undelivered
  /**
   * Everything is sent from the beginning, into a tracker run that is opened later: ask again after `ms`, from the
   * positions.
   */
  | { readonly kind: 'restart'; readonly ms: number }
  /**
   * Another run must be opened first, or everything is sent from the beginning: ask again after `ms`, from the
   * positions.
   */
  | { readonly kind: 'wait'; readonly ms: number };

/** The most former tracker runs of one run that are skipped. */
const MOST_REBUILT = 50;
/**
 * How long mirrorboard waits before it sends replaced content again: when the first file of a run was replaced, the
 * others may follow.
 */
const REPLACING_MS = 5000;
/** The most records before the first values: a version, a graph, the start of a session. */
const FEW_RECORDS = 3;
/** How often mirrorboard looks for the file that names the run to join. */
const LOOK_MS = 2000;
/** The same interval if such a file did not answer. */
const SILENT_MS = 60_000;

/** Opens, replaces and ends the tracker runs of a lane. */
export class RunOpener {
  readonly #options: RunOpenerOptions;
  readonly #clock: Clock;
  /** How often runs got a new tracker run instead of a former one, by the target's key. */
  readonly #rebuilt = new Map<string, number>();

  constructor(options: RunOpenerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Returns the run's handle. Finds or creates the tracker run when there is something to send for the first time.
   */
  async open(run: SyncedRun, pieces: readonly SourcePiece[], startedAt = startOf(pieces)): Promise<Opening> {
    const { backend, delivery, laneState, routes, states } = this.#options;
    const { target } = run;
    const replaced = (await this.#replaced(run, pieces)) ?? (await this.#others(run, pieces));
    if (replaced !== undefined) {
      if (this.#leavesReplaced(run)) return await this.#openReplacement(run, replaced);
      this.#warnTogether(run, replaced);
    }
    const isEnded = laneState.isEnded(target);
    let isNew = false;
    if (run.handle === undefined) {
      const found = await this.#opened(run);
      if (found.kind === 'wait') return found;
      const kept = laneState.handle(target);
      // The key that finds or makes a tracker run if there is none, or if the one that is known is gone.
      const asNew = this.#withOwnKey(target, found.opened);
      const opened = kept === undefined ? asNew : found.opened;
      const before = FileMarks.fromPairs(opened.files);
      const added = newMarks(before, pieces);
      const marks = before.with(added);
      const above = opened.joins === undefined ? await this.#above(run, startedAt) : { kind: 'none' as const };
      if (above.kind === 'wait' || above.kind === 'stopped') return above;
      const source = { ...this.#source(run, asNew, startedAt, marks), ...(above.kind === 'none' ? {} : { parent: above.parent }) };
      const done = await delivery.attempt((signal) => backend.open(source, kept, signal));
      if (done.kind !== 'done') return done;
      isNew = done.value !== kept;
      run.handle = done.value;
      const now = added.length === 0 || opened.joins !== undefined ? opened : { ...opened, files: marks.pairs() };
      if (isNew && kept !== undefined) {
        const { openedAt: _, ...here } = now;
        routes.restart(target, { ...here, epoch: asNew.epoch }, done.value);
        return { kind: 'wait', ms: 0 };
      }
      states.opened(target, done.value, now);
    } else {
      const noted = await this.#noteFiles(run, run.handle, pieces);
      if (noted !== undefined) return noted;
    }
    const { handle } = run;
    // A file that comes late must not report that the run continues.
    if (pieces.length > 0 && isEnded) {
      const reopened = await delivery.attempt((signal) => backend.finish(handle, undefined, signal));
      if (reopened.kind !== 'done') return reopened;
      states.ended(target, false);
    }
    return { kind: 'open', handle, isNew };
  }

  /** Returns the files by which the tracker run is known and whose content is another now, with their new marks. */
  async #replaced(run: SyncedRun, pieces: readonly SourcePiece[]): Promise<Replaced | undefined> {
    const { filesOf, signal } = this.#options;
    const suspects = pieces.filter(({ state, file }) => state.generation > 0 && !run.compared.has(`${state.generation} ${file}`));
    if (suspects.length === 0 || !this.#leavesReplaced(run)) return undefined;
    const known = this.#knownBy(run);
    if (known === undefined) return undefined;
    const files: ReplacedFile[] = [];
    for (const piece of suspects) {
      const { file, state, batch } = piece;
      const checksum = firstChecksum(batch);
      // Without values it can't be decided yet.
      if (checksum === undefined) continue;
      const before = known.list().find((mark) => mark.file === file);
      // A file that was cut, repaired or rewritten from its beginning still has the record of its mark.
      const mayBe = before !== undefined && before.checksum !== checksum;
      if (mayBe && (await filesOf(run).isReplaced?.(before, signal)) === true) files.push({ piece, checksum });
      else run.compared.add(`${state.generation} ${file}`);
    }
    return files.length === 0 ? undefined : { kind: 'content', files };
  }

  /**
   * Returns new files if every file that went into the tracker run is gone: the training was started again, or
   * another run has the path now.
   */
  async #others(run: SyncedRun, pieces: readonly SourcePiece[]): Promise<Replaced | undefined> {
    const { laneState, routes, filesOf, signal } = this.#options;
    if (pieces.length === 0) return undefined;
    const known = this.#knownBy(run);
    if (known === undefined || known.isEmpty || pieces.every(({ file }) => known.knows(file))) return undefined;
    // A tracker run with many files is known by some of them. A file with few records may have had no values yet.
    const sent = new Set(
      routes.sourcesOf(run.target).flatMap((ref) => {
        const below = posix.relative(run.target.path, ref.path);
        return laneState.known(ref).files.flatMap(({ name, records }) => (records > FEW_RECORDS ? [posix.join(below, name)] : []));
      }),
    );
    const files = pieces.flatMap((piece) => {
      const checksum = firstChecksum(piece.batch);
      return checksum === undefined || known.knows(piece.file) || sent.has(piece.file) ? [] : [{ piece, checksum }];
    });
    if (files.length === 0) return undefined;
    const before = new Set([...known.list().map(({ file }) => file), ...sent]);
    return (await filesOf(run).areGone(before, signal)) ? { kind: 'files', files } : undefined;
  }

  /** Returns the files by which a run's own tracker run is known; undefined if it has no own tracker run. */
  #knownBy({ target }: SyncedRun): FileMarks | undefined {
    const { laneState } = this.#options;
    const opened = laneState.handle(target) === undefined ? undefined : laneState.opened(target);
    return opened === undefined || opened.joins !== undefined ? undefined : FileMarks.fromPairs(opened.files);
  }

  /**
   * Ends a tracker run that holds the former content of its files, and opens a new one for the present content. Both
   * have the same key; their fingerprints distinguish them, so mirrorboard finds the right one again without a state.
   * After a crash before the commit, all of this happens again.
   */
  async #openReplacement(run: SyncedRun, replaced: Replaced): Promise<Opening> {
    const { backend, cache, delivery, laneState, states, routes, routing, isSettled } = this.#options;
    const { target } = run;
    const handle = laneState.handle(target);
    const before = laneState.opened(target);
    if (handle === undefined || before === undefined) return { kind: 'wait', ms: 0 };
    if (!laneState.isEnded(target)) {
      const end = this.#endOf(target, this.#clock.wallMs());
      const done = await delivery.attempt((signal) => backend.finish(handle, end, signal));
      if (done.kind !== 'done' && done.kind !== 'runFatal') return done;
    }
    const { name, group, epoch, rebuilt } = before;
    // If a file has several pieces, the first one gives its mark.
    const files = [...new Map(replaced.files.toReversed().map(({ piece, checksum }) => [piece.file, checksum] as const))];
    run.handle = undefined;
    // Cached data of files that are gone must not be sent again.
    for (const ref of routes.sourcesOf(target)) cache.forget(ref);
    // The new generation must outlast the positions: no lane may take cached data of the former generation for this
    // one's.
    for (const { piece } of replaced.files) if (piece.state.generation > 0) states.replaced(piece.batch.run, piece.state);
    routes.restart(target, {
      name,
      group,
      epoch,
      ...(rebuilt === undefined ? {} : { rebuilt }),
      replaced: (before.replaced ?? 0) + 1,
      files,
    });
    routing.warn(`${runLabel(target)} gets a new tracker run, and the old one is finished: ${whatOf(replaced)}`, {
      ...factsOf(target, replaced),
      hint: 'To keep using the old run, set `replaced: same_run`.',
    });
    return { kind: 'restart', ms: isSettled ? 0 : REPLACING_MS };
  }

  /** An incident already reports a file with other content; only other files are named here. */
  #warnTogether({ target }: SyncedRun, replaced: Replaced): void {
    this.#options.routing.warn(`${runLabel(target)} continues in the tracker run that also has its earlier content: ${whatOf(replaced)}`, {
      ...factsOf(target, replaced),
      hint: 'To get a new tracker run, set `replaced: new_run`.',
    });
  }

  #leavesReplaced({ target }: SyncedRun): boolean {
    const { routing, places } = this.#options;
    return routing.replacedOf(rootDirectory(places, target).path) === 'new_run';
  }

  /**
   * Notes files that had no values, or did not exist, when the tracker run was opened. It does so before any of their
   * data is sent.
   */
  async #noteFiles(run: SyncedRun, handle: Handle, pieces: readonly SourcePiece[]): Promise<Undelivered | undefined> {
    const { backend, delivery, laneState, states } = this.#options;
    const opened = laneState.opened(run.target);
    const known = FileMarks.fromPairs(opened?.files);
    const marks = newMarks(known, pieces);
    if (backend.noteFiles === undefined || opened === undefined || opened.joins !== undefined || marks.length === 0) return undefined;
    const done = await delivery.attempt(async (signal) => backend.noteFiles?.(handle, marks, signal));
    if (done.kind !== 'done') return done;
    states.opened(run.target, handle, { ...opened, files: known.with(marks).pairs() });
    return undefined;
  }

  /**
   * Opens another tracker run, which gets everything, because this one cannot be continued. The old one stays as it
   * is. Returns false if the configuration forbids that, if the run is not ours, or if it did not help.
   */
  rebuild(run: SyncedRun, error: MirrorError): boolean {
    const { laneState, routes, routing } = this.#options;
    const { target, key } = run;
    const before = laneState.opened(target);
    if (!routing.isRebuilding || error.code !== 'MB4006' || before?.joins !== undefined) return false;
    // If a tracker run can't be opened, the next one is tried. If an opened one did not help, another would not help
    // either.
    const isOpened = laneState.handle(target) !== undefined;
    const times = this.#rebuilt.get(key) ?? 0;
    if (times >= (isOpened ? 1 : MOST_REBUILT)) return false;
    this.#rebuilt.set(key, times + 1);
    const { name, group } = before ?? this.#namesOf(run);
    const opened: Opened = { name, group, epoch: (before?.epoch ?? 0) + 1, rebuilt: (before?.rebuilt ?? 0) + 1 };
    routing.warn(`${runLabel(target)} is mirrored again as ${nameOf(opened)}: ${error.message}`, { run: runLabel(target) });
    run.handle = undefined;
    routes.restart(target, opened);
    return true;
  }

  /**
   * Reports the end of a run, at the time of its last event, if that was not reported yet. `changedAtMs`: when its
   * files last changed. `olderThanMs`: 0 if it is known to be over. Returns true if the tracker has taken it now.
   */
  async end(run: SyncedRun, changedAtMs: number, olderThanMs: number): Promise<boolean> {
    const { backend, delivery, laneState, states } = this.#options;
    const { target } = run;
    const isTheirs = laneState.opened(target)?.joins !== undefined;
    const handle = isTheirs || laneState.isEnded(target) ? undefined : laneState.handle(target);
    if (handle === undefined) return false;
    const end = this.#endOf(target, changedAtMs);
    if (olderThanMs > 0 && this.#clock.wallMs() - Math.max(changedAtMs, end.endedAt * 1000) < olderThanMs) return false;
    const done = await delivery.attempt((signal) => backend.finish(handle, end, signal));
    if (done.kind === 'done') states.ended(target, true);
    return done.kind === 'done';
  }

  /** Returns the end of a run: at the time of its last event; `otherwiseMs` if that has no time. */
  #endOf(target: RunRef, otherwiseMs: number): RunEnd {
    const { laneState, routes } = this.#options;
    const { last, hasFailed } = lastOf(routes.sourcesOf(target).map((ref) => laneState.delivered(ref)));
    return { status: hasFailed ? 'failed' : 'finished', endedAt: last ?? otherwiseMs / 1000 };
  }

  /** Returns the names under which the tracker run was opened, or will be opened now. */
  async #opened(
    run: SyncedRun,
  ): Promise<{ readonly kind: 'opened'; readonly opened: Opened } | { readonly kind: 'wait'; readonly ms: number }> {
    const { laneState, routing, isSettled, signal } = this.#options;
    const { target } = run;
    const before = laneState.opened(target);
    const today = this.#namesOf(run);
    if (before !== undefined) {
      if (before.joins === undefined && (before.name !== today.name || before.group !== today.group)) {
        routing.warn('a run keeps its original name and target: use --remap to mirror it again', {
          run: runLabel(target),
          name: before.name,
        });
      }
      return { kind: 'opened', opened: before };
    }
    const opened: Opened = { name: today.name, group: today.group, epoch: 0 };
    let joined: Joined;
    try {
      joined = await readJoin(routing.joins, target.path, run.directory, (template) => routing.expand(template, target), signal);
    } catch (error) {
      // The file may name a run, so an own tracker run would be wrong. It is tried again later, and nothing waits for
      // it.
      if (!(error instanceof MirrorError) || error.code !== 'MB2030') throw error;
      routing.warn(error.message, { run: runLabel(target) });
      return { kind: 'wait', ms: SILENT_MS };
    }
    if (joined.kind === 'id') return { kind: 'opened', opened: { ...opened, joins: joined.id } };
    if (joined.kind === 'absent') {
      if (!isSettled && this.#clock.steadyMs() - run.seenAtMs < joined.waitMs) return { kind: 'wait', ms: LOOK_MS };
      const { path: file, reason } = joined;
      const what = reason === undefined ? 'is missing' : 'is not readable';
      routing.warn(`the file with the run to join ${what}: creating a new run`, {
        run: runLabel(target),
        file,
        ...(reason === undefined ? {} : { reason }),
      });
    }
    return { kind: 'opened', opened };
  }

  /**
   * Returns the names with an epoch whose key no tracker run of another run has: a run that was here may have moved
   * with its tracker run. That one knows files of this path, too, if they went into it before.
   */
  #withOwnKey(target: RunRef, opened: Opened): Opened {
    if (opened.joins !== undefined) return opened;
    const taken = new Set(this.#options.laneState.epochsMovedFrom(target));
    let { epoch } = opened;
    while (taken.has(epoch)) epoch++;
    return epoch === opened.epoch ? opened : { ...opened, epoch };
  }

  /** Returns the parent of a run. If the parent is a run, too, it is opened first. */
  async #above(
    run: SyncedRun,
    startedAt: number | undefined,
  ): Promise<
    | { readonly kind: 'none' }
    | { readonly kind: 'parent'; readonly parent: NonNullable<RunSource['parent']> }
    | Extract<Opening, { readonly kind: 'wait' | 'stopped' }>
  > {
    const { parents, runOf } = this.#options;
    const above = parents.of(run.target, this.#namesOf(run));
    if (above.kind === 'none') return above;
    if (above.kind === 'holder') return { kind: 'parent', parent: above.parent };
    const parent = runOf(above.target);
    const opening = await this.open(parent, [], startedAt);
    if (opening.kind === 'wait' || opening.kind === 'stopped') return opening;
    // The parent restarts in its own turn: until then its new tracker run is unknown.
    if (opening.kind === 'restart') return { kind: 'wait', ms: Math.max(LOOK_MS, opening.ms) };
    // A run that cannot get its own tracker run does not delay the runs below it.
    if (opening.kind === 'runFatal') return { kind: 'none' };
    return { kind: 'parent', parent: { key: parent.key, name: this.#namesOf(parent).name, handle: opening.handle } };
  }

  #namesOf({ target, group, groupTag }: SyncedRun): RunNames {
    return this.#options.namesOf(target, group === undefined || groupTag === undefined ? undefined : { group, tag: groupTag });
  }

  /**
   * Returns the metadata of a run for the tracker. Its name and place are those it was opened with, whatever the
   * configuration says now.
   */
  #source(run: SyncedRun, opened: Opened, startedAt: number | undefined, marks: FileMarks): RunSource {
    const { instanceId, places, filesOf } = this.#options;
    const { target } = run;
    const { group, epoch, joins } = opened;
    const { parent: _, ...names } = this.#namesOf(run);
    return {
      run: target,
      rootPath: rootDirectory(places, target).path,
      key: trackerRunKey(target, epoch),
      ...names,
      name: nameOf(opened),
      group,
      ...(joins === undefined ? {} : { joins }),
      instanceId,
      fingerprint: marks.list(),
      files: filesOf(run),
      leavesReplaced: joins === undefined && this.#leavesReplaced(run),
      startedAt,
    };
  }
}

function startOf(pieces: readonly SourcePiece[]): number | undefined {
  return firstWallTime(pieces.map(({ batch }) => batch));
}

/** A file whose content was replaced, with a piece of the new content and its first record with values. */
interface ReplacedFile {
  readonly piece: SourcePiece;
  readonly checksum: number;
}

/** The data that replaces the content of a tracker run: other content of its files, or other files. */
interface Replaced {
  readonly kind: 'content' | 'files';
  readonly files: readonly ReplacedFile[];
}

function whatOf({ kind, files }: Replaced): string {
  const [file = '', ...more] = new Set(files.map(({ piece }) => piece.file));
  const named = `${file}${more.length === 0 ? '' : ` and ${more.length} more`}`;
  return kind === 'content' ? `${named} was replaced by other content` : `its original files are gone, and ${named} is new`;
}

function factsOf(target: RunRef, { files: [first] }: Replaced): { readonly run: string; readonly file: string } {
  return { run: runLabel(target), file: first?.piece.file ?? '' };
}

/** Returns the time of the last delivered event, in seconds, and whether an event reported that the run failed. */
function lastOf(facts: readonly Delivered[]): { readonly last: number | undefined; readonly hasFailed: boolean } {
  const last = facts.reduce((latest, { lastWallTime }) => Math.max(latest, lastWallTime ?? latest), Number.NEGATIVE_INFINITY);
  return { last: Number.isFinite(last) ? last : undefined, hasFailed: facts.some((fact) => fact.hasFailed) };
}

/**
 * Returns the name of the run in the tracker. A replacement has another name than the tracker run that it replaces.
 */
function nameOf({ name, rebuilt = 0 }: Opened): string {
  return rebuilt === 0 ? name : `${name} (${rebuilt + 1})`;
}
