/**
 * One comparison of a lane: resolves roots, discovers runs, and reads each run from its files and the lane, or from
 * two lanes.
 */
import { steadyMs } from '../clock.ts';
import type { RootRequest, RunRules } from '../discover/index.ts';
import { messageOf } from '../errors.ts';
import type { StoreOptions } from '../lanes/index.ts';
import { keyOfRun, type RunRef, runLabel } from '../model/index.ts';
import { PatientReader } from '../reading/index.ts';
import type { Progress } from '../status/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import { jobsWorthwhile } from '../workers/index.ts';
import { differencesOf, type RunVerdict, type UncomparedRun, type Verification } from './compare/index.ts';
import type { LaneSource } from './lane-source.ts';
import { RunPass, type RunPassOptions } from './run-pass.ts';
import { RunWorkers } from './run-workers.ts';
import { uncomparedRuns } from './uncompared-runs.ts';
import { VerifyLog } from './verify-log.ts';
import { candidatesOf, type Scope, scopesOf, type VerifiedRun } from './verify-scope.ts';

/** The threads that compare the runs of a store. */
export interface RunThreadsOptions {
  /** The store that the lane is. */
  readonly store: StoreOptions;
  readonly jobs: number;
  /** Less work, in bytes of event files, needs no threads: it is done before they have started. Default: 32 MiB. */
  readonly leastBytes?: number;
}

/** The lane to verify. */
export interface VerifyLaneOptions extends RunPassOptions {
  /** Empty: everything that the lane knows, at its last known path. */
  readonly roots: readonly RootRequest[];
  /** The rules for the runs that are compared. Default: all runs. */
  readonly rules?: RunRules | undefined;
  /** Tells how the links of each root are followed. Default: `owner`. */
  readonly linksOf?: LinkRules;
  readonly onStart?: (progress: Progress) => void;
  /** The threads that compare runs at the same time. Default: none. */
  readonly threads?: RunThreadsOptions | undefined;
}

/** Compares all runs of a lane. Anything unreachable is an obstacle, not an error. */
export function verifyLane(options: VerifyLaneOptions): Promise<Verification> {
  return new Pass(options).run();
}

/** The part of a root that is compared. */
interface RootPlan {
  readonly scope: Scope;
  /** True if something of the root was mirrored. */
  readonly isHeld: boolean;
  readonly candidates: readonly VerifiedRun[];
}

class Pass {
  readonly #options: VerifyLaneOptions;
  /** Reads the files in a thread of its own, since one of them may hang. */
  readonly #reader: PatientReader;
  readonly #log: VerifyLog;
  readonly #runs: RunPass;
  #roots: readonly string[] = [];
  #uncompared: readonly UncomparedRun[] = [];
  /** True if the lane itself is unreachable: nothing more is asked of it. */
  #isLost = false;
  #workers: RunWorkers | undefined;

  constructor(options: VerifyLaneOptions) {
    const { source, other, sample, signal } = options;
    this.#options = options;
    this.#log = new VerifyLog(sample, signal, [source, ...(other === undefined ? [] : [other])]);
    this.#reader = new PatientReader({ fellSilent: (path, sinceMs) => this.#log.waitsFor(path, sinceMs) });
    this.#runs = new RunPass(options, this.#log, this.#reader);
  }

  async run(): Promise<Verification> {
    const { source, other, onStart, sample, repairer, signal } = this.#options;
    onStart?.(this.#log.progress);
    const stop = (): void => this.#reader.stop();
    signal.addEventListener('abort', stop);
    try {
      await this.#compareAll();
    } finally {
      signal.removeEventListener('abort', stop);
      await this.#workers?.close();
      await this.#reader.close();
    }
    repairer?.finish();
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
      repairs: repairer?.done,
      bytes: this.#log.progress.bytes.read,
      elapsedMs: steadyMs() - this.#log.startedAtMs,
      interrupted: this.#log.isStopped,
    };
  }

  async #compareAll(): Promise<void> {
    const { source, other, rules } = this.#options;
    const progress = this.#log.progress;
    const plans = await this.#plan();
    for (const { candidates } of plans) {
      this.#log.plan(candidates, (run) => source.files(run));
      await this.#log.turn();
    }
    this.#roots = plans.map(({ scope }) => scope.path);
    if (other !== undefined) {
      const compared = new Set(plans.flatMap(({ candidates }) => candidates.map(({ run }) => keyOfRun(run))));
      this.#uncompared = [...uncomparedRuns({ source, other, rules, compared }, this.#log.obstacles)];
    }
    progress.phase = 'comparing';
    this.#workers = this.#started(plans.flatMap(({ candidates }) => candidates));
    for (const plan of plans) {
      const first = this.#log.verdicts.length;
      for (const candidate of plan.candidates) {
        if (this.#log.isStopped || this.#isLost) return;
        progress.current = runLabel(candidate.run);
        await this.#tryRun(candidate);
        progress.runs.done++;
      }
      this.#checkAnything(plan, this.#log.verdicts.slice(first));
    }
  }

  /** Starts the threads that compare the runs; none if one after the other is as fast, or needed for a repair. */
  #started(runs: readonly VerifiedRun[]): RunWorkers | undefined {
    const { threads, other, repairer, sample, signal, onDifference } = this.#options;
    if (threads === undefined || other !== undefined || repairer !== undefined || signal.aborted) return undefined;
    const work = { tasks: runs.length, bytes: this.#log.progress.bytes.total };
    const jobs = jobsWorthwhile(threads.jobs, work, threads.leastBytes);
    if (jobs < 2) return undefined;
    return new RunWorkers({ store: threads.store, sample, signal, jobs, runs, log: this.#log, onDifference });
  }

  /** Returns the requested roots with their runs: those that the lanes have, and those that were found. */
  async #plan(): Promise<readonly RootPlan[]> {
    const { roots, rules, source, other, linksOf } = this.#options;
    const runs = (root: string): RunRef[] => {
      const all = [...source.runs(root), ...(other?.runs(root) ?? [])];
      return [...new Map(all.map((run) => [run.path, run])).values()];
    };
    const scopes = await scopesOf(source, roots, this.#log.obstacles, linksOf);
    const held = new Map(scopes.map(({ name }) => [name, runs(name)]));
    const mirrored = { positions: (run: RunRef) => source.positions(run), runs: (root: string) => held.get(root) ?? [] };
    const found = await candidatesOf(mirrored, scopes, this.#log.obstacles, rules);
    // A run that a lane should not have is not compared.
    const isMeant = ({ run }: VerifiedRun): boolean => source.isMeant(run) && other?.isMeant(run) !== false;
    return scopes.map((scope, i) => ({
      scope,
      isHeld: (held.get(scope.name) ?? []).length > 0,
      candidates: (found[i] ?? []).filter(isMeant),
    }));
  }

  /**
   * Adds an obstacle if nothing was compared: an empty directory (a share that is not mounted), or a lane that has
   * nothing of it, must not count as a proof.
   */
  #checkAnything({ scope: { name, path }, isHeld }: RootPlan, verdicts: readonly RunVerdict[]): void {
    const { source, other } = this.#options;
    if (!isHeld) {
      this.#log.obstacles.push({ what: path, reason: `nothing of ${name} is mirrored into ${source.lane} yet`, isUnmirrored: true });
      return;
    }
    const isAny = verdicts.some((verdict) => verdict.points > 0 || differencesOf(verdict) > 0);
    if (isAny || other !== undefined) return;
    if (this.#log.troubled.some(({ run }) => run.root === name)) {
      this.#log.obstacles.push({ what: path, reason: `all mirrored files of ${name} are missing or changed: is it mounted?` });
    }
  }

  async #tryRun(candidate: VerifiedRun): Promise<void> {
    const { source, other, signal, repairer } = this.#options;
    try {
      await (this.#workers === undefined ? this.#runs.compare(candidate) : this.#workers.compare());
    } catch (error) {
      if (this.#log.isStopped) return;
      let isBlamed = false;
      let lost: LaneSource | undefined;
      for (const lane of other === undefined ? [source] : [source, other]) {
        const blame = lost === undefined ? await lane.blame(error, signal) : undefined;
        isBlamed ||= blame !== undefined;
        if (blame === 'lane') lost = lane;
      }
      if (!isBlamed) throw error;
      this.#isLost = lost !== undefined;
      if (this.#log.isStopped) return;
      const { code, hint } = error as { readonly code?: unknown; readonly hint?: unknown };
      const reason = `${messageOf(error)}${typeof hint === 'string' ? ` (${hint})` : ''}`;
      if (code === 'MB4006') repairer?.repairGone(candidate.run, source.files(candidate.run));
      this.#log.obstacles.push(
        lost === undefined
          ? { what: `${source.lane}, ${runLabel(candidate.run)}`, reason, isAboutRun: true }
          : { what: lost.label, reason },
      );
    }
  }
}
