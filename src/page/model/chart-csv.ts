/** The points of charts as CSV and JSON, exactly as the store has them. Pure. */
import type { CurveJson } from './curve.ts';
import { exactText, type JsonNumber } from './exact-number.ts';

/** The first line of the CSV form: that of `mirrorboard export --format csv`. */
export const CSV_HEADER = 'run,tag,step,wall_time,value\n';

/** Returns the lines of a curve. Throws for buckets: a file must not have fewer points than the store. */
export function csvLines({ id, tag, data }: CurveJson): string {
  if (data.kind !== 'exact') throw new Error(`the points of ${id} came as buckets`);
  const prefix = `${csvField(id)},${csvField(tag)},`;
  return data.step
    .map(
      (step, i) => `${prefix}${exactText(step)},${exactText(data.wall_time[i] ?? Number.NaN)},${exactText(data.value[i] ?? Number.NaN)}\n`,
    )
    .join('');
}

/** Returns a curve with all its points as a line of JSON. NaN and the infinities are texts, as in the API. */
export function jsonLine({ id, tag, data }: CurveJson): string {
  if (data.kind !== 'exact') throw new Error(`the points of ${id} came as buckets`);
  const column = (values: readonly JsonNumber[]): string => `[${values.map(jsonNumber).join(',')}]`;
  const columns = `"step":${column(data.step)},"wall_time":${column(data.wall_time)},"value":${column(data.value)}`;
  return `{"run":${JSON.stringify(id)},"tag":${JSON.stringify(tag)},${columns}}`;
}

/** JSON.stringify makes 0 of negative zero. */
function jsonNumber(value: JsonNumber): string {
  return typeof value === 'string' ? JSON.stringify(value) : exactText(value);
}

/** The beginning of a formula for spreadsheets, also after blanks and in its wide form. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/;

/** Writes a text as a field. Names come from logs, so none may be a formula to a spreadsheet. */
function csvField(text: string): string {
  const plain = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** Returns a name for a downloaded file, of signs that every file system takes. */
export function fileNameOf(tag: string, ending: string): string {
  const plain = tag
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 80);
  return `${plain || 'chart'}.${ending}`;
}
