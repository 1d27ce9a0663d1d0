// The service in its world: its lives, one after the other, as a supervisor starts it again whenever it ends.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../src/errors.ts';
import type { StoreOptions, TrackerLaneOptions } from '../../src/lanes/index.ts';
import type { WatchStatus } from '../../src/status/index.ts';
import { watch } from '../../src/sync/watch.ts';
import { Commits, useDisk } from './databases.ts';
import { SimulatedJournalBackend } from './journal-backend.ts';
import { Life } from './life.ts';
import { mayLoseFiles, type Plan } from './plan.ts';
import { ROOTS } from './roots.ts';
import { asOldVersion, SimulatedBackend } from './tracker-backend.ts';
import { type TrackerServer, targetOf } from './tracker-server.ts';
import type { World } from './world.ts';

/** How long a supervisor waits before it starts the service again. */
const RESTART_MS = 2000;
/** Commits of the store that a power failure may take. */
const MOST_LOST = 4;
/** Why a service may end at its start: it says so, and is started again. */
const MAY_END: ReadonlySet<string | undefined> = new Set(['MB3001', 'MB3005', 'MB3101']);

/** What is said of a file that is gone. */
const GONE = 'file deleted after it was mirrored';

interface Losses {
  readonly losesCommits: number;
  readonly losesState: boolean;
}

/** The service, its state and its store. */
export class Service {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #servers: readonly TrackerServer[];
  readonly #folder: string;
  readonly #commits: Commits;
  readonly #onDeath: () => void;
  readonly #mayLoseFiles: boolean;
  /** Which disks are full. */
  readonly full = { state: false, store: false };
  #life: Life | undefined;
  #end = new AbortController();
  #isEnding = false;
  /** What the death of the life takes with it. */
  #loses: Losses = { losesCommits: 0, losesState: false };
  /** What the life that runs now says of itself. */
  status: WatchStatus | undefined;
  lives = 0;
  hasEnded = false;

  /** `onDeath`: is called once a life has been killed and everything it held is closed. */
  constructor(plan: Plan, world: World, servers: readonly TrackerServer[], folder: string, onDeath: () => void) {
    this.#onDeath = onDeath;
    this.#mayLoseFiles = mayLoseFiles(plan);
    this.#plan = plan;
    this.#world = world;
    this.#servers = servers;
    this.#folder = folder;
    this.#commits = new Commits(this.storePath, MOST_LOST + 1);
    const losesAny = plan.faults.some((fault) => fault.kind === 'kill' && fault.losesCommits > 0);
    useDisk({
      isFull: (path) => (path.startsWith(this.statePath) ? this.full.state : this.full.store),
      committed: (path) => {
        if (losesAny && path === this.storePath) this.#commits.keep();
      },
    });
  }

  get statePath(): string {
    return join(this.#folder, 'state');
  }

  get storePath(): string {
    return join(this.#folder, 'store.db');
  }

  get store(): StoreOptions | undefined {
    return this.#plan.hasStore ? { path: this.storePath, mediaPath: join(this.#folder, 'media') } : undefined;
  }

  /** Lanes with backends of their own: each life has its own. */
  trackers(): TrackerLaneOptions[] {
    return this.#servers.map((server) => {
      const made =
        server.kind === 'journalled' ? new SimulatedJournalBackend(server, this.#world) : new SimulatedBackend(server, this.#world);
      const backend = server.traits.isOld ? asOldVersion(made) : made;
      const namesOf: TrackerLaneOptions['namesOf'] = ({ path }) => ({ name: path, group: '', tags: {} });
      return { name: server.name, type: server.kind, target: targetOf(server), backend, namesOf, routing: server.rules.routing() };
    });
  }

  /** Begins a life. */
  start(): void {
    const world = this.#world;
    const life = new Life(`life ${++this.lives}`);
    this.#life = life;
    this.hasEnded = false;
    this.#end = new AbortController();
    this.status = undefined;
    world.note(`${life.name} of the service begins`);
    life.onKilled = (where) => {
      world.note(`${life.name} is killed ${where}`);
      const { losesCommits, losesState } = this.#loses;
      this.#loses = { losesCommits: 0, losesState: false };
      // The state makes every commit durable. The store does not: a power failure takes its last ones.
      if (losesCommits > 0 && this.#plan.hasStore) world.at(world.ageMs, () => this.#losePower(losesCommits));
      if (losesState) world.at(world.ageMs, () => this.#loseState());
      world.at(world.ageMs, () => this.#onDeath());
      this.#startSoon();
    };
    const { signal } = this.#end;
    const { scanIntervalMs, runEndedAfterMs } = this.#plan;
    world.inLife(life, () => {
      watch({
        roots: ROOTS.slice(0, this.#plan.roots ?? 1),
        store: this.store,
        trackers: this.trackers(),
        statePath: this.statePath,
        scanIntervalMs,
        runEndedAfterOf: () => runEndedAfterMs,
        notify: false,
        signal,
        clock: world.clock,
        random: world.random,
        log: {
          debug: () => undefined,
          info: (fields, phrase) => this.#said(phrase, fields),
          warn: (fields, phrase) => this.#said(phrase, fields),
        },
        onStart: async (status) => {
          this.status = status;
        },
      }).then(
        () => this.#ended(life, undefined),
        (error: unknown) => this.#ended(life, error),
      );
    });
  }

  /** Kills the life after some more crossings of its border to the world. */
  killAfter({ afterSteps, ...loses }: Losses & { readonly afterSteps: number }): void {
    if (this.#life === undefined || this.#life.isOver) return;
    const life = this.#life;
    this.#loses = loses;
    if (afterSteps > 0) life.stepsLeft = afterSteps;
    else this.#world.atNextWrite = () => life.kill('when a tracker has taken what it wrote');
  }

  /** Nobody kills it any more. */
  spare(): void {
    this.#world.atNextWrite = undefined;
    if (this.#life !== undefined) this.#life.stepsLeft = Number.POSITIVE_INFINITY;
  }

  /** Asks the life to end. `isLast`: it is not started again. */
  end({ isLast }: { readonly isLast: boolean }): void {
    this.#isEnding = isLast;
    this.#world.inLife(this.#life, () => this.#end.abort());
  }

  /** Ends whatever is left. */
  close(): void {
    if (this.#life !== undefined) this.#life.onKilled = undefined;
    this.#life?.kill('');
    useDisk(undefined);
  }

  /** A file that is still there must not be taken for gone. */
  #said(phrase: string, fields: object): void {
    const { kind, path } = fields as { readonly kind?: string; readonly path?: string };
    if (this.#mayLoseFiles || !(phrase === GONE || kind === 'lost')) return;
    this.#world.bug(`${path} counts as gone: ${phrase}`);
  }

  #startSoon(): void {
    this.#world.at(this.#world.ageMs + RESTART_MS, () => this.start());
  }

  #loseState(): void {
    this.#world.note('the state is lost');
    for (const end of ['', '-wal', '-shm']) rmSync(this.statePath + end, { force: true });
  }

  #losePower(commits: number): void {
    const lost = this.#commits.goBack(commits);
    if (lost > 0) this.#world.note(`with the power, the store lost its last ${lost} commits`);
  }

  #ended(life: Life, error: unknown): void {
    if (life.isOver) return;
    const world = this.#world;
    const wasAsked = this.#end.signal.aborted;
    life.end();
    this.hasEnded = true;
    if (error === undefined && wasAsked) {
      world.note(`${life.name} has ended`);
      if (!this.#isEnding) this.#startSoon();
      return;
    }
    const { code } = (error ?? {}) as { readonly code?: string };
    if (MAY_END.has(code) && (this.full.state || this.full.store)) {
      world.note(`${life.name} cannot go on: ${code}`);
      this.#startSoon();
      return;
    }
    world.bug(`the service ended by itself: ${error instanceof Error ? (error.stack ?? messageOf(error)) : String(error)}`);
  }
}
