import { type Clock, systemClock } from '../clock.ts';
import type { KnownRun, Parcel, Refusal } from '../contract/index.ts';
import {
  changedMsOf,
  type Damage,
  type DamageReason,
  type FileState,
  filePathOf,
  isPending,
  lastStepOf,
  pendingGapBytes,
  type RunRef,
  runLabel,
  type Series,
} from '../model/index.ts';
import type { FactLog } from './fact-log.ts';
import type { LaneProgress } from './lane-progress.ts';
import type { FoundDamage, Incident, LiveFacts, Progress, Report, RunReport } from './progress.ts';
import type { Silence } from './watch-status.ts';

/** The found files of a run, and what is already known of it. */
export interface RunAhead {
  readonly run: RunRef;
  readonly files: readonly { readonly name: string; readonly size: number; readonly stamp?: string }[];
  readonly known: KnownRun;
}

/** The counts of a run. They are small: there can be tens of thousands. */
interface RunTally {
  readonly run: RunRef;
  readonly files: number;
  tags: number;
  pointsBefore: number;
  /** The plugins of series that are not scalars, by number; undefined while there are none. */
  plugins: Map<number, string> | undefined;
  newScalars: number;
  /** New points of other kinds; undefined while there are none. */
  newOthers: Map<string, number> | undefined;
  /** The unreadable places, by file; undefined while there are none. */
  damage: Map<string, readonly Damage[]> | undefined;
  bytes: number;
  lastStep: number | bigint | null;
}

/** Counts what happens in a pass: the one source of the display and the summary. */
export class PassCounters implements Progress {
  phase: Progress['phase'] = 'scanning';
  readonly startedAtMs: number;
  runs = { total: 0, done: 0 };
  files = { total: 0, done: 0 };
  bytes = { total: 0, read: 0, alreadyThere: 0 };
  points = 0;
  records = 0;
  damaged = 0;
  current = '';
  lanes: readonly LaneProgress[] = [];
  hasStore = false;
  /** Counts the lag of the local store, file by file; undefined if it is not requested. */
  storeLane: LaneProgress | undefined;
  /** Damaged places that no earlier pass knew, by the reason. */
  readonly #damageFound = new Map<DamageReason, number>();
  /** By root and path: a key of both would be one more text for each run. */
  readonly #runs = new Map<string, Map<string, RunTally>>();
  readonly #incidents: Incident[] = [];
  readonly #silences = new Map<string, Silence>();
  readonly #clock: Clock;
  readonly #log: FactLog | undefined;
  #filesUnchanged = 0;
  #filesGone = 0;
  #bytesNew = 0;
  /** Bytes of `bytes.read` that were only searched yet: a batch that comes counts them as its own. */
  #searched = 0;

  constructor({ clock = systemClock, log }: { readonly clock?: Clock; readonly log?: FactLog | undefined } = {}) {
    this.#clock = clock;
    this.#log = log;
    this.startedAtMs = clock.steadyMs();
  }

  runFound(files: readonly { readonly size: number }[]): void {
    this.runs.total++;
    this.files.total += files.length;
    for (const file of files) this.bytes.total += file.size;
  }

  runStarted(ahead: RunAhead): void {
    this.#log?.debug(
      { root: ahead.run.root, run: ahead.run.path, files: ahead.files.length, pointsBefore: ahead.known.points },
      'run opened',
    );
    let ofRoot = this.#runs.get(ahead.run.root);
    if (ofRoot === undefined) {
      ofRoot = new Map();
      this.#runs.set(ahead.run.root, ofRoot);
    }
    ofRoot.set(ahead.run.path, {
      run: ahead.run,
      files: ahead.files.length,
      plugins: undefined,
      newScalars: 0,
      newOthers: undefined,
      damage: damageOf(ahead.known.files),
      tags: ahead.known.tags,
      bytes: 0,
      lastStep: ahead.known.lastStep,
      pointsBefore: ahead.known.points,
    });
    if (this.storeLane !== undefined) beginFiles(this.storeLane, ahead);
  }

  /** Notes the series of a run that is read further: they give the kinds of its points. */
  catalogueRead(run: RunRef, series: readonly Series[]): void {
    const tally = this.#tallyOf(run);
    if (tally !== undefined) for (const each of series) noteSeries(tally, each);
  }

  /** Counts a file that has not changed since it was read. */
  fileUnchanged(size: number): void {
    this.files.done++;
    this.#filesUnchanged++;
    this.bytes.alreadyThere += size;
    this.bytes.read += size;
  }

  incident(incident: Incident): void {
    this.#log?.warn({ ...incident }, 'incident');
    this.#incidents.push(incident);
  }

  /** Reports something below a root that could not be checked, or is left out. */
  obstacleMet(root: string, { path, reason, isLeft }: { readonly path: string; readonly reason: string; readonly isLeft?: boolean }): void {
    this.incident({ kind: isLeft === true ? 'link' : 'folder', root, path, reason });
  }

  /** Reports at once that something does not answer. The summary repeats it if it still does not. */
  fellSilent({ root, path, sinceMs }: Silence): void {
    if (!this.#silences.has(path)) this.#log?.warn({ root, path, since: new Date(sinceMs).toISOString() }, 'does not answer');
    this.#silences.set(path, { root, path, sinceMs });
  }

  answersAgain({ path }: Pick<Silence, 'path'>): void {
    if (this.#silences.delete(path)) this.#log?.info({ path }, 'answers again');
  }

  get silences(): readonly Silence[] {
    return [...this.#silences.values()];
  }

  fileDone(run: RunRef, file: string, outcome: 'read' | Incident['kind'], reason?: string): void {
    this.fileSearched(0);
    this.files.done++;
    this.current = runLabel(run);
    if (outcome === 'unreadable' || outcome === 'vanished') this.storeLane?.fileForgotten(run, file);
    if (outcome !== 'read') {
      this.incident({ kind: outcome, root: run.root, path: filePathOf(run.path, file), ...(reason === undefined ? {} : { reason }) });
    }
  }

  /**
   * Counts bytes after the mirrored part of a file that were checked without finding a record: this is progress, too.
   */
  fileSearched(bytes: number): void {
    this.bytes.read += bytes - this.#searched;
    this.#searched = bytes;
  }

  /** Notes how many files below the walked roots are mirrored: those not found among them are gone. */
  filesHeld(count: number): void {
    this.#filesGone = Math.max(0, count - this.files.done);
  }

  /** Counts known files of a root that were not found in it. */
  filesMissing(count: number): void {
    this.#filesGone += count;
  }

  /** Notes the points of a run after a file of it was replaced: it has fewer points than before. */
  runRecounted(run: RunRef, points: number): void {
    const tally = this.#tallyOf(run);
    if (tally === undefined) return;
    let added = tally.newScalars;
    for (const count of tally.newOthers?.values() ?? []) added += count;
    tally.pointsBefore = Math.max(0, points - added);
  }

  runDone(): void {
    this.runs.done++;
  }

  /** Counts an accepted parcel. `refusals`: points of the parcel that were not stored, and do not count as new. */
  parcelAccepted(parcel: Parcel, points: number, refusals: readonly Refusal[] = []): void {
    const { batch, state } = parcel;
    this.storeLane?.parcelAccepted(parcel, points, refusals);
    const tally = this.#tallyOf(batch.run);
    if (tally === undefined) return;
    for (const series of batch.newSeries) noteSeries(tally, series);
    tally.tags += batch.newSeries.length;
    const { scalars, objects } = batch;
    const refused = new Set(refusals.map(({ offset, index }) => `${offset}/${index}`));
    for (const { series, offset, index } of objects) {
      if (refused.delete(`${offset}/${index}`)) continue;
      const plugin = tally.plugins?.get(series) ?? 'scalars';
      if (plugin === 'scalars') tally.newScalars++;
      else {
        tally.newOthers ??= new Map();
        count(tally.newOthers, plugin || 'other', 1);
      }
    }
    // The refused points are removed here: what is left is scalars.
    tally.newScalars += Math.max(0, scalars.count - refused.size);
    const lastStep = lastStepOf(batch);
    if (lastStep !== null && (tally.lastStep === null || lastStep > tally.lastStep)) tally.lastStep = lastStep;
    this.#noteDamage(tally, state);
    this.fileSearched(0);
    const bytes = batch.end - batch.start;
    tally.bytes += bytes;
    this.bytes.read += bytes;
    this.#bytesNew += bytes;
    this.points += points;
    this.records += batch.records;
    this.#log?.debug({ root: batch.run.root, run: batch.run.path, file: batch.file, offset: batch.start, bytes, points }, 'batch accepted');
  }

  #tallyOf({ root, path }: RunRef): RunTally | undefined {
    return this.#runs.get(root)?.get(path);
  }

  *#tallies(): Generator<RunTally, void, void> {
    for (const ofRoot of this.#runs.values()) yield* ofRoot.values();
  }

  #noteDamage(tally: RunTally, { name, damage }: FileState): void {
    const known = tally.damage?.get(name) ?? [];
    this.damaged += lasting(damage).length - lasting(known).length;
    const starts = new Set(known.map(({ start }) => start));
    for (const item of lasting(damage)) {
      if (starts.has(item.start)) continue;
      count(this.#damageFound, item.reason, 1);
      this.#log?.warn({ root: tally.run.root, run: tally.run.path, file: name, ...item }, 'damage found');
    }
    if (damage.length > 0) {
      tally.damage ??= new Map();
      tally.damage.set(name, damage);
    } else {
      tally.damage?.delete(name);
    }
  }

  /** Returns the facts that a watch would report about lanes and files. */
  facts(): LiveFacts {
    const places = new Map<DamageReason, number>();
    let damagedFiles = 0;
    for (const { damage } of this.#tallies()) {
      for (const items of damage?.values() ?? []) {
        damagedFiles += Number(lasting(items).length > 0);
        for (const { reason } of items) count(places, reason, 1);
      }
    }
    const incidentCounts = new Map<Incident['kind'], number>();
    for (const { kind } of this.#incidents) count(incidentCounts, kind, 1);
    const { storeLane, lanes, silences } = this;
    return {
      lanes: storeLane === undefined ? lanes : [storeLane, ...lanes],
      incidentCounts,
      silences,
      knownDamage: { found: this.#damageFound, places, damagedFiles },
    };
  }

  report(interrupted: boolean): Report {
    const runs: RunReport[] = [];
    const damage: FoundDamage[] = [];
    const byKind = new Map<string, number>();
    let totalBefore = 0;
    for (const {
      run,
      files,
      tags,
      pointsBefore,
      newScalars,
      newOthers = new Map<string, number>(),
      damage: damaged,
      bytes,
      lastStep,
    } of this.#tallies()) {
      const newPoints: (readonly [kind: string, points: number])[] =
        newScalars > 0 ? [['scalars', newScalars], ...newOthers] : [...newOthers];
      for (const [kind, points] of newPoints) count(byKind, kind, points);
      for (const [file, items] of damaged ?? []) for (const item of items) damage.push({ ...item, run, file });
      totalBefore += pointsBefore;
      runs.push({
        run,
        files,
        tags,
        newPoints: Object.fromEntries(newPoints),
        pointsBefore,
        bytes,
        lastStep,
      });
    }
    const elapsedMs = this.#clock.steadyMs() - this.startedAtMs;
    this.#log?.info(
      { runs: this.runs.total, files: this.files.total, points: this.points, damaged: this.damaged, elapsedMs, interrupted },
      'pass ended',
    );
    return {
      runs,
      totals: {
        runs: this.runs.total,
        files: this.files.total,
        filesUnchanged: this.#filesUnchanged,
        bytes: this.bytes.total,
        bytesRead: this.#bytesNew,
        records: this.records,
        newPoints: this.points,
        newPointsByKind: Object.fromEntries(byKind),
        pointsBefore: totalBefore,
        filesGone: this.#filesGone,
      },
      damage,
      incidents: this.#incidents,
      elapsedMs,
      interrupted,
      lanes: [],
      stores: [],
    };
  }
}

function noteSeries(tally: RunTally, { id, plugin }: Pick<Series, 'id' | 'plugin'>): void {
  if (plugin === 'scalars') return;
  tally.plugins ??= new Map();
  tally.plugins.set(id, plugin);
}

function damageOf(files: readonly FileState[]): RunTally['damage'] {
  const damaged = files.filter(({ damage }) => damage.length > 0);
  return damaged.length === 0 ? undefined : new Map(damaged.map(({ name, damage }) => [name, damage]));
}

/** Returns the damage without pending ends, which are normal. */
function lasting(damage: readonly Damage[]): readonly Damage[] {
  return damage.filter((item) => !isPending(item));
}

/** Notes the files of a run for a lane. In files that did not change, only damaged parts are pending. */
function beginFiles(lane: LaneProgress, { run, files, known }: RunAhead): void {
  const states = new Map(known.files.map((state) => [state.name, state]));
  for (const { name, size, stamp = '' } of files) {
    const state = states.get(name);
    if (state?.size === size && state.stamp === stamp) continue;
    lane.fileGrew(run, name, size, state?.position.watermark ?? 0, stamp === '' ? undefined : changedMsOf(stamp));
    if (state !== undefined) lane.filePending(run, name, pendingGapBytes(state));
  }
}

function count<Key>(counts: Map<Key, number>, key: Key, n: number): void {
  if (n > 0) counts.set(key, (counts.get(key) ?? 0) + n);
}
