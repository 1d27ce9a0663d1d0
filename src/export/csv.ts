import { jsonNumber } from '../model/index.ts';
import { type ExportKind, isOfKind } from './kind.ts';
import { type ExportCount, type ExportSource, nothingYet } from './source.ts';
import { TextBuffer, type TextSink } from './text-buffer.ts';

/** What is written, and how texts are. */
export interface CsvOptions {
  /** Which series are written; default `scalars`. */
  readonly kind?: ExportKind;
  /**
   * No text is a formula to a spreadsheet, and none steers a terminal. Default false: texts are exactly what they
   * are.
   */
  readonly safe?: boolean;
}

const HEADER = 'run,tag,step,wall_time,value\n';

/**
 * Writes one table, a line a point (RFC 4180, but for the line end, which is `\n`). Numbers are in their shortest
 * form that reads back exactly; `NaN`, `Infinity`, `-Infinity` are spelled so, negative zero is `-0.0`, integers are
 * in full. Values of kinds other than scalars are JSON text.
 */
export async function writeCsv(
  source: ExportSource,
  sink: TextSink,
  { kind = 'scalars', safe = false }: CsvOptions = {},
): Promise<ExportCount> {
  const field = safe ? (text: string): string => csvField(harmless(text)) : csvField;
  const out = new TextBuffer(sink);
  const count = nothingYet();
  out.add(HEADER);
  for await (const run of source.runs()) {
    count.runs++;
    for (const series of run.series) {
      if (!isOfKind(series.plugin, kind)) continue;
      const prefix = `${field(run.run)},${field(series.tag)},`;
      const before = count.points;
      for (const { step, wallTime, value } of series.points()) {
        if (typeof value === 'string') {
          if (kind === 'scalars') {
            count.leftOut++;
            continue;
          }
          out.add(`${prefix}${step},${numberText(wallTime)},${field(value)}\n`);
        } else {
          out.add(`${prefix}${step},${numberText(wallTime)},${typeof value === 'bigint' ? value : numberText(value)}\n`);
        }
        count.points++;
        if (out.isFull) await out.flush();
      }
      if (count.points > before) count.series++;
    }
  }
  await out.flush();
  return count;
}

/** Quoted if the text could be read as several fields, or as none. */
function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What spreadsheets take for the beginning of a formula, also behind blanks and in its wide form. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/;

/**
 * A text that is nothing but shown: what would steer is written out, and what would be a formula has a quote before
 * it.
 */
function harmless(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`);
  return FORMULA.test(text) || /^[\t\r\n]/.test(text) ? `'${plain}` : plain;
}

function numberText(x: number): string {
  return Number.isFinite(x) ? jsonNumber(x) : String(x);
}
