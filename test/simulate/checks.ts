// What must be true at the end of a history, and whenever it is asked.
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StateFile } from '../../src/state/index.ts';
import type { WatchStatus } from '../../src/status/index.ts';
import { differencesOf, type Verification } from '../../src/verify/compare/index.ts';
import { pathOf, ROOTS } from './roots.ts';
import { placeKey, type TrackerServer, targetOf } from './tracker-server.ts';
import type { Truth, WrittenPoint } from './truth.ts';
import type { Tree } from './virtual-files.ts';
import type { World } from './world.ts';

interface Checked {
  readonly world: World;
  readonly tree: Tree;
  readonly truth: Truth;
  readonly servers: readonly TrackerServer[];
  readonly statePath: string;
  readonly storePath: string | undefined;
}

/** A point that must be in every lane now. */
interface Expected {
  readonly root: string;
  readonly run: string;
  readonly file: string;
  readonly offset: number;
  readonly index: number;
  readonly checksum: number;
  readonly point: WrittenPoint;
}

/** Compares lanes with the truth. */
export class Checks {
  readonly #in: Checked;

  constructor(checked: Checked) {
    this.#in = checked;
  }

  /** All points that can be read now. */
  expected(): Expected[] {
    const { tree, truth } = this.#in;
    const all: Expected[] = [];
    for (const { root, run, name, node } of truth.files(tree)) {
      for (const { offset, checksum, points } of truth.readable(node)) {
        for (const [index, point] of points.entries()) all.push({ root, run, file: name, offset, index, checksum, point });
      }
    }
    return all;
  }

  /** No position is ahead of what its tracker has. Asked when a life was killed: that is what the next one believes. */
  positions(): void {
    const { world, tree, truth, servers, statePath } = this.#in;
    if (servers.length === 0 || !existsSync(statePath)) return;
    const state = StateFile.openForReading(statePath);
    try {
      for (const server of servers) {
        const lane = state.lane(server.name, targetOf(server));
        if (lane === undefined) continue;
        const held = heldBy(server);
        for (const { root, run, name, node } of truth.files(tree)) {
          if (!truth.content(node).isPlain) continue;
          const position = lane.knownFile({ root, path: run }, name)?.position;
          if (position === undefined) continue;
          for (const { offset, end, checksum, points } of truth.readable(node)) {
            if (end > position.watermark || position.gaps.some((gap) => gap.start < end && offset < gap.end)) continue;
            const all = points.entries().map(([index, point]) => ({ root, run, file: name, offset, index, checksum, point }));
            for (const owed of owedTo(server, [...all])) {
              if (!held.has(placeKey(owed)) && !mayLack(server, owed))
                world.bug(`the position in ${run}/${name} is ahead of what ${server.name} has: it lacks byte ${offset}`);
            }
          }
        }
      }
    } finally {
      state.close();
    }
  }

  /** While files only grow, a run has one tracker run, whatever becomes of processes and answers. */
  oneRunEach(losesState: boolean): void {
    const { world, servers } = this.#in;
    for (const server of servers) {
      // Only the state knows the runs of an old version.
      if (losesState && server.traits.isOld) continue;
      const filled = [...server.runs.values()].filter(({ points }) => points.size > 0);
      for (const [, runs] of Map.groupBy(filled, ({ key }) => key)) {
        if (runs.length > 1) world.bug(`${server.name} has several runs for one: ${runs.map(({ id }) => id).join(', ')}`);
      }
    }
  }

  /** True if the status says that everything is well. */
  isSilentAbout(status: WatchStatus | undefined): boolean {
    if (status?.isReady !== true) return false;
    const isBehind = status.lanes.some((lane) => lane.lagBytes > 0 || lane.state !== 'active' || lane.stoppedRuns.size > 0);
    const { damage, incidents } = status.document() as { readonly damage: readonly unknown[]; readonly incidents: readonly unknown[] };
    return !isBehind && damage.length === 0 && incidents.length === 0;
  }

  /** What has not arrived yet, or is said to be wrong; of all lanes but one. */
  missing(status: WatchStatus | undefined, except?: string): string[] {
    const { servers } = this.#in;
    if (status === undefined) return ['the service does not run'];
    if (!status.isReady) return ['the roots were not scanned'];
    const missing: string[] = [];
    for (const lane of status.lanes) {
      if (lane.name === except) continue;
      if (lane.lagBytes > 0) missing.push(`${lane.name} is behind by ${lane.lagBytes} bytes`);
      if (lane.state !== 'active') missing.push(`${lane.name} is ${lane.state}: ${lane.lastError?.message ?? ''}`);
      for (const { run, reason } of lane.stoppedRuns.values()) missing.push(`${lane.name} has stopped ${run.path}: ${reason}`);
    }
    const expected = this.expected();
    for (const server of servers) {
      if (server.name === except) continue;
      const held = heldBy(server);
      for (const each of owedTo(server, expected)) {
        if (!held.has(placeKey(each)) && !mayLack(server, each)) missing.push(`${server.name} does not have ${wordsOf(each)}`);
      }
    }
    if (missing.length > 0) return missing;
    return [...this.#outsideTheirRuns(expected, except), ...this.#storeFaults(expected)];
  }

  /** What is not there yet, apart from files that are out of reach. */
  missingBut(isApart: (path: string) => boolean): string[] {
    const expected = this.expected().filter(({ root, run, file }) => !isApart(pathOf(root, run, file)));
    const lacking = this.#in.servers.flatMap((server) => {
      const held = heldBy(server);
      const points = owedTo(server, expected).filter((each) => !held.has(placeKey(each)) && !mayLack(server, each));
      return points.map((each) => `${server.name} does not have ${wordsOf(each)}`);
    });
    return [...lacking, ...this.#storeFaults(expected)];
  }

  /** Compares each tracker run with its files, and the store, once nothing is under way. */
  exact(): void {
    const { world } = this.#in;
    const expected = this.expected();
    for (const fault of [...this.#outsideTheirRuns(expected), ...this.#storeFaults(expected)]) world.bug(fault);
  }

  /** Points that are not in the tracker run that the state names: a former one may have them. */
  #outsideTheirRuns(expected: readonly Expected[], except?: string): string[] {
    const { servers, statePath } = this.#in;
    const state = StateFile.openForReading(statePath);
    const faults: string[] = [];
    try {
      for (const server of servers) {
        if (server.name === except) continue;
        const lane = state.lane(server.name, targetOf(server));
        const byRun = Map.groupBy(owedTo(server, expected), ({ root, run }) => JSON.stringify([root, run]));
        for (const [ref, points] of byRun) {
          const [root, path] = JSON.parse(ref) as [string, string];
          const handle = lane?.handle({ root, path });
          const run = handle === undefined ? undefined : server.runs.get(handle);
          if (run === undefined) {
            faults.push(`${server.name} has no run for ${path}`);
            continue;
          }
          const held = new Set([...run.points.values()].map(placeKey));
          for (const each of points) {
            if (!held.has(placeKey(each)) && !server.mayLack(run, each.point)) faults.push(`${run.id} does not have ${wordsOf(each)}`);
          }
        }
      }
    } finally {
      state.close();
    }
    return faults;
  }

  /** What the store has too few or too many times. */
  #storeFaults(expected: readonly Expected[]): string[] {
    const { storePath } = this.#in;
    if (storePath === undefined) return [];
    const faults: string[] = [];
    const db = new DatabaseSync(storePath, { readOnly: true });
    try {
      const times = new Map<string, number>();
      for (const row of db.prepare('SELECT root, run, file, tag, step, wall_time, value FROM scalars').iterate()) {
        const key = JSON.stringify([row['root'], row['run'], row['file'], row['tag'], row['step'], row['wall_time'], row['value']]);
        times.set(key, (times.get(key) ?? 0) + 1);
      }
      for (const each of expected) {
        const { tag, step, wallTime, value } = each.point;
        if (value === undefined) continue;
        const count = times.get(JSON.stringify([each.root, each.run, each.file, tag, step, wallTime, value])) ?? 0;
        if (count === 0) faults.push(`the store does not have ${wordsOf(each)}`);
      }
      for (const [key, count] of times) {
        if (count !== 1) faults.push(`the store has ${key} ${count} times`);
        if (!key.includes('"events.out.tfevents')) faults.push(`the store has a point of a file that is no event file: ${key}`);
      }
    } finally {
      db.close();
    }
    return faults;
  }

  /**
   * What `verify` found must be nothing. `mayHaveExtra`: points of a file that is gone may be in a tracker though the
   * state never learned of the file: it could not be written, or the process was killed before.
   */
  verified(verifications: readonly Verification[], mayHaveExtra: boolean): void {
    const { world, servers } = this.#in;
    const expected = this.expected();
    for (const { lane, runs, obstacles } of verifications) {
      const server = servers.find(({ name }) => name === lane);
      const owed = server === undefined ? expected : owedTo(server, expected);
      if (server?.traits.isOld === true) {
        if (expected.length > 0 && obstacles.length === 0) world.bug(`verify of ${lane} compared what cannot be read`);
        continue;
      }
      for (const { what, reason } of obstacles) {
        // Nothing is wrong with a root that has nothing for the lane.
        if (ROOTS.some(({ name, path }) => path === what && !owed.some(({ root }) => root === name))) continue;
        // A link whose target was removed is there, and wrong.
        if (expected.length > 0 && !reason.includes('broken link')) world.bug(`verify of ${lane}: ${what}: ${reason}`);
      }
      for (const run of runs) {
        const differences = differencesOf(run) - (mayHaveExtra ? run.extra : 0);
        if (differences > 0) world.bug(`verify of ${lane} found ${differences} differences in ${run.run.path}: ${JSON.stringify(run)}`);
      }
      if (server === undefined || mayHaveExtra) continue;
      const held = heldBy(server);
      const lacking = owed.filter((each) => !held.has(placeKey(each))).length;
      const refused = runs.reduce((sum, run) => sum + run.refused, 0);
      if (refused !== lacking) world.bug(`verify of ${lane} says that ${refused} points were refused, and ${lacking} are not there`);
    }
  }
}

/** What a lane should have of some points, under its own names. */
function owedTo({ rules }: TrackerServer, points: readonly Expected[]): Expected[] {
  return points.flatMap((each) => {
    if (!rules.hasRun(each.run) || !rules.isMeant(each.point)) return [];
    const place = rules.placeOf(each.run, each.file);
    return [{ ...each, ...place, point: { ...each.point, tag: rules.nameOf(each.point.tag, place.file) } }];
  });
}

/** True if a tracker may lack a point, because it never takes it. */
function mayLack(server: TrackerServer, { point }: Pick<Expected, 'point'>): boolean {
  return server.traits.refuses !== 'nothing' && server.runs.values().some((run) => server.mayLack(run, point));
}

/** All points of a tracker, by their place. */
function heldBy(server: TrackerServer): Set<string> {
  const held = new Set<string>();
  for (const { points } of server.runs.values()) for (const point of points.values()) held.add(placeKey(point));
  return held;
}

function wordsOf({ run, file, offset, index, point }: Expected): string {
  return `${point.tag} at step ${point.step}, ${point.value ?? 'a text'}, of ${run}/${file} at byte ${offset}, value ${index}`;
}
