import type { ReadBackPoint } from '../contract/index.ts';
import { jsonNumber } from '../model/index.ts';
import type { ExportCount, ExportedFile, ExportRun, ExportSeries, ExportSource } from './source.ts';
import type { TextBuffer, TextSink } from './text-buffer.ts';
import { type TextFormat, writeText } from './text-format.ts';

/** Version of the layout: `{"format": 1, "runs": {RUN: {"files": […], "tags": {TAG: SERIES}}}}`. */
const FORMAT = 1;

/**
 * Writes everything as one JSON text, a piece at a time. Every number reads back exactly: see `jsonText`. A point is
 * `[step, wall time, value]`; a line holds one point, so that ordinary tools can compare two exports.
 */
export function writeTruthJson(source: ExportSource, sink: TextSink): Promise<ExportCount> {
  return writeText(TRUTH_FORMAT, source, sink);
}

/** The format of `writeTruthJson`. */
export const TRUTH_FORMAT: TextFormat = {
  head: `{"format":${FORMAT},"runs":{`,
  before: (index) => (index === 0 ? '\n' : ',\n'),
  async write(run, out, count) {
    out.add(`${JSON.stringify(run.run)}:{"files":${filesJson(run.files)},"tags":{`);
    await writeTags(run, out, count);
    out.add('}}');
  },
  tail: '\n}}\n',
};

async function writeTags(run: ExportRun, out: TextBuffer, count: ExportCount): Promise<void> {
  let tags = 0;
  for (const series of run.series) {
    let points = 0;
    for (const point of series.points()) {
      // A series without points is left out: it may be a remainder of a file that was replaced.
      out.add(points === 0 ? `${tags === 0 ? '\n' : ',\n'}${seriesHead(series)}` : ',\n');
      out.add(`[${exactJson(point.step)},${jsonNumber(point.wallTime)},${exactJson(point.value)}]`);
      points++;
      if (out.isFull) await out.flush();
    }
    if (points === 0) continue;
    out.add(']}');
    tags++;
    count.points += points;
  }
  count.series += tags;
}

function seriesHead({ tag, plugin, dataClass, displayName, description }: ExportSeries): string {
  let head = `${JSON.stringify(tag)}:{"plugin":${JSON.stringify(plugin)},"data_class":${JSON.stringify(dataClass)}`;
  if (displayName !== '') head += `,"display_name":${JSON.stringify(displayName)}`;
  if (description !== '') head += `,"description":${JSON.stringify(description)}`;
  return `${head},"points":[\n`;
}

/**
 * Returns the files in JSON. `good_bytes` is the watermark, where reading resumes. `damage` lists the ranges before
 * it that could not be read.
 */
function filesJson(files: readonly ExportedFile[]): string {
  return JSON.stringify(
    files.map(({ name, size, records, position, damage }) => ({ name, bytes: size, records, good_bytes: position.watermark, damage })),
  );
}

/** Returns a value in JSON. A text is already a value in its JSON form. */
function exactJson(value: ReadBackPoint['value']): string {
  switch (typeof value) {
    case 'number':
      return jsonNumber(value);
    case 'bigint':
      return `"${value}"`;
    default:
      return value;
  }
}
