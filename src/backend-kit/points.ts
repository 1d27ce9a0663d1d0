import type { HeldPoint, TrackerParcel } from '../contract/index.ts';
import type { Batch, Blob } from '../model/index.ts';
import { exactValue } from './values.ts';

/** A point of a parcel with its series and its position, in the form in which `readBack` returns it. */
export interface ParcelPoint extends HeldPoint {
  /** The tag of its series, as the tracker run names it. */
  readonly tag: string;
  readonly plugin: string;
  /**
   * Its position, which is its identity: the file as the tracker run sees it, the byte offset of the record, its
   * checksum, and the index in the record.
   */
  readonly file: string;
  readonly offset: number;
  readonly checksum: number;
  readonly index: number;
}

/** Visits the scalars of a batch one by one, with wide integers at their positions, and allocates no objects. */
export function eachScalar(
  { scalars }: Pick<Batch, 'scalars'>,
  visit: (
    series: number,
    step: number | bigint,
    wallTime: number,
    value: number | bigint,
    offset: number,
    checksum: number,
    index: number,
  ) => void,
): void {
  const { count, series, step, wallTime, value, offset, checksum, index, wideSteps, wideValues } = scalars;
  for (let i = 0; i < count; i++) {
    visit(
      series[i] as number,
      wideSteps.get(i) ?? (step[i] as number),
      wallTime[i] as number,
      wideValues.get(i) ?? (value[i] as number),
      offset[i] as number,
      checksum[i] as number,
      index[i] as number,
    );
  }
}

/**
 * Returns the points of a parcel in the order of its file. A scalar's value is a number (a bigint if no double holds
 * it). Any other value is the text of its JSON form, with the length and SHA-256 of large bytes (images, audio,
 * tensors, graphs) in their place. `blobsOf` returns those bytes.
 *
 * This makes an object for each point. A backend that must be fast reads `batch.scalars`, whose columns hold the same
 * scalars.
 */
export function pointsOf({ batch, series, file }: Pick<TrackerParcel, 'batch' | 'series' | 'file'>): ParcelPoint[] {
  const points: ParcelPoint[] = [];
  eachScalar(batch, (id, step, wallTime, value, offset, checksum, index) => {
    points.push({ ...seriesOf(series, id), file, offset, checksum, index, step, wallTime, value });
  });
  for (const point of batch.objects) {
    const { offset, checksum, index, step, wallTime } = point;
    const { tag, plugin } = seriesOf(series, point.series);
    points.push({ tag, plugin, file, offset, checksum, index, step, wallTime, value: exactValue(plugin, point).text });
  }
  return points.sort((a, b) => a.offset - b.offset || a.index - b.index);
}

/**
 * Returns the bytes that values of a parcel name by their SHA-256, each content once. A backend that holds such kinds
 * keeps these bytes too.
 */
export function blobsOf({ batch, series }: Pick<TrackerParcel, 'batch' | 'series'>): Blob[] {
  const blobs = new Map<string, Blob>();
  for (const point of batch.objects) {
    const { plugin } = seriesOf(series, point.series);
    for (const blob of exactValue(plugin, point).blobs) blobs.set(blob.sha256, blob);
  }
  return [...blobs.values()];
}

function seriesOf(series: TrackerParcel['series'], id: number | undefined): { readonly tag: string; readonly plugin: string } {
  const found = id === undefined ? undefined : series[id];
  if (found === undefined) throw new RangeError(`the parcel has no series ${id} (it has ${series.length})`);
  return { tag: found.tag, plugin: found.plugin };
}
