/**
 * Makes the report of `status`: the data of each lane, the pending data in the files, and the last report of a
 * running watch.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { openStore, type StoreReader } from '../backends/local/index.ts';
import type { Handle, KnownRun } from '../contract/index.ts';
import {
  ALL_RUNS,
  type FoundRun,
  filterOf,
  globsOf,
  isHidden,
  isKnownTo,
  type RunFilter,
  type RunRules,
  readOnce,
  silentRoots,
  type WalkObstacle,
} from '../discover/index.ts';
import { LaneNames, linkTo } from '../lanes/index.ts';
import { isRootPaused, isWholePaused, type RunRef } from '../model/index.ts';
import { isNothingAt, isThere } from '../moves/index.ts';
import { type Walked, walkRoots } from '../reading/index.ts';
import { realPath } from '../real-path.ts';
import { isFresh, StateFile, type StateReader } from '../state/index.ts';
import { type FoundDamage, type LanePosture, type LaneSnapshot, readSnapshot, type Silence } from '../status/index.ts';
import { DEFAULT_LINKS, directoryOf, type LinkRules, type RootDirectory } from '../untrusted/index.ts';
import { oldestMs } from './oldest-point.ts';
import { type KnownPositions, planRuns } from './plan.ts';

/** The content of `status`. */
export interface StatusReport {
  /** The time of the report, by the wall clock. */
  readonly nowMs: number;
  /** The lanes: the local store first, if there is one. */
  readonly lanes: readonly LanePosture[];
  readonly watch: { readonly isRunning: boolean; readonly writtenAtMs: number; readonly document: Record<string, unknown> } | undefined;
  readonly roots: readonly RootPosture[];
  /** The places in the roots that do not answer now, and since when, by the wall clock. */
  readonly notAnswering: readonly Silence[];
  readonly damage: readonly FoundDamage[];
  /** Directories, and entries of them, that cannot be checked. */
  readonly obstacles: readonly (WalkObstacle & { readonly root: string })[];
  /** The links that are not followed. */
  readonly left: readonly (WalkObstacle & { readonly root: string })[];
}

/** The state of a root. */
interface RootPosture {
  readonly name: string;
  readonly path: string;
  readonly isMissing: boolean;
  /** True if it exists without any of its files: its file system may not be mounted. */
  readonly isEmptied: boolean;
  /** True if its file system does not answer: it is unknown if the root exists. */
  readonly isSilent: boolean;
  readonly runs: number;
  readonly files: number;
  /** The files that are gone: their mirrored data is kept. */
  readonly filesGone: number;
  /**
   * The files that exist and do not belong to a run (names of transfers, other names of a file): an older version
   * mirrored them, or they were mirrored before a setting.
   */
  readonly filesPassedOver: number;
  /** The points in the local store, or else those that the first tracker accepted. */
  readonly points: number;
}

/** The inputs of a status report. */
interface StatusRequest {
  /** The path of the store; undefined if nothing is mirrored into a local store. */
  readonly storePath: string | undefined;
  readonly trackers: readonly {
    readonly name: string;
    readonly type: string;
    readonly target: string;
    /** Returns the address of a tracker run for a person. Default: no links. */
    readonly linkOf?: (handle: Handle) => string | undefined;
  }[];
  readonly statePath: string;
  /** The rules that select the runs. Default: all. */
  readonly rules?: RunRules;
  /** The rule for links below each root. Default: `owner`. */
  readonly linksOf?: LinkRules;
  readonly nowMs: number;
}

/** One lane's knowledge of the mirrored data. */
interface Held extends KnownPositions {
  positions(run: RunRef): Pick<KnownRun, 'files' | 'points'>;
  readonly facts: Pick<
    LanePosture,
    'name' | 'type' | 'where' | 'points' | 'refused' | 'unsupported' | 'refusedFiles' | 'unsupportedFiles' | 'runsReplaced'
  >;
  rootPosture(name: string, path: string, isSilent: boolean): Posture;
  knownFiles(root: string): Iterable<{ readonly run: string; readonly name: string }>;
  /** True if the lane should have a run. */
  isMeant(run: RunRef): boolean;
  files(): LanePosture['files'];
  links(): LanePosture['links'];
  snapshot(): LaneSnapshot | undefined;
  pauses(): LanePosture['pauses'];
  damage(root: string): FoundDamage[];
}

/** Makes the status from store, state and files; changes nothing. */
export async function statusReport({
  storePath,
  trackers,
  statePath,
  nowMs,
  rules = ALL_RUNS,
  linksOf = () => DEFAULT_LINKS,
}: StatusRequest): Promise<StatusReport> {
  const store = storePath === undefined || (trackers.length > 0 && !existsSync(storePath)) ? undefined : openStore(storePath);
  const state = existsSync(statePath) ? StateFile.openForReading(statePath) : undefined;
  try {
    const sums = trackers.length === 0 ? [] : (state?.summary().lanes ?? []);
    const held: Held[] = [
      ...(store === undefined || storePath === undefined ? [] : [heldByStore(store, storePath, state)]),
      ...trackers.map((tracker) => heldByState(state, sums, tracker)),
    ];
    const [lead] = held;
    const asked = lead?.roots() ?? [];
    const silent = await silentRoots(asked);
    const known = asked.flatMap(({ name, path }) => (lead === undefined ? [] : [lead.rootPosture(name, path, silent.has(path))]));
    const notAnswering: StatusReport['notAnswering'][number][] = [];
    const looked = known.filter(({ path, isMissing, isSilent }) => !isMissing && !isSilent && !isNothingAt(path));
    const walks = await walkRoots(looked.map((root) => ({ root: root.path, links: linksOf(root.path), ...globsOf(rules, root) })));
    const found = looked.map(({ name, path }, i): FoundRoot => {
      const { silent, ...walked } = walks[i] as Walked;
      for (const [hung, sinceMs] of silent) notAnswering.push({ root: name, path: hung, sinceMs });
      const { runs, obstacles } = readOnce(walked, lead === undefined ? () => false : isKnownTo(lead, name));
      const filter = filterOf(rules, { name, path });
      const isBare = runs.length === 0 && obstacles.length === 0;
      const isEmpty = isBare && (filter === undefined || hasLostAll(path, lead?.knownFiles(name) ?? [], filter));
      return { name, runs, obstacles, filter, isEmpty, place: { path, links: linksOf(path) } };
    });
    for (const { name, path, isSilent } of known) if (isSilent) notAnswering.push({ root: name, path, sinceMs: nowMs });
    const foundByName = new Map(found.map((root) => [root.name, root]));
    const roots = known.map((root): RootPosture => {
      const there = foundByName.get(root.name);
      return { ...root, isEmptied: root.files > 0 && there?.isEmpty === true, ...notFound(root, lead?.knownFiles(root.name) ?? [], there) };
    });
    const met = found.flatMap(({ name, obstacles }) => obstacles.map((obstacle) => ({ ...obstacle, root: name })));
    const isLive = (writtenMs: number): boolean => isFresh(statePath, writtenMs, nowMs);
    const lanes: LanePosture[] = [];
    for (const lane of held) lanes.push(await posture(lane, found, nowMs, isLive));
    const watch = watchOf(
      state,
      held.map(({ facts }) => facts),
      isLive,
    );
    return {
      nowMs,
      lanes: lanes.map((lane) => (lane.snapshot === undefined && watch !== undefined ? withWord(lane, watch) : lane)),
      watch,
      roots,
      notAnswering,
      damage: roots.flatMap(({ name }) => stillThere(lead?.damage(name) ?? [], foundByName.get(name))),
      obstacles: met.filter(({ isLeft }) => isLeft !== true),
      left: met.filter(({ isLeft }) => isLeft === true),
    };
  } finally {
    store?.close();
    state?.close();
  }
}

interface FoundRoot {
  readonly name: string;
  readonly place: RootDirectory;
  readonly runs: readonly FoundRun[];
  readonly obstacles: readonly WalkObstacle[];
  readonly filter: RunFilter | undefined;
  /** True if none of the runs that the globs include exists, at least none of the mirrored ones. */
  readonly isEmpty: boolean;
}

/** True if there are known, included files, and none of them exists. */
function hasLostAll(rootPath: string, known: Iterable<{ readonly run: string; readonly name: string }>, filter: RunFilter): boolean {
  let isAny = false;
  for (const { run, name } of known) {
    if (!filter.accepts(run)) continue;
    if (isThere(rootPath, run, name)) return false;
    isAny = true;
  }
  return isAny;
}

/**
 * Counts the known files that were not found, and those of them that exist nevertheless. A file below an unreadable
 * directory does not count as deleted.
 */
function notFound(
  { path: rootPath }: Pick<RootPosture, 'path'>,
  known: Iterable<{ readonly run: string; readonly name: string }>,
  found: FoundRoot | undefined,
): Pick<RootPosture, 'filesGone' | 'filesPassedOver'> {
  let [filesGone, filesPassedOver] = [0, 0];
  if (found === undefined) return { filesGone, filesPassedOver };
  const there = new Map(found.runs.map(({ path, files }) => [path, new Set(files.map(({ name }) => name))]));
  const hidden = new Set(found.obstacles.map(({ path }) => path));
  for (const { run, name } of known) {
    if (there.get(run)?.has(name) === true || found.filter?.accepts(run) === false) continue;
    // A file that could not be checked may hang.
    if (isHidden(run, name, hidden)) continue;
    if (isThere(rootPath, run, name)) filesPassedOver++;
    else filesGone++;
  }
  return { filesGone, filesPassedOver };
}

/** Leaves out damage of files that could not be read and have disappeared since. */
function stillThere(damage: readonly FoundDamage[], found: FoundRoot | undefined): readonly FoundDamage[] {
  if (found === undefined || found.isEmpty || found.obstacles.length > 0) return damage;
  const files = new Map(found.runs.map((run) => [run.path, new Set(run.files.map(({ name }) => name))]));
  return damage.filter(({ reason, run, file }) => reason !== 'unreadable' || files.get(run.path)?.has(file) === true);
}

async function posture(
  held: Held,
  found: readonly FoundRoot[],
  nowMs: number,
  isLive: (writtenMs: number) => boolean,
): Promise<LanePosture> {
  const worth = new ByteWorth();
  const plan = found.flatMap(({ name, place, runs }) => {
    const meant = runs.filter(({ path }) => held.isMeant({ root: name, path }));
    const positions = (run: RunRef): ReturnType<Held['positions']> => worth.seen(held.positions(run));
    return planRuns(name, meant, { positions }).map((run) => ({ ...run, place: directoryOf(place, run.run.path) }));
  });
  const behind = plan.filter((run) => run.bytesBehind > 0);
  const bytes = behind.reduce((sum, run) => sum + run.bytesBehind, 0);
  const snapshot = held.snapshot();
  const isDriven = snapshot !== undefined && !snapshot.ended && isLive(snapshot.written_ms);
  const pauses = held.pauses();
  const late = behind.filter(({ run }) => !isRootPaused(pauses, run.root));
  const own = { ...held.facts, snapshot, pauses, isDriven, files: held.files(), links: held.links() };
  // The process that drives the lane knows its lag: the number is the same everywhere.
  if (isDriven) {
    return { ...own, ...lagIn(snapshot, nowMs), ...(isWholePaused(pauses) ? { lagMs: 0 } : {}), runsBehind: behind.length };
  }
  // The last process's ratio stays in use, so that the number does not change when the process ends.
  const perByte = snapshot?.points_per_byte ?? worth.perByte;
  return {
    ...own,
    lagBytes: bytes,
    lagPoints: perByte === undefined ? undefined : Math.round(bytes * perByte),
    // A paused root is not late.
    lagMs: late.length === 0 ? 0 : Math.max(0, nowMs - (await oldestMs(late, snapshot))),
    runsBehind: behind.length,
  };
}

/** The number of points per byte, from the existing runs. Missing runs have no bytes to count. */
class ByteWorth {
  #points = 0;
  #bytes = 0;

  seen<Known extends Pick<KnownRun, 'files' | 'points'>>(known: Known): Known {
    // The run's count includes the points of replaced content, whose bytes are gone.
    if (known.files.some(({ generation }) => generation > 0)) return known;
    this.#points += known.points;
    this.#bytes += known.files.reduce((sum, { position }) => sum + position.watermark, 0);
    return known;
  }

  get perByte(): number | undefined {
    return this.#bytes > 0 ? this.#points / this.#bytes : undefined;
  }
}

/** Adds a lane's running record. A record of an older version contains only the state of a lane. */
function withWord(lane: LanePosture, { document, isRunning, writtenAtMs }: NonNullable<StatusReport['watch']>): LanePosture {
  const running = laneIn(document, lane);
  if (running === undefined) return lane;
  const pid = Number(document['pid']);
  const snapshot: LaneSnapshot = {
    by: 'watch',
    pid,
    written_ms: writtenAtMs,
    ended: !isRunning,
    lane: running,
    pace: null,
    points_per_byte: null,
    behind: [],
  };
  return { ...lane, snapshot, isDriven: isRunning };
}

/** Returns the lag that the process of a lane reported, updated to now. */
function lagIn({ lane }: LaneSnapshot, nowMs: number): Pick<LanePosture, 'lagBytes' | 'lagPoints' | 'lagMs'> {
  const { lag_bytes: bytes, lag_points_estimate: points, lag_since: since } = lane;
  return {
    lagBytes: typeof bytes === 'number' ? bytes : 0,
    lagPoints: typeof points === 'number' ? points : undefined,
    lagMs: typeof since === 'string' ? Math.max(0, nowMs - Date.parse(since)) : 0,
  };
}

function heldByStore(store: StoreReader, where: string, state: StateReader | undefined): Held {
  const sums = new Map(
    store.roots().map(({ name }) => {
      const runs = store.runs(name);
      return [name, { runs: runs.length, points: runs.reduce((sum, run) => sum + run.points, 0) }];
    }),
  );
  const unread = store.unreadRoots();
  const points = [...sums.values()].reduce((sum, of) => sum + of.points, 0);
  return {
    facts: {
      name: 'local',
      type: 'local',
      where,
      points,
      refused: 0,
      unsupported: 0,
      refusedFiles: [],
      unsupportedFiles: [],
      runsReplaced: 0,
    },
    roots: () => store.roots(),
    positions: (run) => store.positions(run),
    isMeant: () => true,
    files: () => undefined,
    links: () => [],
    snapshot: () => readSnapshot(state?.lane('local', resolve(where)).snapshot()),
    pauses: () => state?.lane('local', resolve(where)).pauses() ?? [],
    rootPosture: (name, path, isSilent) =>
      postureOf(unread.has(name), {
        name,
        path,
        isSilent,
        files: store.fileCount(name, ''),
        ...(sums.get(name) ?? { runs: 0, points: 0 }),
      }),
    knownFiles: (root) => store.knownFiles(root),
    damage: (root) => store.damage(root),
  };
}

type Posture = Omit<RootPosture, 'isEmptied' | 'filesGone' | 'filesPassedOver'>;

/**
 * Returns the state of a root. A root without expected files (they were forgotten, or are elsewhere now) does not
 * count as missing, unless part of it is unread.
 */
function postureOf(isUnread: boolean, root: Omit<Posture, 'isMissing'>): Posture {
  return { ...root, isMissing: !root.isSilent && (root.files > 0 || isUnread) && isNothingAt(root.path) };
}

function heldByState(
  state: StateReader | undefined,
  sums: ReturnType<StateReader['summary']>['lanes'],
  { name, type, target, linkOf }: StatusRequest['trackers'][number],
): Held {
  const lane = state?.lane(name, target);
  const names = lane === undefined ? undefined : new LaneNames(lane);
  const own = sums.find((each) => each.name === name && each.target === target);
  let last: { readonly root: string; readonly runs: ReadonlyMap<string, KnownRun> } | undefined;
  // Reads root by root, several times the same one: all roots at once may need too much memory.
  const runsOf = (root: string): ReadonlyMap<string, KnownRun> => {
    if (last?.root !== root) {
      const runs = lane === undefined ? [] : [...lane.knownRunsOf(root)].map(([run, known]) => [run.path, known] as const);
      last = { root, runs: new Map(runs) };
    }
    return last.runs;
  };
  return {
    facts: {
      name,
      type,
      where: target,
      points: own?.points ?? 0,
      refused: own?.refused ?? 0,
      unsupported: own?.unsupported ?? 0,
      refusedFiles: lane?.refusedFiles() ?? [],
      unsupportedFiles: lane?.unsupportedFiles() ?? [],
      runsReplaced: own?.replaced ?? 0,
    },
    roots: () => state?.roots() ?? [],
    positions: (run) => runsOf(run.root).get(run.path) ?? { files: [], points: 0 },
    isMeant: (run) => names?.isOut(run) !== true,
    files: () => lane?.artifactCounts(),
    snapshot: () => readSnapshot(lane?.snapshot()),
    pauses: () => lane?.pauses() ?? [],
    links: () =>
      (linkOf === undefined ? [] : (lane?.handles() ?? [])).flatMap(([run, handle]) => {
        const url = linkTo({ link: linkOf }, handle);
        return url === undefined ? [] : [{ run, url }];
      }),
    rootPosture: (root, path, isSilent) => {
      const runs = runsOf(root);
      const points = [...runs.values()].reduce((sum, known) => sum + known.points, 0);
      return postureOf(state?.unreadRoots().has(root) === true, {
        name: root,
        path,
        isSilent,
        files: state?.fileCount(root) ?? 0,
        runs: runs.size,
        points,
      });
    },
    knownFiles: (root) => state?.knownFiles(root) ?? [],
    damage: (root) =>
      [...runsOf(root)].flatMap(([path, { files }]) =>
        files.flatMap((file) => file.damage.map((item) => ({ ...item, run: { root, path }, file: file.name }))),
      ),
  };
}

/** Returns the last report of the watch that mirrors into these lanes: a state file may have been used for others. */
function watchOf(
  state: StateReader | undefined,
  lanes: readonly Held['facts'][],
  isLive: (writtenMs: number) => boolean,
): StatusReport['watch'] {
  const status = state?.readStatus();
  if (status === undefined) return undefined;
  const document = status.document as Record<string, unknown>;
  if (!lanes.some((lane) => laneIn(document, lane) !== undefined)) return undefined;
  return {
    isRunning: document['ended'] !== true && isLive(status.writtenMs),
    writtenAtMs: status.writtenMs,
    document,
  };
}

/**
 * Returns a lane's part of a status document. Its paths are relative to the directory in which the watch was started.
 */
export function laneIn(
  { cwd, lanes }: Record<string, unknown>,
  { name, type, where }: Pick<LanePosture, 'name' | 'type' | 'where'>,
): Record<string, unknown> | undefined {
  if (!Array.isArray(lanes)) return undefined;
  const isSame = (other: string): boolean =>
    type === 'local' ? realPath(resolve(typeof cwd === 'string' ? cwd : '', other)) === realPath(where) : other === where;
  return lanes.find((lane) => lane.name === name && isSame(String(lane.where)));
}
