import type { StoredRun, StoreReader } from '../backends/local/index.ts';
import type { ReadBackPoint } from '../contract/index.ts';
import { type RunRef, runLabel } from '../model/index.ts';
import type { ExportRun, ExportSource } from './source.ts';

/** What of a store is exported, and under which names. */
export interface StoreSourceOptions {
  /** The roots, in the order of the export. */
  readonly roots: readonly string[];
  /** Selects runs. Default: all. */
  readonly isWanted?: (run: RunRef) => boolean;
  /** Only series with these tags. Default: all. */
  readonly tags?: ReadonlySet<string>;
  /** True to name runs `ROOT/PATH`, which several roots need. Default: by their paths. */
  readonly withRoot?: boolean;
  /** Called for each series, or run, of which rows are lost. */
  readonly onShort?: (short: ShortSeries) => void;
}

/**
 * A series of which the store lists another number of points than it has: rows are lost. `tag`: undefined if series
 * of the run are lost.
 */
export interface ShortSeries {
  readonly run: string;
  readonly tag: string | undefined;
  readonly expected: number;
  readonly found: number;
}

/** Returns runs of the store. Read series one after the other: the reader uses one statement for all. */
export function storeSource(
  reader: StoreReader,
  { roots, isWanted = () => true, tags, withRoot = false, onShort }: StoreSourceOptions,
): ExportSource {
  return {
    *runs(): Generator<ExportRun, void, void> {
      for (const root of roots) {
        for (const stored of reader.runs(root)) {
          if (isWanted(stored.run)) yield storedRun(reader, stored, { withRoot, tags, onShort });
        }
      }
    },
  };
}

/** What of a run is exported: see `StoreSourceOptions`. */
type RunOptions = { readonly [Key in 'tags' | 'withRoot' | 'onShort']?: StoreSourceOptions[Key] | undefined };

/** Returns one run of the store. */
export function storedRun(
  reader: StoreReader,
  { row, run, points }: StoredRun,
  { tags, withRoot = false, onShort }: RunOptions,
): ExportRun {
  const name = withRoot ? runLabel(run) : run.path;
  const stored = reader.series(row);
  const listed = stored.reduce((sum, { count }) => sum + count, 0);
  if (listed !== points) onShort?.({ run: name, tag: undefined, expected: points, found: listed });
  const series = stored
    .filter(({ tag }) => tags === undefined || tags.has(tag))
    .map((s) => ({ ...s, points: () => counted(reader.points(s.row), name, s, onShort) }));
  return { run: name, files: reader.positions(run).files, series };
}

function* counted(
  points: Iterable<ReadBackPoint>,
  run: string,
  { tag, count }: { readonly tag: string; readonly count: number },
  onShort: StoreSourceOptions['onShort'],
): Generator<ReadBackPoint, void, void> {
  let found = 0;
  for (const point of points) {
    found++;
    yield point;
  }
  if (found !== count) onShort?.({ run, tag, expected: count, found });
}
