/**
 * Determines what will be forgotten, and the effects: which files still exist, which tracker runs are removed and
 * which stay.
 */

import type { StoreReader } from '../backends/local/index.ts';
import type { KnownRoot } from '../contract/index.ts';
import { silentRoots } from '../discover/index.ts';
import type { TrackerLaneOptions } from '../lanes/index.ts';
import { type Forgetting, keyOfFile, keyOfRun, type Removal, type RunRef, runLabel } from '../model/index.ts';
import { hasEntries, isThere } from '../moves/index.ts';
import { type ListedRun, listAllRuns } from '../overview/index.ts';
import type { StateReader } from '../state/index.ts';

/** The sources of known roots and runs. */
interface ForgetSources {
  readonly store: StoreReader | undefined;
  readonly state: StateReader | undefined;
  /** All lanes that lead to trackers. */
  readonly lanes: readonly { readonly name: string; readonly target: string }[];
}

/** The selection of what will be forgotten. */
export interface ForgetWish {
  /** Returns true if a run is selected. Default: all. */
  readonly isMeant?: (run: RunRef) => boolean;
  /** The root that is forgotten with all its runs. */
  readonly root?: string;
  /** True to forget only what is gone: runs whose files are all gone, and gone files of other runs. */
  readonly isGone: boolean;
  readonly keepsPoints: boolean;
  /** Lanes that also remove their tracker runs. */
  readonly removeFrom: readonly Pick<TrackerLaneOptions, 'name' | 'target' | 'backend'>[];
}

/** The plan of what will be forgotten. */
export interface ForgetPlan {
  readonly forgettings: readonly Forgetting[];
  readonly runs: readonly ListedRun[];
  readonly files: readonly { readonly run: RunRef; readonly name: string }[];
  /** Points in the runs that are forgotten completely. */
  readonly points: number;
  /** Runs with existing files: they would be mirrored again. */
  readonly there: readonly RunRef[];
  readonly removals: readonly Removal[];
  /** Tracker runs that stay although their lane was named, and the reasons. */
  readonly staying: readonly { readonly lane: string; readonly label: string; readonly reason: string }[];
  /** Roots whose deleted files are unknown: they are missing, empty, or do not answer. */
  readonly away: readonly KnownRoot[];
}

/** Returns the roots that the store or the state knows. */
export function knownRoots({ store, state }: Pick<ForgetSources, 'store' | 'state'>): KnownRoot[] {
  const roots = new Map<string, KnownRoot>();
  for (const root of [...(state?.roots() ?? []), ...(store?.roots() ?? [])]) roots.set(root.name, root);
  return [...roots.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Determines what a wish would forget. Changes nothing. */
export async function planForgetting(sources: ForgetSources, wish: ForgetWish): Promise<ForgetPlan> {
  const { root: whole, isMeant = () => true, isGone, keepsPoints, removeFrom } = wish;
  const all = listAllRuns({ ...sources, trackers: sources.lanes }, whole).filter(({ run }) => isMeant(run));
  const { found, away } = await lookForFiles(
    sources,
    all.map(({ run }) => run),
    whole,
  );
  const runs: ListedRun[] = [];
  const files: ForgetPlan['files'][number][] = [];
  const there: RunRef[] = [];
  for (const listed of all) {
    const of = found.get(keyOfRun(listed.run)) ?? { gone: [], there: 0 };
    if (!isGone) {
      runs.push(listed);
      if (of.there > 0) there.push(listed.run);
    } else if (of.there > 0 || listed.isKept) for (const name of of.gone) files.push({ run: listed.run, name });
    else if (of.gone.length > 0) runs.push(listed);
  }
  const { removals, staying } = removalsOf(sources, removeFrom, runs);
  return {
    forgettings:
      whole === undefined
        ? forgettingsOf(runs, files, keepsPoints)
        : [{ kind: 'forget', root: whole, isRoot: true, runs: [], files: [], keepsPoints }],
    runs,
    files,
    points: runs.reduce((sum, { points }) => sum + points, 0),
    there,
    removals,
    staying,
    away,
  };
}

function forgettingsOf(runs: readonly ListedRun[], files: ForgetPlan['files'], keepsPoints: boolean): Forgetting[] {
  const roots = [...new Set([...runs, ...files].map(({ run }) => run.root))].sort();
  const runsOf = Map.groupBy(runs, ({ run }) => run.root);
  const filesOf = Map.groupBy(files, ({ run }) => run.root);
  return roots.map((root) => ({
    kind: 'forget',
    root,
    isRoot: false,
    runs: (runsOf.get(root) ?? []).map(({ run }) => run.path),
    files: (filesOf.get(root) ?? []).map(({ run, name }) => ({ run: run.path, name })),
    keepsPoints,
  }));
}

interface FilesOfRun {
  readonly gone: string[];
  there: number;
}

/**
 * Finds which files of some runs exist, and which are deleted, by `keyOfRun`; and the roots that cannot be checked.
 * `whole`: a root that is checked even if it has no runs.
 */
export async function lookForFiles(
  sources: Pick<ForgetSources, 'store' | 'state'>,
  runs: readonly RunRef[],
  whole?: string,
): Promise<{ readonly found: ReadonlyMap<string, FilesOfRun>; readonly away: readonly KnownRoot[] }> {
  const named = new Set([...runs.map(({ root }) => root), whole]);
  const roots = knownRoots(sources).filter(({ name }) => named.has(name));
  const silent = await silentRoots(roots);
  const away = new Set(roots.filter(({ path }) => silent.has(path) || !hasEntries(path)));
  const found = new Map(runs.map((run): [string, FilesOfRun] => [keyOfRun(run), { gone: [], there: 0 }]));
  for (const root of roots) if (!away.has(root)) lookIn(root, sources, found);
  return { found, away: [...away] };
}

function lookIn(
  { name: root, path }: KnownRoot,
  { store, state }: Pick<ForgetSources, 'store' | 'state'>,
  found: ReadonlyMap<string, FilesOfRun>,
): void {
  const seen = new Set<string>();
  for (const file of [...(store?.knownFiles(root) ?? []), ...(state?.knownFiles(root) ?? [])]) {
    const run = { root, path: file.run };
    const [of, key] = [found.get(keyOfRun(run)), keyOfFile(run, file.name)];
    if (of === undefined || seen.has(key)) continue;
    seen.add(key);
    if (isThere(path, file.run, file.name)) of.there++;
    else of.gone.push(file.name);
  }
}

/** Returns the tracker runs of some lanes that hold only forgotten runs. */
function removalsOf(
  { state }: Pick<ForgetSources, 'state'>,
  lanes: ForgetWish['removeFrom'],
  runs: readonly ListedRun[],
): Pick<ForgetPlan, 'removals' | 'staying'> {
  const removals: Removal[] = [];
  const staying: ForgetPlan['staying'][number][] = [];
  const going = new Set(runs.map(({ run }) => keyOfRun(run)));
  for (const { name: lane, target, backend } of lanes) {
    const known = state?.lane(lane, target);
    if (known === undefined) continue;
    const mappings = known.mappings();
    const targets = new Map(mappings.map(([run, mapping]) => [keyOfRun(run), { root: run.root, path: mapping.target }]));
    const sources = Map.groupBy(mappings, ([run, mapping]) => keyOfRun({ root: run.root, path: mapping.target }));
    const handles = new Map(known.handles().map(([run, handle]) => [keyOfRun(run), handle]));
    const wanted = new Map(runs.map(({ run }) => targets.get(keyOfRun(run)) ?? run).map((run) => [keyOfRun(run), run]));
    for (const [key, run] of wanted) {
      const handle = handles.get(key);
      if (handle === undefined) continue;
      const label = runLabel(run);
      const folded = (sources.get(key) ?? []).map(([source]) => source);
      const isOwn = !targets.has(key) && known.known(run).files.length > 0;
      const others = [...folded, ...(isOwn ? [run] : [])].filter((source) => !going.has(keyOfRun(source)));
      const reason =
        backend.remove === undefined
          ? 'this tracker cannot delete runs'
          : known.opened(run)?.joins !== undefined
            ? 'another program created it'
            : others[0] !== undefined
              ? `${runLabel(others[0])} is in it, too`
              : undefined;
      if (reason === undefined) removals.push({ lane, target, handle, label });
      else staying.push({ lane, label, reason });
    }
  }
  return { removals, staying };
}
