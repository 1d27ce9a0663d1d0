/** Maps canonical points to what mirrorboard sends to Aim. Pure. */
import { exactValue, fieldOf, hparamsOf, isShownImage } from '../../backend-kit/index.ts';
import { isFields } from '../../http/index.ts';
import { type Histogram, type Json, jsonText, type Blob as ModelBlob, type ObjectPoint, type Value } from '../../model/index.ts';
import { MOST_BINS } from './limits.ts';
import { type Family, familyOfPlugin } from './sequences.ts';
import { AimBlob, Custom, type Tree } from './tree.ts';

/** A point that is not a scalar, in the form that Aim stores. */
export interface AimObject {
  readonly family: Family;
  /** The fields of one object, or of several: the images or clips of one point. */
  readonly objects: readonly Custom[];
  /** The exact JSON text of its value; undefined if a text's data is already exact. */
  readonly exact: string | undefined;
  readonly bytes: number;
  readonly params: readonly (readonly [name: string, value: Tree])[];
  readonly paramsMeta: Tree | undefined;
}

/** Maps a point that is not a scalar to Aim's objects. */
export function mapObject(plugin: string, point: ObjectPoint): AimObject {
  const { value, text, blobs } = exactValue(plugin, point);
  const own = nativeOf(value, blobs);
  const isNative = own !== undefined && own.family === familyOfPlugin(plugin) && own.objects.length > 0;
  const { family, objects } = isNative ? own : { family: 'json' as const, objects: [jsonObject(text, blobs)] };
  return {
    family,
    objects,
    exact: family === 'json' || (family === 'text' && isPlainText(value)) ? undefined : text,
    bytes: text.length + blobs.reduce((sum, { data }) => sum + data.length, 0),
    params: hparamsOf(value).map(([name, param]) => [partOf(name), treeOf(param)] as const),
    paramsMeta: value.kind === 'hparams' ? metaOf(fieldOf(value.data, 'experiment')) : undefined,
  };
}

function nativeOf(value: Value, blobs: readonly ModelBlob[]): { readonly family: Family; readonly objects: readonly Custom[] } | undefined {
  switch (value.kind) {
    case 'histogram':
      return { family: 'distribution', objects: [distribution(value)] };
    case 'images':
      return {
        family: 'image',
        objects: blobs.map(
          ({ data, format, label }) =>
            new Custom('aim.image', {
              data: new AimBlob(data),
              format: isShownImage({ format }) ? format : 'png',
              width: sizeOf(value.width),
              height: sizeOf(value.height),
              mode: 'RGB',
              source: 'PIL.Image',
              caption: label,
            }),
        ),
      };
    case 'audio':
      return {
        family: 'audio',
        objects: blobs.map(
          ({ data, format, label }) =>
            new Custom('aim.audio', { data: new AimBlob(data), format: format === 'wav' ? 'wav' : audioFormat(data), caption: label }),
        ),
      };
    case 'text':
      return { family: 'text', objects: [new Custom('aim.text', { data: new AimBlob(shownText(value.shape, value.strings)) })] };
    default:
      return undefined;
  }
}

/**
 * Maps a value without an Aim type to a text: its JSON form. Bytes that the form names by hash are stored with it, in
 * the same order.
 */
function jsonObject(text: string, blobs: readonly ModelBlob[]): Custom {
  return new Custom('aim.text', {
    data: new AimBlob(text),
    mb_json: true,
    ...(blobs.length === 0 ? {} : { mb_blobs: blobs.map(({ data }) => new AimBlob(data)) }),
  });
}

/** Returns the format of a clip. Aim knows three formats by name; the bytes are the same whatever the name is. */
function audioFormat(data: Uint8Array): string {
  if (data[0] === 0x66 && data[1] === 0x4c && data[2] === 0x61) return 'flac';
  const isMp3 = (data[0] === 0x49 && data[1] === 0x44 && data[2] === 0x33) || (data[0] === 0xff && ((data[1] ?? 0) & 0xe0) === 0xe0);
  return isMp3 ? 'mp3' : 'wav';
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isPlainText(value: Value): boolean {
  if (value.kind !== 'text' || value.shape.length > 0 || value.strings.length !== 1) return false;
  try {
    strict.decode(value.strings[0]);
    return true;
  } catch {
    return false;
  }
}

/** Returns the JSON text of a value that is one text. */
export function plainTextJson(text: string): string {
  return jsonText({ shape: [], strings: [text] });
}

/** Returns a text in a readable form: several texts become a table, as in TensorBoard. */
function shownText(shape: readonly number[], strings: readonly Uint8Array[]): string {
  const texts = strings.map((bytes) => Buffer.from(bytes).toString('utf8'));
  if (shape.length === 0 || texts.length < 2) return texts.join('\n\n');
  const width = shape.length > 1 ? (shape.at(-1) ?? 1) : 1;
  const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/(?<!\s)\s*\n\s*/g, '<br>');
  const rows: string[] = [`|${' |'.repeat(width)}`, `|${'---|'.repeat(width)}`];
  for (let at = 0; at < texts.length; at += width)
    rows.push(
      `| ${texts
        .slice(at, at + width)
        .map(cell)
        .join(' | ')} |`,
    );
  return rows.join('\n');
}

/**
 * Maps a histogram to the form that Aim draws: bins of equal width, to which each bucket contributes its share. The
 * exact buckets are stored with it.
 */
function distribution(value: Histogram): Custom {
  const buckets = value.left.map((left, i) => ({ left: Number(left), right: Number(value.right[i]), count: Number(value.count[i]) }));
  const edges = buckets.flatMap(({ left, right }) => [left, right]).filter(Number.isFinite);
  let low = edges.reduce((least, edge) => Math.min(least, edge), Number.POSITIVE_INFINITY);
  let high = edges.reduce((most, edge) => Math.max(most, edge), Number.NEGATIVE_INFINITY);
  if (edges.length === 0) [low, high] = [0, 1];
  // Aim divides by the width.
  const widening = Math.max(Math.abs(low) * 1e-6, 1e-12);
  if (!(high > low)) [low, high] = [low - widening, low + widening];
  const bins = Math.max(1, Math.min(buckets.length, MOST_BINS));
  const counts = new Float64Array(bins);
  const width = high / bins - low / bins;
  const binOf = (x: number): number => Math.max(0, Math.min(bins - 1, Math.floor((x - low) / width)));
  const give = (bin: number, count: number): void => {
    counts[bin] = (counts[bin] as number) + count;
  };
  for (const { left, right, count } of buckets) {
    // A bucket with one infinite edge counts at its finite edge, one without a finite edge in the first bin.
    const ends = [left, right].filter(Number.isFinite);
    const [first, last] = [binOf(ends[0] ?? low), binOf(ends.at(-1) ?? low)];
    if (first >= last || ends.length < 2 || !Number.isFinite(right - left)) {
      give(first, count);
      continue;
    }
    for (let bin = first; bin <= last; bin++) {
      const overlap = Math.min(right, low + width * (bin + 1)) - Math.max(left, low + width * bin);
      give(bin, (count * Math.max(0, overlap)) / (right - left));
    }
  }
  return new Custom('aim.distribution', {
    data: new AimBlob(new Uint8Array(counts.buffer)),
    dtype: 'float64',
    range: [low, high],
    bin_count: BigInt(bins),
  });
}

/** Returns the description of an experiment's hyperparameters. */
function metaOf(experiment: Json | undefined): Tree | undefined {
  return isFields(experiment) ? treeOf(experiment as Json) : undefined;
}

/** Returns a part of a path: a part must not be empty. */
export function partOf(name: string): string {
  return name === '' ? '(no name)' : name;
}

/** Returns a JSON value as a tree of Aim's storage. */
export function treeOf(value: Json): Tree {
  if (typeof value === 'bigint') return wholeOf(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map(treeOf);
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [partOf(key), treeOf(child)]));
}

/** Returns an integer, or a text if 64 bits cannot hold it. */
export function wholeOf(value: bigint): bigint | string {
  return BigInt.asIntN(64, value) === value ? value : String(value);
}

function sizeOf(pixels: number): bigint {
  return Number.isSafeInteger(pixels) ? BigInt(pixels) : 0n;
}
