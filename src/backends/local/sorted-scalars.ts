/** The scalars of a batch, sorted by series: every later step reads a series from one place in memory. */
import { MirrorError } from '../../errors.ts';
import type { ScalarColumns } from '../../model/index.ts';

/** Columns as in `ScalarColumns`, in the order of their series. The keys of the maps are places in the columns. */
export interface SortedScalars
  extends Pick<ScalarColumns, 'count' | 'step' | 'wallTime' | 'value' | 'offset' | 'index' | 'wideSteps' | 'wideValues'> {
  /** Where each series begins; the last item is `count`. */
  readonly starts: Uint32Array;
}

/** Larger columns, of runs with very many tags, are not kept. */
const MOST_KEPT = 1 << 17;
/** The columns of the last call: allocating them for each batch costs more than filling them. */
let scratch = columnsOf(0);

/** Sorts the points of a batch by series, stably. The result is valid until the next call. */
export function sortBySeries(columns: ScalarColumns, seriesCount: number): SortedScalars {
  const { series, count, step, wallTime, value, offset, index } = columns;
  const starts = new Uint32Array(seriesCount + 1);
  for (let i = 0; i < count; i++) {
    const next = (series[i] as number) + 1;
    if (next > seriesCount) throw new MirrorError('MB9001', `a point belongs to series ${next - 1}, and the run has ${seriesCount}`);
    starts[next] = (starts[next] as number) + 1;
  }
  for (let s = 0; s < seriesCount; s++) starts[s + 1] = (starts[s + 1] as number) + (starts[s] as number);
  const isLarge = count > MOST_KEPT;
  if (!isLarge && scratch.step.length < count) scratch = columnsOf(count);
  const sorted = isLarge ? columnsOf(count) : scratch;
  const fill = starts.slice();
  const hasWide = columns.wideSteps.size + columns.wideValues.size > 0;
  const wideSteps = new Map<number, bigint>();
  const wideValues = new Map<number, bigint>();
  for (let i = 0; i < count; i++) {
    const s = series[i] as number;
    const at = fill[s] as number;
    fill[s] = at + 1;
    sorted.step[at] = step[i] as number;
    sorted.wallTime[at] = wallTime[i] as number;
    sorted.value[at] = value[i] as number;
    sorted.offset[at] = offset[i] as number;
    sorted.index[at] = index[i] as number;
    if (!hasWide) continue;
    const wideStep = columns.wideSteps.get(i);
    const wideValue = columns.wideValues.get(i);
    if (wideStep !== undefined) wideSteps.set(at, wideStep);
    if (wideValue !== undefined) wideValues.set(at, wideValue);
  }
  return { ...sorted, count, wideSteps, wideValues, starts };
}

function columnsOf(length: number): Pick<SortedScalars, 'step' | 'wallTime' | 'value' | 'offset' | 'index'> {
  const doubles = (): Float64Array => new Float64Array(length);
  return { step: doubles(), wallTime: doubles(), value: doubles(), offset: doubles(), index: new Uint32Array(length) };
}
