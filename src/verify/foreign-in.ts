/** Finds what a tracker holds that never was in event files, if its backend can tell. */
import { systemClock } from '../clock.ts';
import type { Foreign, OwnRun } from '../contract/index.ts';
import { AnswerWatch } from '../delivery/index.ts';
import { MirrorError, messageOf } from '../errors.ts';
import type { TrackerLaneOptions } from '../lanes/index.ts';
import type { RunRef } from '../model/index.ts';
import { StateFile } from '../state/index.ts';
import type { Progress } from '../status/index.ts';
import { DEFAULT_LINKS, directoryOf, type LinkRules } from '../untrusted/index.ts';
import type { Obstacle } from './compare/index.ts';
import { storedArtifacts } from './verify-artifacts.ts';
import { startedProgress } from './verify-log.ts';

/** The number of foreign things of each kind. */
export type ForeignCounts = Readonly<Record<Foreign['kind'], number>>;

/** The content of a lane that no mirror wrote. */
export interface ForeignFindings {
  readonly counts: ForeignCounts;
  /** The first few of each kind. */
  readonly examples: readonly Foreign[];
  /** The parts that could not be searched, so that their content is not known. */
  readonly obstacles: readonly Obstacle[];
  /** True if the search ended early: then finding nothing proves nothing. */
  readonly interrupted: boolean;
}

/** The settings of the search. */
export interface ForeignOptions {
  readonly statePath: string;
  readonly linksOf?: LinkRules;
  readonly signal: AbortSignal;
  readonly onStart?: (progress: Progress) => void;
}

const MOST_EXAMPLES = 5;
const MOST_OBSTACLES = 100;

/**
 * Searches everything that a lane mirrored to, whichever roots the caller asks for, because a tracker is switched off
 * as a whole. Returns undefined if its backend cannot tell.
 */
export async function foreignIn(lane: TrackerLaneOptions, options: ForeignOptions): Promise<ForeignFindings | undefined> {
  return lane.backend.foreign === undefined ? undefined : new ForeignPass(lane, options).run();
}

class ForeignPass {
  readonly #lane: TrackerLaneOptions;
  readonly #options: ForeignOptions;
  readonly #counts: Record<Foreign['kind'], number> = { run: 0, param: 0, file: 0, tag: 0, note: 0, model: 0 };
  readonly #examples: Foreign[] = [];
  readonly #obstacles: Obstacle[] = [];
  readonly #answers = new AnswerWatch(systemClock, { fellSilent: () => undefined, answersAgain: () => undefined });
  readonly #progress;

  constructor(lane: TrackerLaneOptions, options: ForeignOptions) {
    this.#lane = lane;
    this.#options = options;
    const asked = [{ lane: lane.name, silentSinceMs: () => this.#answers.silentSinceMs }];
    this.#progress = Object.assign(startedProgress('looking', asked), { current: lane.name, found: 0 });
  }

  async run(): Promise<ForeignFindings | undefined> {
    const { signal, onStart } = this.#options;
    onStart?.(this.#progress);
    try {
      if (!(await this.#look())) return undefined;
    } catch (error) {
      if (!signal.aborted) {
        // A backend from another package has an error class of its own.
        if (!(error instanceof MirrorError) || !error.code.startsWith('MB4')) throw error;
        this.#note({ what: this.#lane.name, reason: `${messageOf(error)}${error.hint === undefined ? '' : ` (${error.hint})`}` });
      }
    }
    this.#progress.phase = 'done';
    return { counts: this.#counts, examples: this.#examples, obstacles: this.#obstacles, interrupted: signal.aborted };
  }

  /** Searches the lane; false if the backend cannot tell. */
  async #look(): Promise<boolean> {
    const { backend } = this.#lane;
    const { signal } = this.#options;
    const own = await this.#own();
    this.#progress.runs.total = own.length;
    const all = await this.#answers.ask(async () => backend.foreign?.(own, signal));
    if (all === undefined) return false;
    const steps = all[Symbol.asyncIterator]();
    for (let step = await this.#next(steps); step.done !== true; step = await this.#next(steps)) {
      const found = step.value;
      if (found.kind === 'looked' || found.kind === 'unseen') this.#progress.runs.done++;
      if (found.kind === 'unseen') this.#note({ what: `${this.#lane.name}, ${found.in}`, reason: found.reason, isAboutRun: true });
      else if (found.kind !== 'looked') this.#count(found);
    }
    return true;
  }

  #next<Step>(steps: AsyncIterator<Step>): Promise<IteratorResult<Step>> {
    this.#options.signal.throwIfAborted();
    return this.#answers.ask(() => steps.next());
  }

  #count(found: Foreign): void {
    this.#progress.found++;
    if (this.#counts[found.kind]++ < MOST_EXAMPLES) this.#examples.push(found);
  }

  #note(obstacle: Obstacle): void {
    if (this.#obstacles.length < MOST_OBSTACLES) this.#obstacles.push(obstacle);
  }

  async #own(): Promise<OwnRun[]> {
    const { name, target } = this.#lane;
    const { statePath, linksOf = () => DEFAULT_LINKS, signal } = this.#options;
    const state = StateFile.openForReading(statePath);
    try {
      const lane = state.lane(name, target);
      const paths = new Map(state.roots().map((root) => [root.name, root.path]));
      const own: OwnRun[] = [];
      for (const [run, handle] of lane.handles()) {
        signal.throwIfAborted();
        const path = paths.get(run.root) ?? '';
        const below = directoryOf({ path, links: linksOf(path) }, run.path);
        const { files, params, hasAllParams } = await storedArtifacts(lane.artifacts(run), below, signal);
        own.push({
          handle,
          files: [...files.keys()],
          params: hasAllParams ? [...params.keys()] : undefined,
          tags: this.#tagsOf(run),
        });
      }
      return own;
    } finally {
      state.close();
    }
  }

  /**
   * Returns the tags that the present configuration gives a run: a tag that a former one gave it counts as foreign.
   */
  #tagsOf(run: RunRef): OwnRun['tags'] {
    const { namesOf, routing } = this.#lane;
    const { group, groupTag } = routing?.route.run(run, run) ?? {};
    return namesOf(run, group === undefined || groupTag === undefined ? undefined : { group, tag: groupTag }).tags;
  }
}
