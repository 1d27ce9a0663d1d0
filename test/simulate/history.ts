// One history: the service, its trackers and its logs in one world, from the first write to the last check.
import { mkdirSync, rmSync } from 'node:fs';
import { messageOf } from '../../src/errors.ts';
import type { Verification } from '../../src/verify/compare/index.ts';
import { verifyLanes } from '../../src/verify/index.ts';
import { Causes } from './causes.ts';
import { Checks } from './checks.ts';
import { Hangs } from './hangs.ts';
import { LaneRules } from './lane-rules.ts';
import { Life } from './life.ts';
import { type Fault, mayLoseFiles, type Plan } from './plan.ts';
import { enter, nextTurn } from './platform.ts';
import { ROOTS } from './roots.ts';
import { Seeded } from './seeded.ts';
import { Service } from './service.ts';
import { TrackerServer } from './tracker-server.ts';
import { Truth } from './truth.ts';
import { Tree } from './virtual-files.ts';
import { VirtualFs } from './virtual-fs.ts';
import { World } from './world.ts';
import { Meddler, Writer } from './writers.ts';

/** What became of a history. */
export interface Outcome {
  readonly plan: Plan;
  /** What went wrong; empty if nothing did. */
  readonly bugs: readonly string[];
  /** What happened, in plain words. */
  readonly lines: readonly string[];
  readonly digest: string;
  /** Points that writers wrote, and those that trackers hold. */
  readonly points: number;
  readonly stored: number;
  readonly lives: number;
  readonly virtualMs: number;
}

/** How long everything may take to arrive once all faults have ended. */
const CATCH_UP_MS = 3 * 3_600_000;
/** How long the service may take to end when it is asked to. */
const END_MS = 5 * 60_000;
/** How long `verify` may take: a slow tracker gives its points in many pages. */
const VERIFY_MS = 3 * 3_600_000;
/** How often it is checked whether everything has arrived. */
const LOOK_MS = 10_000;
/** Once faults have ended, timers may be late by this much: it makes the wait cheaper. */
const CALM_SLACK_MS = 5000;
/** How many timers follow each other while the service gathers runs that move, before it says what becomes of them. */
const GATHERINGS = 10;
/** A scan comes a fifth later than asked for at most, and takes a moment. */
const SCAN_SHARE = 1.3;
/** While these last, a file cannot be read as it is, or a tracker run is not there. */
const HIDES: ReadonlySet<Fault['kind']> = new Set([
  'unreadableFile',
  'unreadableBytes',
  'unreadableDirectory',
  'hang',
  'unmount',
  'damage',
  'copyOver',
  'deleteRun',
]);
/** A file that could not be read is read again by then, also when the state is lost, and trackers have all already. */
const RETRY_MS = 100_000;
const MOST_MISSING = 20;

/** Lives through a whole history, whose databases are in a folder. */
export async function runHistory(plan: Plan, folder: string): Promise<Outcome> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return await new History(plan, folder).run();
}

class History {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #truth = new Truth();
  readonly #servers: readonly TrackerServer[];
  readonly #writers: readonly Writer[];
  readonly #service: Service;
  readonly #causes: Causes;
  readonly #checks: Checks;
  readonly #hangs: Hangs;

  constructor(plan: Plan, folder: string) {
    this.#plan = plan;
    const world = new World(plan.seed, nextTurn);
    this.#world = world;
    world.slackMs = plan.slackMs;
    const tree = new Tree(() => world.wallMs);
    tree.mount = { path: ROOTS[0].path, unmounted: undefined };
    for (const { path } of ROOTS.slice(0, plan.roots ?? 1)) tree.directory(path);
    const hangs = new Hangs(world);
    this.#hangs = hangs;
    const chance = new Seeded(`${plan.seed}/reads`);
    const files = new VirtualFs(tree, {
      step: (what) => world.life?.step(`in ${what} of a log file`),
      meet: (path) => hangs.meet(path),
      answered: (path) => hangs.answered(path),
      readBytes: (wanted) => (chance.chance(plan.shortReads) ? chance.int(1, wanted) : wanted),
    });
    const truth = this.#truth;
    this.#servers = plan.lanes.map((lane) => new TrackerServer(lane, new LaneRules(lane.name, lane.rules), world, truth));
    this.#writers = plan.writers.map((each) => new Writer(each, { world, tree, truth }));
    this.#service = new Service(plan, world, this.#servers, folder, () => this.#checks.positions());
    const meddler = new Meddler({ world, tree, truth });
    this.#causes = new Causes({ world, tree, hangs, servers: this.#servers, service: this.#service, meddler });
    this.#checks = new Checks({
      world,
      tree,
      truth,
      servers: this.#servers,
      statePath: this.#service.statePath,
      storePath: this.#service.store?.path,
    });
    enter({ world, files });
  }

  async run(): Promise<Outcome> {
    const world = this.#world;
    try {
      await this.#live();
    } catch (error) {
      world.bug(`the simulator failed: ${error instanceof Error ? error.stack : String(error)}`);
    } finally {
      this.#service.close();
      await world.settle();
      enter(undefined);
    }
    return {
      plan: this.#plan,
      bugs: world.bugs,
      lines: world.lines,
      digest: world.digest(),
      points: this.#truth.points,
      stored: this.#servers.reduce((sum, { stored }) => sum + stored, 0),
      lives: this.#service.lives,
      virtualMs: world.ageMs,
    };
  }

  async #live(): Promise<void> {
    const { healMs, faults } = this.#plan;
    for (const writer of this.#writers) writer.begin();
    for (const fault of faults) this.#causes.plan(fault);
    this.#service.start();
    await this.#world.passUntil(healMs, () => false);
    this.#checkSiege();
    this.#causes.heal();
    for (const writer of this.#writers) writer.finish();
    this.#world.note('all faults have ended, and all writers');
    if ((await this.#caughtUp()) && (await this.#ended()) && (await this.#verified())) {
      this.#checks.exact();
    }
  }

  get #losesState(): boolean {
    return this.#plan.faults.some((fault) => fault.kind === 'kill' && fault.losesState);
  }

  /**
   * True if a run that has a tracker run may get another one. Whose a tracker run is, only the run and its files can
   * tell when the state does not know it: they must be there then.
   */
  get #mayTakeForNew(): boolean {
    const { faults } = this.#plan;
    if (this.#losesState) return faults.some(({ kind }) => HIDES.has(kind));
    const forgets = faults.some((fault) => fault.kind === 'kill' || (fault.kind === 'fullDisk' && fault.what !== 'store'));
    return forgets && faults.some(({ kind }) => kind === 'deleteRun');
  }

  /** True if a lane may have given up a file for a while: that is said of the file, not of a lane that is behind. */
  get #mayBeRetried(): boolean {
    return this.#plan.faults.some(({ kind }) => kind === 'unmount' || kind === 'hang' || kind.startsWith('unreadable'));
  }

  /** While one tracker does not work, other lanes have everything. While one file does not answer, all else arrived. */
  #checkSiege(): void {
    const { besieged, isFileSiege } = this.#plan;
    if (this.#world.bugs.length > 0) return;
    const late = isFileSiege === true ? this.#checks.missingBut((path) => this.#hangs.has(path)) : [];
    for (const missing of late.slice(0, MOST_MISSING)) this.#world.bug(`while a file does not answer: ${missing}`);
    if (besieged === undefined) return;
    const others = this.#checks.missing(this.#service.status, besieged).slice(0, MOST_MISSING);
    for (const missing of others) this.#world.bug(`while ${besieged} does not work: ${missing}`);
  }

  /** Waits until everything has arrived. */
  async #caughtUp(): Promise<boolean> {
    const world = this.#world;
    world.slackMs = Math.max(CALM_SLACK_MS, world.slackMs);
    const untilMs = world.ageMs + CATCH_UP_MS;
    // Each root is scanned once more: until then nobody can know of the last files.
    let lookMs = Math.ceil(this.#plan.scanIntervalMs * SCAN_SHARE) + LOOK_MS + (this.#losesState ? RETRY_MS : 0);
    // What a tracker has just taken, the service knows when the answer is there: so it must be true twice, with no
    // request in between.
    let asked = -1;
    const mayBeUnsaidMs = GATHERINGS * world.slackMs;
    let unsaidSinceMs: number | undefined;
    for (let whole = 0; world.ageMs < untilMs; ) {
      await world.passUntil(world.ageMs + lookMs, () => false);
      lookMs = LOOK_MS;
      if (world.bugs.length > 0) return false;
      const requests = this.#servers.reduce((sum, server) => sum + server.requests, 0);
      const isCalm = requests === asked;
      asked = requests;
      const missing = isCalm ? this.#checks.missing(this.#service.status) : [];
      whole = isCalm && missing.length === 0 ? whole + 1 : 0;
      // Nothing is under way, something is not there, and nobody says so.
      const isUnsaid = isCalm && !this.#mayBeRetried && missing.length > 0 && this.#checks.isSilentAbout(this.#service.status);
      unsaidSinceMs = isUnsaid ? (unsaidSinceMs ?? world.ageMs) : undefined;
      if (world.ageMs - (unsaidSinceMs ?? world.ageMs) > mayBeUnsaidMs)
        for (const each of missing.slice(0, MOST_MISSING)) world.bug(`the status says nothing of it: ${each}`);
      if (whole === 2) return true;
    }
    const minutes = CATCH_UP_MS / 60_000;
    for (const missing of this.#checks.missing(this.#service.status).slice(0, MOST_MISSING))
      world.bug(`${minutes} minutes after all faults: ${missing}`);
    return false;
  }

  /** Ends the service as its user does. */
  async #ended(): Promise<boolean> {
    const world = this.#world;
    world.note('the service is asked to end');
    this.#service.end({ isLast: true });
    if (await world.passUntil(world.ageMs + END_MS, () => this.#service.hasEnded)) return true;
    if (world.bugs.length === 0) world.bug('the service did not end when it was asked to');
    return false;
  }

  /** Lets `verify` compare all lanes with the files. */
  async #verified(): Promise<boolean> {
    const world = this.#world;
    const mostLateMs = Math.max(0, ...this.#servers.map(({ traits }) => traits.lateMs));
    await world.passUntil(world.ageMs + mostLateMs, () => false);
    const life = new Life('verify');
    const { statePath, store } = this.#service;
    const { signal } = new AbortController();
    let found: readonly Verification[] | undefined;
    world.inLife(life, () => {
      verifyLanes({ roots: [], store, trackers: this.#service.trackers(), statePath, signal, clock: world.clock }).then(
        (verifications) => {
          found = verifications;
        },
        (error: unknown) => {
          // A store in which nothing was ever written is no proof, and says so.
          if (this.#checks.expected().length === 0) found = [];
          else world.bug(`verify failed: ${messageOf(error)}`);
        },
      );
    });
    await world.passUntil(world.ageMs + VERIFY_MS, () => found !== undefined);
    life.end();
    if (found === undefined) {
      if (world.bugs.length === 0) world.bug('verify did not end');
      return false;
    }
    const mayHaveExtra = mayLoseFiles(this.#plan);
    this.#checks.verified(found, mayHaveExtra);
    if (!mayHaveExtra) {
      if (!this.#mayTakeForNew && !this.#truth.mayLookReplaced) this.#checks.oneRunEach(this.#losesState);
    }
    return true;
  }
}
