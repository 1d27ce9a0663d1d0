/** Plans a backfill: reads the same places, and changes nothing. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { LOCAL_CAPABILITIES, openStore, type StoreReader } from '../backends/local/index.ts';
import type { KnownRoot, KnownRun } from '../contract/index.ts';
import {
  ALL_RUNS,
  type FoundFile,
  type FoundRun,
  globsOf,
  isKnownTo,
  type RootRequest,
  type RunRules,
  readOnce,
  resolveRoots,
  unseenRoots,
  type WalkObstacle,
} from '../discover/index.ts';
import type { TrackerLaneOptions } from '../lanes/index.ts';
import { bytesAhead, changedMsOf, type FileState, isPending, pendingGapBytes, type RunRef } from '../model/index.ts';
import { type Walked, walkRoots } from '../reading/index.ts';
import { RunTree } from '../route/index.ts';
import { StateFile, type StateReader } from '../state/index.ts';
import { readSnapshot } from '../status/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import { type LanePlan, type PlannedLane, type PlannedRoot, planLanes, plannedTracker } from './plan-lanes.ts';

/** The part of a run that a backfill would read. */
interface PlannedRun {
  readonly run: RunRef;
  readonly files: number;
  readonly newFiles: number;
  readonly changedFiles: number;
  readonly bytes: number;
  readonly bytesToRead: number;
  /** The bytes without incomplete ends, which wait for their writer. */
  readonly bytesBehind: number;
  /** The files that are behind. */
  readonly behind: readonly FileBehind[];
}

/** A file that a lane does not have completely. */
export interface FileBehind {
  readonly name: string;
  /** The offset of the first missing byte. */
  readonly offset: number;
  /** The time of the file's last change, by the file system. */
  readonly changedMs: number;
  /** The time of the file's last change when the lane was at its end; 0 if it never was. */
  readonly notBeforeMs: number;
}

/** The plan of a backfill. */
export interface Plan {
  /** The local store; undefined if there is none. */
  readonly store: { readonly path: string; readonly exists: boolean } | undefined;
  /** The data that at least one lane lacks. */
  readonly runs: readonly PlannedRun[];
  readonly lanes: readonly LanePlan[];
  readonly obstacles: readonly (WalkObstacle & { readonly root: string })[];
}

/** The backfill to plan. */
interface PlanRequest {
  readonly roots: readonly RootRequest[];
  readonly rules?: RunRules;
  readonly linksOf?: LinkRules;
  /** The store's path; undefined if there is no local store. */
  readonly storePath: string | undefined;
  readonly trackers?: readonly TrackerLaneOptions[];
  readonly statePath: string;
}

/** The positions up to which the files were mirrored. */
export interface KnownPositions {
  roots(): readonly KnownRoot[];
  positions(run: RunRef): Pick<KnownRun, 'files'>;
}

/** Plans a backfill; changes nothing. */
export async function planBackfill({ roots, rules = ALL_RUNS, linksOf, storePath, trackers = [], statePath }: PlanRequest): Promise<Plan> {
  const exists = storePath !== undefined && existsSync(storePath);
  const reader = exists ? openStore(storePath) : undefined;
  const state = trackers.length > 0 && existsSync(statePath) ? StateFile.openForReading(statePath) : undefined;
  try {
    const [first] = trackers;
    const lane = storePath === undefined && first !== undefined ? state?.lane(first.name, first.target) : undefined;
    const byState = { roots: () => state?.roots() ?? [], positions: (run: RunRef) => lane?.known(run) ?? { files: [] } };
    const held = reader ?? byState;
    const found: PlannedRoot[] = [];
    const tree = new RunTree();
    const obstacles: Plan['obstacles'][number][] = [];
    const resolved = resolveRoots(roots, held.roots(), linksOf, await unseenRoots(roots));
    const walks = await walkRoots(
      resolved.map((root) => ({ root: root.path, below: root.below, links: root.links, ...globsOf(rules, root) })),
    );
    for (const [i, { name, path, links }] of resolved.entries()) {
      const walked = readOnce(walks[i] as Walked, isKnownTo(held, name));
      for (const obstacle of walked.obstacles) obstacles.push({ ...obstacle, root: name });
      for (const run of walked.runs) tree.add({ root: name, path: run.path });
      found.push({ name, place: { path, links }, runs: walked.runs });
    }
    const lanes = [
      ...(storePath === undefined ? [] : [plannedStore(storePath, reader, state)]),
      ...trackers.map((tracker) => plannedTracker(tracker, state?.lane(tracker.name, tracker.target), tree)),
    ];
    return {
      store: storePath === undefined ? undefined : { path: storePath, exists },
      runs: found.flatMap(({ name, runs }) => planRuns(name, runs, leastOf(lanes))),
      lanes: await planLanes(found, lanes),
      obstacles,
    };
  } finally {
    reader?.close();
    state?.close();
  }
}

function plannedStore(where: string, reader: StoreReader | undefined, state: StateReader | undefined): PlannedLane {
  return {
    name: 'local',
    type: 'local',
    where,
    capabilities: LOCAL_CAPABILITIES,
    snapshot: readSnapshot(state?.lane('local', resolve(where)).snapshot()),
    files: (run) => reader?.positions(run).files ?? [],
    catalogue: (run) => reader?.catalogue(run) ?? [],
    route: (run, states) => ({ target: run, isOpen: states.length > 0, every: () => 1 }),
  };
}

/**
 * Returns the lowest position of each file of a run over all lanes: a backfill reads everything that any lane lacks.
 */
function leastOf(lanes: readonly PlannedLane[]): Pick<KnownPositions, 'positions'> {
  return {
    positions(run) {
      const known = lanes.map((lane) => ({ lane, files: lane.files(run) }));
      const meant = known.filter(({ lane, files }) => lane.route(run, files) !== undefined);
      // A run that no lane gets is not read: its state does not change.
      const [first, ...others] = (meant.length > 0 ? meant : known).map(({ files }) => new Map(files.map((file) => [file.name, file])));
      const files = [...(first?.values() ?? [])].flatMap((file) => {
        let least: FileState | undefined = file;
        for (const other of others) least = least === undefined ? undefined : lessOf(least, other.get(file.name));
        return least === undefined ? [] : [least];
      });
      return { files };
    },
  };
}

/** Returns the lower of two positions; undefined if one of the lanes does not know the file. */
function lessOf(one: FileState, other: FileState | undefined): FileState | undefined {
  return other === undefined || other.position.watermark < one.position.watermark ? other : one;
}

/** Returns the pending data of the found runs in a lane. */
export function planRuns(root: string, found: readonly FoundRun[], held: Pick<KnownPositions, 'positions'>): PlannedRun[] {
  return found.map(({ path, files }) => {
    const run = { root, path };
    const states = new Map(held.positions(run).files.map((state) => [state.name, state]));
    const ahead = files.map(({ name, size, stamp }) => bytesAhead(states.get(name), size, stamp));
    const bytesBehind = files.map((file, i) => behindBy(ahead[i] ?? 0, file, states.get(file.name)));
    return {
      run,
      files: files.length,
      newFiles: files.filter(({ name }) => !states.has(name)).length,
      changedFiles: files.filter(({ name }, i) => states.has(name) && ahead[i] !== 0).length,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      bytesToRead: ahead.reduce((sum, bytes) => sum + bytes, 0),
      bytesBehind: bytesBehind.reduce((sum, bytes) => sum + bytes, 0),
      behind: files.flatMap((file, i) => (bytesBehind[i] === 0 ? [] : [fileBehind(file, states.get(file.name))])),
    };
  });
}

function behindBy(ahead: number, file: FoundFile, state: FileState | undefined): number {
  return Math.max(0, ahead - waitingBytes(file, state)) + (state === undefined ? 0 : pendingGapBytes(state));
}

function fileBehind({ name, size, stamp }: FoundFile, state: FileState | undefined): FileBehind {
  const { position: { watermark, gaps } = { watermark: 0, gaps: [] } } = state ?? {};
  const first = gaps.find(({ reason }) => reason !== 'damage')?.start ?? watermark;
  return {
    name,
    offset: size < watermark ? 0 : Math.min(first, watermark),
    changedMs: changedMsOf(stamp),
    notBeforeMs: state === undefined || state.size !== watermark ? 0 : changedMsOf(state.stamp),
  };
}

/** Returns the pending bytes of a last record that was incomplete or could not be read at the last check. */
function waitingBytes({ size }: FoundFile, state: FileState | undefined): number {
  const watermark = state?.position.watermark ?? 0;
  if (state === undefined || size < watermark) return 0;
  const end = state.damage.reduce(
    (last, damage) => (isPending(damage) || damage.reason === 'unreadable' ? Math.max(last, damage.end) : last),
    watermark,
  );
  return Math.min(size, end) - watermark;
}
