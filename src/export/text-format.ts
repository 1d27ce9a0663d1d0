import { type ExportCount, type ExportRun, type ExportSource, nothingYet } from './source.ts';
import { TextBuffer, type TextSink } from './text-buffer.ts';

/** A format whose text is that of its runs, one after the other. So several threads can write it. */
export interface TextFormat {
  readonly head: string;
  /** Returns the text before a run, which is number `index`, from 0. */
  before(index: number): string;
  /** Writes a run, and counts what it writes. */
  write(run: ExportRun, out: TextBuffer, count: ExportCount): Promise<void>;
  readonly tail: string;
}

/** Writes all runs of a source, a piece at a time. */
export async function writeText(format: TextFormat, source: ExportSource, sink: TextSink): Promise<ExportCount> {
  const out = new TextBuffer(sink);
  const count = nothingYet();
  out.add(format.head);
  for await (const run of source.runs()) {
    out.add(format.before(count.runs));
    await format.write(run, out, count);
    count.runs++;
    if (out.isFull) await out.flush();
  }
  out.add(format.tail);
  await out.flush();
  return count;
}

/** Writes one run, without what is before and after it. */
export async function writeRunText(format: TextFormat, run: ExportRun, sink: TextSink): Promise<ExportCount> {
  const out = new TextBuffer(sink);
  const count = nothingYet();
  await format.write(run, out, count);
  count.runs++;
  await out.flush();
  return count;
}
