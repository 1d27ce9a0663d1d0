import type { StoreReader } from '../backends/local/index.ts';
import { suggestion } from '../closest-name.ts';
import { type RunRef, runLabel } from '../model/index.ts';
import type { LaneReader } from '../state/index.ts';
import { counted } from './terminal/index.ts';

/** The sources that may know a run. */
export interface Witnesses {
  /** The paths of the runs below the root, as they are on disk now. */
  readonly onDisk: ReadonlySet<string>;
  readonly store: { readonly path: string; readonly reader: StoreReader } | undefined;
  readonly lanes: readonly { readonly name: string; readonly lane: LaneReader }[];
}

/** The places that know a run, or one of its series. */
export interface Seen {
  /** The places: `on disk`, `in ./mirrorboard.db (20 points)`, `by the lane mlflow`. None: it was never seen. */
  readonly places: readonly string[];
  /** The text about it, as a sentence. */
  readonly text: string;
  /** The plugin of the series, if it is known. */
  readonly plugin?: string | undefined;
}

/** Returns the places that know a run; for an unknown run, the most likely intended one. */
export function seenRun(run: RunRef, { onDisk, store, lanes }: Witnesses): Seen {
  const stored = store?.reader.positions(run);
  const places = [
    ...(onDisk.has(run.path) ? ['on disk'] : []),
    ...(store !== undefined && stored !== undefined && stored.files.length > 0
      ? [`in ${store.path} (${counted(stored.points, 'point')})`]
      : []),
    ...lanes.filter(({ lane }) => lane.known(run).files.length > 0).map(({ name }) => `by the lane ${name}`),
  ];
  if (places.length > 0) return { places, text: `seen ${places.join(', ')}` };
  const others = [...onDisk, ...(store?.reader.runs(run.root) ?? []).map((other) => other.run.path)];
  const guess = suggestion(run.path, others);
  return { places, text: `never seen: there is no run ${runLabel(run)} on disk, and none was mirrored${guess}` };
}

/** Returns the places that know a series. It does not search event files for series that are not mirrored yet. */
export function seenSeries(run: RunRef, tag: string, { store, lanes }: Witnesses): Seen {
  const stored = store?.reader.catalogue(run) ?? [];
  const own = stored.find((series) => series.tag === tag);
  const known = lanes.map(({ name, lane }) => ({ name, catalogue: lane.catalogue(run) }));
  const others = known.flatMap(({ name, catalogue }) =>
    catalogue.filter((series) => series.tag === tag).map(({ plugin }) => ({ name, plugin })),
  );
  const places = [
    ...(own !== undefined && store !== undefined ? [`in ${store.path} (${counted(own.count, 'point')})`] : []),
    ...others.map(({ name }) => `by the lane ${name}`),
  ];
  if (places.length > 0) return { places, text: `series seen ${places.join(', ')}`, plugin: own?.plugin ?? others[0]?.plugin };
  const tags = [...stored, ...known.flatMap(({ catalogue }) => catalogue)].map((series) => series.tag);
  const text =
    tags.length === 0
      ? 'series never seen: nothing of the run is mirrored yet'
      : 'series never seen: the mirrored data of the run has no such tag';
  return { places, text: text + suggestion(tag, tags) };
}
