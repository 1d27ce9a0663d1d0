// A backend that addresses by line: what is sent twice lands on the same lines only if it is the very same. Small, but
// whole.
import { randomUUID } from 'node:crypto';
import { FileMarks, whoseRun } from '../../../src/backend-kit/identity/index.ts';
import type {
  BackendContext,
  BackendType,
  Capabilities,
  FileMark,
  Handle,
  Intent,
  JournalEntry,
  JournalledBackend,
  Outcome,
  ParsedSettings,
  Probe,
  ReadBackChunk,
  ReadBackOptions,
  Resolution,
  RunEnd,
  RunSource,
  TrackerParcel,
} from '../../../src/contract/index.ts';
import { MirrorError } from '../../../src/errors.ts';
import { pointCount } from '../../../src/model/index.ts';
import { pointsOf } from '../../../src/testing/parcels.ts';
import { MEMORY_CAPABILITIES } from '../memory-backend.ts';
import { hashOf, MAPPING, type PlannedLines, resolutionOf } from '../planned-lines.ts';
import { JournalServer, JournalServerError } from './journal-server.ts';
import { pointLine, readPointLine } from './point-text.ts';

export { JournalServer } from './journal-server.ts';

/** What an intent says: the very lines, and the entries for them. */
interface Plan extends PlannedLines {
  readonly entries: readonly JournalEntry[];
}

export class JournalBackend implements JournalledBackend {
  readonly #server: JournalServer;

  constructor(server: JournalServer) {
    this.#server = server;
  }

  describe(): Capabilities {
    return {
      ...MEMORY_CAPABILITIES,
      name: 'journal',
      limits: { ...MEMORY_CAPABILITIES.limits, runsPerSend: 1 },
      replacesByKey: false,
      needsJournal: true,
    };
  }

  async probe(): Promise<Probe> {
    this.#server.runs();
    return { address: 'journal:', version: undefined, clockSkewMs: undefined, notes: [] };
  }

  async open(run: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    const runs = this.#server.runs();
    if (runs.some(({ id }) => id === known)) return known as Handle;
    for (const there of runs) {
      if (there.key !== run.key) continue;
      const whose = await whoseRun({ ...there, readBack: () => this.readBack(there.id as Handle) }, run, signal);
      if (whose.kind === 'other') continue;
      await this.noteFiles(there.id as Handle, run.fingerprint);
      return there.id as Handle;
    }
    const { key, instanceId, fingerprint } = run;
    const id = randomUUID();
    this.#server.keepRun({ id, key, instanceId, fingerprint });
    return id as Handle;
  }

  async noteFiles(handle: Handle, files: readonly FileMark[]): Promise<void> {
    const run = this.#server.runs().find(({ id }) => id === handle);
    if (run === undefined) throw new MirrorError('MB4006', `there is no run ${handle}`);
    this.#server.keepRun({ ...run, fingerprint: FileMarks.of(run.fingerprint).with(files).list() });
  }

  async send(parcels: readonly TrackerParcel[]): Promise<readonly Outcome[]> {
    const error = new MirrorError('MB9001', 'lines were sent that were not prepared');
    return parcels.map(() => ({ kind: 'fatal', error }));
  }

  async prepare(
    parcels: readonly TrackerParcel[],
    journal: readonly JournalEntry[],
  ): Promise<{ readonly intent: Intent; readonly entries: readonly JournalEntry[] }> {
    const id = parcels[0]?.handle ?? '';
    const firstLine = journal.reduce((end, { firstLine: first, count }) => Math.max(end, first + count), 0);
    const lines: string[] = [];
    const entries: JournalEntry[] = [];
    for (const parcel of parcels) {
      const { generation, start, end } = parcel.batch;
      const { file } = parcel;
      const hash = hashOf(parcel.batch);
      const points = pointsOf(parcel);
      // The same bytes, in a file that was replaced or by a gap that is pending twice, are there already.
      const isThere = journal.some((entry) => entry.file === file && entry.start === start && entry.end === end && entry.hash === hash);
      if (points.length === 0 || isThere) continue;
      entries.push({ firstLine: firstLine + lines.length, count: points.length, file, generation, start, end, hash, mapping: MAPPING });
      lines.push(...points.map(pointLine));
    }
    const plan: Plan = { id, firstLine, lines, entries };
    return { intent: JSON.stringify(plan) as Intent, entries };
  }

  async sendPrepared(
    intent: Intent,
    parcels: readonly TrackerParcel[],
    signal: AbortSignal,
    fromLine?: number,
  ): Promise<readonly Outcome[]> {
    const { id, firstLine, lines } = JSON.parse(intent) as Plan;
    const from = Math.max(firstLine, fromLine ?? firstLine);
    try {
      if (lines.length > 0) await this.#server.append(id, from, lines.slice(from - firstLine), signal);
      return parcels.map(({ batch }) => ({ kind: 'accepted', points: pointCount(batch), refusals: [] }));
    } catch (error) {
      if (!(error instanceof JournalServerError)) throw error;
      const outcome = outcomeOf(error);
      // After a crash there are no parcels: without an outcome, the lines would count as stored.
      return parcels.length === 0 ? [outcome] : parcels.map(() => outcome);
    }
  }

  async resolve(handle: Handle, intent: Intent): Promise<Resolution> {
    return resolutionOf(handle, JSON.parse(intent) as Plan, this.#server.lines(handle));
  }

  async *readBack(handle: Handle, { isWanted = () => true }: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
    const lines = this.#server.lines(handle);
    if (lines === undefined) throw new MirrorError('MB4006', `there is no run ${handle}`);
    const series = Map.groupBy(lines.map(readPointLine), ({ tag, plugin }) => JSON.stringify([tag, plugin]));
    for (const [name, points] of series) {
      const [tag, plugin] = JSON.parse(name) as [string, string];
      if (isWanted(tag)) yield { tag, plugin, points };
    }
  }

  async finish(handle: Handle, end: RunEnd | undefined): Promise<void> {
    const run = this.#server.runs().find(({ id }) => id === handle);
    if (run === undefined) throw new MirrorError('MB4006', `there is no run ${handle}`);
    const { end: _, ...rest } = run;
    this.#server.keepRun(end === undefined ? rest : { ...rest, end });
  }

  async remove(handle: Handle): Promise<void> {
    this.#server.removeRun(handle);
  }

  async close(): Promise<void> {}
}

function outcomeOf({ kind, message, afterSec }: JournalServerError): Outcome {
  switch (kind) {
    case 'lost':
    case 'later': {
      const error = new MirrorError('MB4001', `sending lines: ${message}`, { retry: 'later' });
      return { kind: 'retry', error, ...(afterSec === undefined ? {} : { afterMs: afterSec * 1000 }) };
    }
    case 'denied':
      return { kind: 'fatal', error: new MirrorError('MB4002', `sending lines: ${message}`) };
    case 'noRun':
    case 'wrongOffset':
    case 'conflict':
      return { kind: 'runFatal', error: new MirrorError('MB4006', `sending lines: ${message}`) };
    default:
      return kind satisfies never;
  }
}

interface JournalSettings {
  readonly folder: string;
}

/** As a package's default export: `folder: PATH`. */
export const journalBackendType: BackendType<JournalSettings> = {
  type: 'journal',
  parse({ folder }): ParsedSettings<JournalSettings> {
    if (typeof folder !== 'string') {
      return { kind: 'problems', problems: [{ path: ['folder'], found: typeof folder, expected: 'the path of a folder' }] };
    }
    return { kind: 'settings', settings: { folder }, shown: [{ key: 'folder', value: folder, source: 'file' }] };
  },
  target: ({ folder }) => `journal:${folder}`,
  create: async ({ folder }, _context: BackendContext) => new JournalBackend(new JournalServer(folder)),
};

export default journalBackendType;
