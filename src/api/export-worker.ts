/** The thread of one export: it reads the store at the pace at which the client takes what it sends. */
import { parentPort, workerData } from 'node:worker_threads';
import { DAMAGED_HINT, openStore, type StoreReader } from '../backends/local/index.ts';
import { MirrorError, messageOf } from '../errors.ts';
import { type ExportSource, type ShortSeries, storeSource, writeCsv, writeParquet, writeTruthJson } from '../export/index.ts';
import { keyOfRun, type RunRef, runLabel } from '../model/index.ts';
import { type RunSelection, StoreQuery } from '../query/index.ts';
import type { ExportMessage, ExportWork } from './export-protocol.ts';

const work = workerData as ExportWork;
const PAGE = 10_000;

let room = work.ahead;
let wake: (() => void) | undefined;
parentPort?.on('message', () => {
  room++;
  wake?.();
});

function tell(message: ExportMessage): void {
  parentPort?.postMessage(message, message.kind === 'piece' ? [message.bytes.buffer] : []);
}

async function send(piece: string | Uint8Array): Promise<void> {
  while (room === 0) {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    await promise;
  }
  room--;
  // A copy: the thread gives the memory away.
  tell({ kind: 'piece', bytes: typeof piece === 'string' ? new TextEncoder().encode(piece) : Uint8Array.from(piece) });
}

/** Returns the keys of the selected runs. Throws MB3021 for a run that the store does not have. */
function selected(select: RunSelection): ReadonlySet<string> {
  const query = new StoreQuery(work.path);
  try {
    const keys = new Set<string>();
    for (let after: string | undefined; ; ) {
      const page = query.ask({ kind: 'runs', select, limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const { run } of page.runs) keys.add(keyOfRun(run));
      after = page.next;
      if (after === undefined) break;
    }
    const isNamedOnly = select.root === undefined && select.filter === undefined;
    const missing = isNamedOnly ? select.runs?.find((run) => !keys.has(keyOfRun(run))) : undefined;
    if (missing !== undefined) throw new MirrorError('MB3021', `the store has no run ${runLabel(missing)}`);
    return keys;
  } finally {
    query.close();
  }
}

function sourceOf(reader: StoreReader, onShort: (short: ShortSeries) => void): ExportSource {
  const roots = reader.rootsWithRuns().map(({ name }) => name);
  const { root } = work.select;
  const keys = selected(work.select);
  return storeSource(reader, {
    roots: root === undefined ? roots : [root],
    withRoot: root === undefined && roots.length > 1,
    onShort,
    isWanted: (run: RunRef) => keys.has(keyOfRun(run)),
    ...(work.tags === undefined ? {} : { tags: new Set(work.tags) }),
  });
}

async function write(): Promise<void> {
  const reader = openStore(work.path);
  try {
    const short: ShortSeries[] = [];
    const source = sourceOf(reader, (each) => {
      if (short.length === 0) short.push(each);
    });
    tell({ kind: 'begun' });
    const { format, kind, isSafe } = work;
    if (format === 'json') await writeTruthJson(source, send);
    else if (format === 'csv') await writeCsv(source, send, { kind, safe: isSafe });
    else await writeParquet(source, send, { kind });
    const [first] = short;
    if (first !== undefined) {
      throw new MirrorError('MB3006', `the store lists ${first.expected} points of ${first.run}, and has ${first.found}`, {
        hint: DAMAGED_HINT,
      });
    }
    tell({ kind: 'done' });
  } finally {
    reader.close();
  }
}

try {
  await write();
} catch (error) {
  if (!(error instanceof MirrorError)) tell({ kind: 'failed', code: 'MB9001', message: messageOf(error), details: {} });
  else {
    const { code, message, hint, retry } = error;
    tell({ kind: 'failed', code, message, details: { ...(hint === undefined ? {} : { hint }), retry } });
  }
}
parentPort?.close();
