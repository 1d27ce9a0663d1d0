/** Values in the forms that Trackio's pages show. The exact value is always beside. */
import { type ExactValue, isShownImage } from '../../backend-kit/index.ts';
import { type Blob, type Histogram, type JsonObject, textJson, type Value } from '../../model/index.ts';
import { MOST_SHOWN, ROW_TEXT_BYTES } from './limits.ts';

/** A value without a form of Trackio's own: its pages leave it out. */
const UNSHOWN = { _type: 'mirrorboard.value' };
/** Characters of a cell of a table. */
const CELL_CHARS = 1024;
const CURVE = ['true_positives', 'false_positives', 'true_negatives', 'false_negatives', 'precision', 'recall'];

/** Returns the form of a value. `pathOf` returns the path of bytes below the server's media folder. */
export function shownForm({ value, blobs }: ExactValue, pathOf: (blob: Blob) => string): JsonObject {
  switch (value.kind) {
    case 'histogram':
      return histogramForm(value);
    case 'images':
      return imagesForm(blobs.filter(isShownImage).map(pathOf));
    case 'audio': {
      const [clip] = blobs;
      return clip === undefined ? UNSHOWN : { ...mediaForm('trackio.audio', pathOf(clip)), caption: clip.label };
    }
    case 'text':
      return textForm(value);
    case 'pr_curve':
      return tableForm(
        numbersOf(value.rows[0] ?? []).map((_, i) =>
          rowOf(
            CURVE,
            value.rows.map((row) => numbersOf(row)[i] ?? 0),
          ),
        ),
      );
    default:
      return UNSHOWN;
  }
}

/** Returns the bins; if there are more than Trackio's own histograms have, neighbors are joined. */
function histogramForm({ left, right, count }: Histogram): JsonObject {
  const [edges, ends, counts] = [numbersOf(left), numbersOf(right), numbersOf(count)];
  const width = Math.ceil(counts.length / MOST_SHOWN);
  const starts = Array.from({ length: Math.ceil(counts.length / Math.max(1, width)) }, (_, i) => i * width);
  const values = starts.map((at) => counts.slice(at, at + width).reduce((sum, each) => sum + each, 0));
  const bins = [...starts.map((at) => edges[at] ?? Number.NaN), ends.at(-1) ?? Number.NaN];
  return [...bins, ...values].every(Number.isFinite) ? { _type: 'trackio.histogram', bins, values } : UNSHOWN;
}

function imagesForm(paths: readonly string[]): JsonObject {
  const [first] = paths;
  if (first === undefined) return UNSHOWN;
  const images = paths.slice(0, MOST_SHOWN).map((path) => mediaForm('trackio.image', path));
  // A table shows several images side by side in one cell.
  return paths.length === 1 ? mediaForm('trackio.image', first) : tableForm([{ images }]);
}

/** Returns a text as a report, and a tensor of texts as a table, as TensorBoard does. */
function textForm({ shape, strings }: Extract<Value, { kind: 'text' }>): JsonObject {
  const most = strings.length === 1 ? ROW_TEXT_BYTES : CELL_CHARS;
  const texts = strings.slice(0, MOST_SHOWN).map((bytes) => shortText(bytes, most));
  const [text] = texts;
  if (text === undefined) return UNSHOWN;
  if (strings.length === 1) return { _type: 'trackio.markdown', _value: text };
  const width = shape.length > 1 ? Math.max(1, Math.min(shape.at(-1) ?? 1, MOST_SHOWN)) : 1;
  const rows = Array.from({ length: Math.ceil(texts.length / width) }, (_, i) => texts.slice(i * width, (i + 1) * width));
  return tableForm(
    rows.map((row) =>
      rowOf(
        row.map((_, i) => (width === 1 ? 'text' : String(i))),
        row,
      ),
    ),
  );
}

function shortText(bytes: Uint8Array, most: number): string {
  const text = textJson(bytes);
  return typeof text === 'string' ? text.slice(0, most).toWellFormed() : '(not UTF-8)';
}

function tableForm(rows: readonly JsonObject[]): JsonObject {
  return { _type: 'trackio.table', _value: rows.slice(0, MOST_SHOWN) };
}

function mediaForm(type: string, path: string): JsonObject {
  return { _type: type, file_path: path, caption: '' };
}

function rowOf(names: readonly string[], values: readonly (string | number)[]): JsonObject {
  return Object.fromEntries(values.map((value, i) => [names[i] ?? String(i), value]));
}

function numbersOf(values: readonly (number | bigint)[]): number[] {
  return values.map(Number);
}
