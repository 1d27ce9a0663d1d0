import { status } from '@grpc/grpc-js';
import type { RunRef } from '../model/index.ts';
import type { RootSummary } from '../query/index.ts';
import { Refusal } from './refusal.ts';
import { nameIn, type RootView, runNamed, viewsOfDirectory, wholeRoots } from './root-views.ts';

/** The newer half of TensorBoard's page asks for this experiment, the older half for none. Both mean the same one. */
const DEFAULT_EXPERIMENT = 'defaultExperimentId';

/** What the default experiment shows: a root, a log directory, or without either all roots. */
export interface Choice {
  readonly root?: string | undefined;
  /** The paths of the log directory, with and without links. */
  readonly logdir?: readonly string[] | undefined;
}

/** True for the ids of the default experiment. */
export function isDefaultExperiment(id: string): boolean {
  return id === '' || id === DEFAULT_EXPERIMENT;
}

/** The runs that a request is about, and their names. */
export class Experiment {
  readonly name: string;
  readonly location: string;
  readonly views: readonly RootView[];
  /** The root if there is only one. */
  readonly root: string | undefined;
  /** True if it shows all runs of its root, or of all roots. */
  readonly isWhole: boolean;
  readonly #byRoot: ReadonlyMap<string, RootView>;

  constructor(views: readonly RootView[], roots: readonly RootSummary[]) {
    this.views = views;
    this.root = views.length === 1 ? views[0]?.root : undefined;
    this.name = this.root ?? 'mirrorboard';
    this.#byRoot = new Map(views.map((view) => [view.root, view]));
    const shown = roots.filter(({ name }) => this.#byRoot.has(name));
    this.location = shown.map(({ path }) => path).join(', ');
    const isComplete = views.length === 1 || roots.every(({ name, runs }) => runs === 0 || this.#byRoot.has(name));
    this.isWhole = isComplete && views.every(({ below }) => below === '');
  }

  /** Returns the name of a run on TensorBoard's page; undefined for a run of no view. */
  nameOf({ root, path }: RunRef): string | undefined {
    const view = this.#byRoot.get(root);
    return view === undefined ? undefined : nameIn(view, path);
  }

  /** Returns the runs that may have these names. Not all of them need to exist. */
  runsNamed(names: readonly string[]): RunRef[] {
    return names.flatMap((name) => this.views.flatMap((view) => runNamed(view, name) ?? []));
  }
}

/** Returns the experiment with an id: the chosen one, or a root by its name. Throws a `Refusal` for any other id. */
export function experimentOf(id: string, roots: readonly RootSummary[], { root, logdir }: Choice): Experiment {
  const isDefault = isDefaultExperiment(id);
  if (logdir !== undefined && isDefault) return new Experiment(viewsOfDirectory(roots, logdir), roots);
  const name = isDefault ? root : id;
  // A root without runs may be known only by its name.
  if (name === undefined) return new Experiment(wholeRoots(roots.filter(({ runs }) => runs > 0)), roots);
  const found = roots.filter((one) => one.name === name);
  const mayShow = logdir === undefined && (root === undefined || root === name);
  if (isDefault || (found.length > 0 && mayShow)) return new Experiment(wholeRoots(found), roots);
  throw new Refusal(status.NOT_FOUND, `the store has no root ${name}`);
}
