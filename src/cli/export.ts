import { DAMAGED_HINT, openStore, type StoreReader } from '../backends/local/index.ts';
import { suggestion } from '../closest-name.ts';
import { MirrorError } from '../errors.ts';
import { EXPORT_KINDS, type ExportKind, type ShortSeries, storeSource, writeParquet } from '../export/index.ts';
import { type CommandContext, type GlobalOptions, writeOut } from './context.ts';
import { exportRuns } from './export-runs.ts';
import { jobsOf } from './jobs.ts';
import { OutputFile } from './output-file.ts';
import { readConfig } from './read-config.ts';
import { counted, formatCount, visibleText } from './terminal/index.ts';

/** The options of `export`. */
interface ExportFlags extends GlobalOptions {
  readonly format: 'json' | 'csv' | 'parquet';
  readonly out?: string;
  readonly root?: string;
  readonly kind?: string;
  readonly safe?: boolean;
  /** The number of runs that are written at the same time. */
  readonly jobs?: string;
}

/** Exports the local store, also while a process mirrors into it. */
export async function exportCommand(flags: ExportFlags, context: CommandContext): Promise<void> {
  const jobs = jobsOf(flags.jobs);
  const config = await readConfig(flags, context);
  const { path } = config.store;
  const kind = exportKind(flags.kind);
  const isTerminal = flags.out === undefined || flags.out === '-';
  if (flags.format === 'parquet' && isTerminal && context.stdout.isTTY === true) {
    throw new MirrorError('MB1001', 'cannot write Parquet to a terminal', {
      command: 'mirrorboard export --format parquet --out metrics.parquet',
    });
  }
  if (flags.safe === true && flags.format !== 'csv') {
    throw new MirrorError('MB1001', `--safe applies to csv, not to ${flags.format}`, { hint: 'Omit it, or add --format csv.' });
  }
  const safe = flags.safe ?? (isTerminal && context.stdout.isTTY === true);
  const reader = openStore(path);
  try {
    const shortages = new Map<string, ShortSeries>();
    // A format may read a series twice.
    const onShort = (short: ShortSeries): void => void shortages.set(JSON.stringify([short.run, short.tag]), short);
    const root = chosenRoot(reader, flags.root, path);
    const output = isTerminal ? new StreamOutput(context.stdout) : new OutputFile(flags.out ?? '');
    try {
      const sink = (chunk: string | Uint8Array): void | Promise<void> => output.write(chunk);
      const { points, leftOut } =
        flags.format === 'parquet'
          ? await writeParquet(storeSource(reader, { roots: [root], onShort }), sink, { kind })
          : await exportRuns(reader, { path, root, format: { name: flags.format, kind, safe }, jobs, onShort }, sink);
      const [first] = shortages.values();
      if (first !== undefined) throw damagedStore(path, first, shortages.size);
      output.finish();
      if (leftOut > 0)
        context.stderr.write(
          leftOut === 1
            ? '1 value that is not a number is not in the table of scalars; use --kind all to include it.\n'
            : `${formatCount(leftOut)} values that are not numbers are not in the table of scalars; use --kind all to include them.\n`,
        );
      if (!isTerminal) context.stderr.write(`${counted(points, 'point')} written to ${visibleText(flags.out ?? '')}\n`);
    } catch (error) {
      output.abandon();
      throw error;
    }
  } finally {
    reader.close();
  }
}

/**
 * Returns the error for lost rows. Standard output has the points that could be read; an output file does not appear.
 */
function damagedStore(path: string, { run, tag, expected, found }: ShortSeries, count: number): MirrorError {
  const where = tag === undefined ? `run ${run}` : `run ${run}, tag ${tag}`;
  const more = count === 1 ? '' : `, and ${formatCount(count - 1)} more like this`;
  const message =
    `${path} is damaged: ${visibleText(where)} has ${counted(found, 'point')}, and the store lists ` + `${formatCount(expected)}${more}`;
  return new MirrorError('MB3006', message, { hint: DAMAGED_HINT, context: { path } });
}

function exportKind(kind = 'scalars'): ExportKind {
  const known = EXPORT_KINDS.find((candidate) => candidate === kind);
  if (known === undefined) {
    throw new MirrorError('MB1001', `no such kind: ${kind}; expected one of ${EXPORT_KINDS.join(', ')}${suggestion(kind, EXPORT_KINDS)}`, {
      hint: 'Omit --kind for scalars.',
    });
  }
  return known;
}

function chosenRoot(reader: StoreReader, asked: string | undefined, path: string): string {
  const names = reader.rootsWithRuns().map(({ name }) => name);
  const [only] = names;
  if (asked !== undefined && !reader.roots().some(({ name }) => name === asked)) {
    throw new MirrorError('MB3008', `the store ${path} has no root ${asked}; it has: ${names.join(', ') || 'none'}`, { context: { path } });
  }
  if (asked !== undefined) return asked;
  if (only === undefined) {
    throw new MirrorError('MB3008', `the store ${path} is empty`, { command: 'mirrorboard backfill LOGDIR', context: { path } });
  }
  if (names.length > 1) {
    throw new MirrorError('MB3008', `the store ${path} has several roots: ${names.join(', ')}`, {
      hint: 'Choose one with --root NAME.',
      command: `mirrorboard export --root ${only}`,
      context: { path },
    });
  }
  return only;
}

class StreamOutput {
  readonly #stream: NodeJS.WritableStream;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  write(chunk: string | Uint8Array): Promise<void> {
    return writeOut(this.#stream, chunk);
  }

  finish(): void {}

  abandon(): void {}
}
