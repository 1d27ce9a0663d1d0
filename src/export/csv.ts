import { jsonNumber } from '../model/index.ts';
import { type ExportKind, isOfKind } from './kind.ts';
import { type ExportCount, type ExportSource, nothingYet } from './source.ts';
import { TextBuffer, type TextSink } from './text-buffer.ts';

export interface CsvOptions {
  /** Which series are written; default `scalars`. */
  readonly kind?: ExportKind;
}

const HEADER = 'run,tag,step,wall_time,value\n';

/**
 * Writes one table, a line a point (RFC 4180, but for the line end, which is `\n`). Numbers are in their shortest form
 * that reads back exactly; `NaN`, `Infinity`, `-Infinity` are spelled so, negative zero is `-0.0`, integers are in full.
 * Values of kinds other than scalars are JSON text.
 */
export async function writeCsv(source: ExportSource, sink: TextSink, { kind = 'scalars' }: CsvOptions = {}): Promise<ExportCount> {
  const out = new TextBuffer(sink);
  const count = nothingYet();
  out.add(HEADER);
  for (const run of source.runs()) {
    count.runs++;
    for (const series of run.series) {
      if (!isOfKind(series.plugin, kind)) continue;
      const prefix = `${csvField(run.run)},${csvField(series.tag)},`;
      const before = count.points;
      for (const { step, wallTime, value } of series.points()) {
        if (typeof value === 'string') {
          if (kind === 'scalars') {
            count.leftOut++;
            continue;
          }
          out.add(`${prefix}${step},${numberText(wallTime)},${csvField(value)}\n`);
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

/** Quoted where the text could be taken for more than one field, or for none of what it is. */
function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function numberText(x: number): string {
  return Number.isFinite(x) ? jsonNumber(x) : String(x);
}
