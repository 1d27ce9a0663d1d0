import { openForReading, openStore, type StoredRun, type StoreReader } from '../backends/local/index.ts';
import { type ExportCount, type ShortSeries, storeSource, writeText } from '../export/index.ts';
import { jobsWorthwhile, OrderedWorkers } from '../workers/index.ts';
import { type ExportedRun, type ExportRunWork, type TextExport, textFormatOf } from './export-run-protocol.ts';

/** Bytes that each thread may write before their turn: more than most runs have. */
const BYTES_AHEAD = 16 * 2 ** 20;
/** The bytes of a point in an event file, for an estimate. */
const POINT_BYTES = 50;
/** How often the threads open the store until nothing is committed meanwhile. */
const MOST_ATTEMPTS = 50;

/** The export of the runs of a root as text. */
export interface ExportRunsOptions {
  /** The path of the store. */
  readonly path: string;
  readonly root: string;
  readonly format: TextExport;
  /** The number of threads that write. */
  readonly jobs: number;
  /** Less work, in estimated bytes of event files, needs no threads. Default: 32 MiB. */
  readonly leastBytes?: number;
  readonly onShort: (short: ShortSeries) => void;
}

type Sink = (chunk: string | Uint8Array) => void | Promise<void>;

/**
 * Writes the runs of a root of a store as text, in several threads if that helps. The text does not depend on their
 * number.
 */
export async function exportRuns(reader: StoreReader, options: ExportRunsOptions, sink: Sink): Promise<ExportCount> {
  const { path, root, format, onShort } = options;
  const runs = reader.runs(root);
  const bytes = POINT_BYTES * runs.reduce((sum, { points }) => sum + points, 0);
  const jobs = jobsWorthwhile(options.jobs, { tasks: runs.length, bytes }, options.leastBytes);
  const alone = (): Promise<ExportCount> => writeText(textFormatOf(format), storeSource(reader, { roots: [root], onShort }), sink);
  if (jobs < 2) return alone();
  // The threads have snapshots of their own, so the runs are listed in one of the same moment.
  const listing: { reader?: StoreReader } = {};
  const workers = new OrderedWorkers<ExportRunWork, StoredRun, Uint8Array, ExportedRun>({
    module: new URL('./export-run-worker.js', import.meta.url),
    does: 'exports runs',
    data: { path, format },
    jobs,
    tasks: listed(() => listing.reader?.runs(root) ?? []),
    mostAhead: BYTES_AHEAD,
    signal: new AbortController().signal,
  });
  try {
    const isSameMoment = await atOneMoment(path, async () => {
      await workers.prepare();
      listing.reader?.close();
      listing.reader = openStore(path);
      listing.reader.roots();
    });
    return isSameMoment ? await writeAll(workers, options, sink) : await alone();
  } finally {
    await workers.close();
    listing.reader?.close();
  }
}

/** Lists the runs only when the first one is asked for. */
function* listed(runs: () => readonly StoredRun[]): Generator<StoredRun, void, void> {
  yield* runs();
}

async function writeAll(
  workers: OrderedWorkers<ExportRunWork, StoredRun, Uint8Array, ExportedRun>,
  { format, onShort }: ExportRunsOptions,
  sink: Sink,
): Promise<ExportCount> {
  const text = textFormatOf(format);
  const total: ExportCount = { runs: 0, series: 0, points: 0, leftOut: 0 };
  await sink(text.head);
  for (;;) {
    let isBegun = false;
    const begin = async (): Promise<void> => {
      if (!isBegun) await sink(text.before(total.runs));
      isBegun = true;
    };
    const run = await workers.next(async (bytes) => {
      await begin();
      await sink(bytes);
    });
    if (run === undefined) break;
    await begin();
    for (const short of run.shortages) onShort(short);
    total.runs += run.count.runs;
    total.series += run.count.series;
    total.points += run.count.points;
    total.leftOut += run.count.leftOut;
  }
  await sink(text.tail);
  return total;
}

/**
 * Opens several readers at one moment: again, if another process committed meanwhile. Returns false if it always does.
 */
async function atOneMoment(path: string, open: () => Promise<void>): Promise<boolean> {
  const db = openForReading(path);
  try {
    // SQLite gives another number once another connection has committed.
    const version = db.prepare('PRAGMA data_version');
    const seen = (): unknown => version.get()?.['data_version'];
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const before = seen();
      await open();
      if (seen() === before) return true;
    }
    return false;
  } finally {
    db.close();
  }
}
