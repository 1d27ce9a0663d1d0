import { type NeededFile, type PointIdentity, scalarText } from '../../backend-kit/exact-points/index.ts';
import { eachScalar } from '../../backend-kit/index.ts';
import type { TrackerParcel } from '../../contract/index.ts';
import { markLine, pointLine, type TaskLine } from './exact-files.ts';
import { fileHash, heldNumber, heldTime, isName, keyEnd, keyStart, namesOf } from './keys.ts';
import { type ClearmlObject, type ClearmlUpload, mapObject, type Param } from './map.ts';

/** The position of a point in its file. */
export interface Spot {
  readonly offset: number;
  readonly index: number;
}

/** One event to write, and the points that it holds. */
export interface EventLine {
  readonly text: string;
  readonly bytes: number;
  /** The points that the event holds; none if it is only for display. */
  readonly points: readonly Spot[];
}

/** A file of a single point, with the point's step and wall time. */
export interface PointUpload extends ClearmlUpload, Spot {
  readonly step: number | bigint;
  readonly wallTime: number;
}

/** Everything that a parcel becomes. */
export interface PreparedEvents {
  readonly events: readonly EventLine[];
  /** The points that no event can hold, in the order of the file. */
  readonly lines: readonly TaskLine[];
  readonly uploads: readonly PointUpload[];
  readonly params: readonly Param[];
  readonly documents: readonly NonNullable<ClearmlObject['document']>[];
  /** The hash of the file that the points come from. */
  readonly source: string;
  /** Number of points at a step that has another meaning for the official tools. */
  readonly reservedSteps: number;
}

/**
 * Turns a parcel into events, files and params. `reserved`: a step that the official tools treat as a single value.
 */
export function prepare({ batch, series, file }: TrackerParcel, taskId: string, reserved: number): PreparedEvents {
  const events: EventLine[] = [];
  const lines: TaskLine[] = [];
  const uploads: PointUpload[] = [];
  const params: Param[] = [];
  const documents = new Map<string, NonNullable<ClearmlObject['document']>>();
  const source = fileHash(batch.run, batch.file);
  const starts = new Map<number, string | undefined>();
  let reservedSteps = 0;
  const placeOf = (offset: number, checksum: number, index: number): PointIdentity => {
    return { run: batch.run, file: batch.file, offset, checksum, index };
  };

  eachScalar(batch, (id, step, wallTime, value, offset, checksum, index) => {
    if (step === reserved) reservedSteps++;
    let start = starts.get(id);
    if (start === undefined && !starts.has(id)) {
      start = scalarStart(taskId, series[id]?.tag ?? '', source);
      starts.set(id, start);
    }
    if (start === undefined) {
      const { tag = '', plugin = '' } = series[id] ?? {};
      lines.push(pointLine(placeOf(offset, checksum, index), file, tag, plugin, step, wallTime, scalarText(value), []));
      return;
    }
    const { text: number, suffix } = heldNumber(value);
    const time = heldTime(wallTime);
    const text =
      `${start}${keyEnd(offset, checksum, index)}${suffix}${time.suffix}",` +
      `"iter":${stepText(step)},"timestamp":${time.millis},"value":${number}}`;
    events.push({ text, bytes: text.length + 16, points: [{ offset, index }] });
  });

  for (const point of batch.objects) {
    const { tag = '', plugin = '' } = series[point.series] ?? {};
    const { step, wallTime, offset, checksum, index } = point;
    const place = placeOf(offset, checksum, index);
    const mapped = mapObject(tag, plugin, point, place);
    if (step === reserved) reservedSteps++;
    for (const upload of mapped.uploads) uploads.push({ ...upload, offset, index, step, wallTime });
    for (const param of mapped.params) params.push(param);
    if (mapped.document !== undefined) documents.set(mapped.document.name, mapped.document);
    if (mapped.plot !== undefined) {
      const { metric, variant } = namesOf(tag);
      const time = heldTime(wallTime);
      const key = `${keyStart(metric, source)}${keyEnd(offset, checksum, index)}${time.suffix}`;
      const head = `{"type":"plot","task":${quoted(taskId)},"metric":${quoted(metric)},"variant":${quoted(variant)}`;
      const text = `${head},"key":"${key}","iter":${stepText(step)},"timestamp":${time.millis},"plot_str":${quoted(mapped.plot)}}`;
      events.push({ text, bytes: Buffer.byteLength(text) + 1, points: [{ offset, index }] });
      continue;
    }
    const files = mapped.uploads.filter(({ isNeeded }) => isNeeded).map(({ path, data }): NeededFile => [path, data.length]);
    lines.push(pointLine(place, file, tag, plugin, step, wallTime, mapped.valueText, files));
  }
  for (const mark of batch.marks) lines.push(markLine(placeOf(mark.offset, mark.checksum, 0), file, mark));
  lines.sort((a, b) => a.offset - b.offset || a.index - b.index);
  return { events, lines, uploads, params, documents: [...documents.values()], source, reservedSteps };
}

/** Returns the text of a scalar's event up to the position in its key; undefined for a tag that no event can hold. */
function scalarStart(taskId: string, tag: string, source: string): string | undefined {
  if (!isName(tag)) return undefined;
  const { metric, variant } = namesOf(tag);
  const names = `"metric":${quoted(metric)},"variant":${quoted(variant)}`;
  return `{"type":"training_stats_scalar","task":${quoted(taskId)},${names},"key":"${keyStart(metric, source)}`;
}

/** Returns the JSON of a text. Escapes the characters that some readers treat as the end of a line. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Returns a step in digits, exact for all int64 values; negative zero is zero. */
function stepText(step: number | bigint): string {
  return typeof step === 'number' && !Number.isSafeInteger(step) ? String(BigInt(step)) : String(step);
}

/** Returns the event that shows a file of a task. */
export function sampleText(
  taskId: string,
  names: { readonly metric: string; readonly variant: string },
  step: number | bigint,
  wallTime: number,
  key: string,
  url: string,
): string {
  const head =
    `{"type":"training_debug_image","task":${quoted(taskId)},` + `"metric":${quoted(names.metric)},"variant":${quoted(names.variant)}`;
  return `${head},"iter":${stepText(step)},"timestamp":${heldTime(wallTime).millis},"key":${quoted(key)},"url":${quoted(url)}}`;
}
