import { status } from '@grpc/grpc-js';
import type { RunRef } from '../model/index.ts';
import type { RootSummary } from '../query/index.ts';
import { Refusal } from './refusal.ts';

/** The newer half of TensorBoard's page asks for this experiment, the older half for none. Both mean the same one. */
const DEFAULT_EXPERIMENT = 'defaultExperimentId';

/** The roots that a request is about, and the names of their runs. */
export class Experiment {
  readonly roots: readonly RootSummary[];
  /** The root if there is only one. */
  readonly root: string | undefined;

  constructor(roots: readonly RootSummary[]) {
    this.roots = roots;
    this.root = roots.length === 1 ? roots[0]?.name : undefined;
  }

  /** Returns the name of a run on TensorBoard's page: its path; with several roots, the root's name before it. */
  nameOf({ root, path }: RunRef): string {
    if (this.root !== undefined) return path;
    return path === '.' ? root : `${root}/${path}`;
  }

  /** Returns the runs that may have these names. Not all of them need to exist. */
  runsNamed(names: readonly string[]): RunRef[] {
    const { root } = this;
    if (root !== undefined) return names.map((path) => ({ root, path }));
    return names.map((name) => {
      // The name of a root has no slash.
      const end = name.indexOf('/');
      return end < 0 ? { root: name, path: '.' } : { root: name.slice(0, end), path: name.slice(end + 1) };
    });
  }
}

/**
 * Returns the experiment with an id: a root by its name, or the default one, which is `chosen` or all roots. Throws a
 * `Refusal` for any other id.
 */
export function experimentOf(id: string, roots: readonly RootSummary[], chosen: string | undefined): Experiment {
  const isDefault = id === '' || id === DEFAULT_EXPERIMENT;
  const name = isDefault ? chosen : id;
  // A root without runs may be known only by its name.
  if (name === undefined) return new Experiment(roots.filter(({ runs }) => runs > 0));
  const found = roots.filter((root) => root.name === name);
  if (found.length === 0 && isDefault) return new Experiment([]);
  if (found.length > 0 && (chosen === undefined || chosen === name)) return new Experiment(found);
  throw new Refusal(status.NOT_FOUND, `the store has no root ${name}`);
}
