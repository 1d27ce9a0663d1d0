import { jsonNumber } from '../model/index.ts';
import { type ExportKind, isOfKind } from './kind.ts';
import type { ExportCount, ExportRun, ExportSource } from './source.ts';
import type { TextBuffer, TextSink } from './text-buffer.ts';
import { type TextFormat, writeText } from './text-format.ts';

/** The options of a CSV export. */
export interface CsvOptions {
  /** The kind of series to write; default `scalars`. */
  readonly kind?: ExportKind;
  /**
   * True to write texts so that none is a formula to a spreadsheet, and none controls a terminal. Default false:
   * texts are unchanged.
   */
  readonly safe?: boolean;
}

const HEADER = 'run,tag,step,wall_time,value\n';

/**
 * Writes one table, a line per point (RFC 4180, except the line end, which is `\n`). Numbers are in their shortest
 * form that reads back exactly. `NaN`, `Infinity`, `-Infinity` are written so, negative zero is `-0.0`, integers are
 * in full. Values of kinds other than scalars are JSON text.
 */
export function writeCsv(source: ExportSource, sink: TextSink, options: CsvOptions = {}): Promise<ExportCount> {
  return writeText(csvFormat(options), source, sink);
}

/** Returns the format of `writeCsv`. */
export function csvFormat({ kind = 'scalars', safe = false }: CsvOptions = {}): TextFormat {
  const field = safe ? (text: string): string => csvField(harmless(text)) : csvField;
  return {
    head: HEADER,
    before: () => '',
    write: (run, out, count) => writeLines(run, out, count, kind, field),
    tail: '',
  };
}

async function writeLines(
  run: ExportRun,
  out: TextBuffer,
  count: ExportCount,
  kind: ExportKind,
  field: (text: string) => string,
): Promise<void> {
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

/** Quotes a text if it could be read as several fields, or as none. */
function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The beginning of a formula for spreadsheets, also after blanks and in its wide form. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/;

/** Makes a text that is only shown: control characters are escaped, and a formula gets a quote before it. */
function harmless(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`);
  return FORMULA.test(text) || /^[\t\r\n]/.test(text) ? `'${plain}` : plain;
}

function numberText(x: number): string {
  return Number.isFinite(x) ? jsonNumber(x) : String(x);
}
