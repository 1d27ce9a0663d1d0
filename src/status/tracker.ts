import type { Parcel } from '../backends/contract.ts';
import { type FileState, type RunRef, runLabel, type Series } from '../model/index.ts';
import type { FoundDamage, Incident, Progress, Report, RunReport } from './progress.ts';

/** What was found of a run, and what is known of it already. */
export interface RunAhead {
  readonly run: RunRef;
  readonly files: readonly { readonly name: string; readonly size: number }[];
  readonly states: readonly FileState[];
  readonly series: readonly Series[];
  readonly pointsBefore: number;
}

interface RunTally {
  readonly ahead: RunAhead;
  readonly plugins: string[];
  readonly newPoints: Map<string, number>;
  readonly states: Map<string, FileState>;
  bytes: number;
  lastStep: number | bigint | null;
}

/** Counts what happens in a pass: the one source of the display and the summary. */
export class PassTracker implements Progress {
  phase: Progress['phase'] = 'scanning';
  readonly startedAtMs: number;
  runs = { total: 0, done: 0 };
  files = { total: 0, done: 0 };
  bytes = { total: 0, read: 0, alreadyThere: 0 };
  points = 0;
  records = 0;
  damaged = 0;
  current = '';
  readonly #runs = new Map<string, RunTally>();
  readonly #incidents: Incident[] = [];
  readonly #now: () => number;
  #filesUnchanged = 0;
  #bytesNew = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.startedAtMs = now();
  }

  runFound(files: readonly { readonly size: number }[]): void {
    this.runs.total++;
    this.files.total += files.length;
    for (const file of files) this.bytes.total += file.size;
  }

  runBegun(ahead: RunAhead): void {
    this.#runs.set(keyOf(ahead.run), {
      ahead,
      plugins: ahead.series.map((series) => series.plugin),
      newPoints: new Map(),
      states: new Map(ahead.states.map((state) => [state.name, state])),
      bytes: 0,
      lastStep: null,
    });
  }

  incident(incident: Incident): void {
    this.#incidents.push(incident);
  }

  fileDone(run: RunRef, file: string, outcome: string, size: number, reason?: string): void {
    this.files.done++;
    this.current = runLabel(run);
    if (outcome === 'unchanged') {
      this.#filesUnchanged++;
      this.bytes.alreadyThere += size;
      this.bytes.read += size;
    } else if (outcome !== 'read') {
      const path = run.path === '.' ? file : `${run.path}/${file}`;
      this.#incidents.push({ kind: outcome as Incident['kind'], root: run.root, path, ...(reason === undefined ? {} : { reason }) });
    }
  }

  runDone(): void {
    this.runs.done++;
  }

  parcelAccepted({ batch, state }: Parcel, points: number): void {
    const tally = this.#runs.get(keyOf(batch.run));
    if (tally === undefined) return;
    for (const series of batch.newSeries) tally.plugins[series.id] = series.plugin;
    const { scalars, objects } = batch;
    count(tally.newPoints, 'scalars', scalars.count);
    for (const object of objects) count(tally.newPoints, tally.plugins[object.series] || 'other', 1);
    for (let i = 0; i < scalars.count; i++) {
      const step = scalars.step[i] as number;
      if (tally.lastStep === null || step > tally.lastStep) tally.lastStep = scalars.wideSteps.get(i) ?? step;
    }
    for (const { step } of objects) if (tally.lastStep === null || step > tally.lastStep) tally.lastStep = step;
    const before = tally.states.get(state.name);
    this.damaged += state.damage.length - (before?.generation === state.generation ? before.damage.length : 0);
    tally.states.set(state.name, state);
    const bytes = batch.end - batch.start;
    tally.bytes += bytes;
    this.bytes.read += bytes;
    this.#bytesNew += bytes;
    this.points += points;
    this.records += batch.records;
  }

  report(interrupted: boolean): Report {
    const runs: RunReport[] = [];
    const damage: FoundDamage[] = [];
    const byKind = new Map<string, number>();
    let pointsBefore = 0;
    for (const { ahead, plugins, newPoints, states, bytes, lastStep } of this.#runs.values()) {
      for (const [kind, points] of newPoints) count(byKind, kind, points);
      for (const state of states.values()) for (const item of state.damage) damage.push({ ...item, run: ahead.run, file: state.name });
      pointsBefore += ahead.pointsBefore;
      runs.push({
        run: ahead.run,
        files: ahead.files.length,
        tags: plugins.length,
        newPoints: Object.fromEntries(newPoints),
        pointsBefore: ahead.pointsBefore,
        bytes,
        lastStep,
      });
    }
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
        pointsBefore,
      },
      damage,
      incidents: this.#incidents,
      elapsedMs: this.#now() - this.startedAtMs,
      interrupted,
      stores: [],
    };
  }
}

function count(counts: Map<string, number>, key: string, n: number): void {
  if (n > 0) counts.set(key, (counts.get(key) ?? 0) + n);
}

function keyOf(run: RunRef): string {
  return JSON.stringify([run.root, run.path]);
}
