import type { HeldPoint, TrackerParcel } from '../contract/index.ts';
import { type Blob, interpret, jsonText, valueJson } from '../model/index.ts';

/** A point of a parcel with its series and its place, in the form in which `readBack` gives it back. */
export interface ParcelPoint extends HeldPoint {
  /** Its series: the tag is that of the tracker run. */
  readonly tag: string;
  readonly plugin: string;
  /**
   * Its place, which is its identity: file as seen from the tracker run, byte offset of the record, checksum, place
   * in the record.
   */
  readonly file: string;
  readonly offset: number;
  readonly checksum: number;
  readonly index: number;
}

/**
 * The points of a parcel in the order of its file: a scalar's value as a number (a bigint where no double holds it),
 * that of any other kind as the text of its JSON form, in which large bytes (images, audio, tensors, graphs) stand as
 * length and SHA-256. `blobsOf` gives those bytes.
 *
 * This makes an object for each point. A backend that must be fast reads `batch.scalars`, whose columns are the
 * same points.
 */
export function pointsOf({ batch, series, file }: Pick<TrackerParcel, 'batch' | 'series' | 'file'>): ParcelPoint[] {
  const { scalars, objects } = batch;
  const points: ParcelPoint[] = [];
  for (let row = 0; row < scalars.count; row++) {
    points.push({
      ...seriesOf(series, scalars.series[row]),
      file,
      offset: scalars.offset[row] as number,
      checksum: scalars.checksum[row] as number,
      index: scalars.index[row] as number,
      step: scalars.wideSteps.get(row) ?? (scalars.step[row] as number),
      wallTime: scalars.wallTime[row] as number,
      value: scalars.wideValues.get(row) ?? (scalars.value[row] as number),
    });
  }
  for (const point of objects) {
    const { offset, checksum, index, step, wallTime } = point;
    const { tag, plugin } = seriesOf(series, point.series);
    const value = jsonText(valueJson(interpret(plugin, point), () => {}));
    points.push({ tag, plugin, file, offset, checksum, index, step, wallTime, value });
  }
  return points.sort((a, b) => a.offset - b.offset || a.index - b.index);
}

/**
 * The bytes that values of a parcel name by their SHA-256, each content once. A backend that holds such kinds keeps
 * them too.
 */
export function blobsOf({ batch, series }: Pick<TrackerParcel, 'batch' | 'series'>): Blob[] {
  const blobs = new Map<string, Blob>();
  for (const point of batch.objects) {
    const { plugin } = seriesOf(series, point.series);
    valueJson(interpret(plugin, point), (blob) => blobs.set(blob.sha256, blob));
  }
  return [...blobs.values()];
}

function seriesOf(series: TrackerParcel['series'], id: number | undefined): { readonly tag: string; readonly plugin: string } {
  const found = id === undefined ? undefined : series[id];
  if (found === undefined) throw new RangeError(`the parcel names series ${id}, and has ${series.length}`);
  return { tag: found.tag, plugin: found.plugin };
}
