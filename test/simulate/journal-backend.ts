// The backend of a tracker that addresses by line: what was sent is known by the lines that are there.
import type { Handle, Intent, JournalEntry, JournalledBackend, Outcome, Resolution, TrackerParcel } from '../../src/contract/index.ts';
import { MirrorError } from '../../src/errors.ts';
import { pointCount } from '../../src/model/index.ts';
import { pointsOf } from '../../src/testing/parcels.ts';
import { hashOf, MAPPING, type PlannedLines, resolutionOf } from '../support/planned-lines.ts';
import { SimulatedBackend } from './tracker-backend.ts';
import { placeKey, RequestFailed } from './tracker-server.ts';

/** The backend of a tracker that addresses by line. */
export class SimulatedJournalBackend extends SimulatedBackend implements JournalledBackend {
  /** The points that each run had when this life first sent to it. */
  readonly #known = new Map<string, Set<string>>();

  protected override foundAgain(handle: Handle): void {
    this.#known.delete(handle);
  }

  override async send(parcels: readonly TrackerParcel[]): Promise<readonly Outcome[]> {
    const error = new MirrorError('MB9001', 'lines were sent that were not prepared');
    return parcels.map(() => ({ kind: 'fatal', error }));
  }

  async prepare(
    parcels: readonly TrackerParcel[],
    journal: readonly JournalEntry[],
  ): Promise<{ readonly intent: Intent; readonly entries: readonly JournalEntry[] }> {
    const id = parcels[0]?.handle ?? ('' as Handle);
    const end = journal.reduce((last, { firstLine: first, count }) => Math.max(last, first + count), 0);
    const isAgain = parcels.some(({ file, batch }) =>
      journal.some((entry) => entry.file === file && entry.start < batch.end && batch.start < entry.end),
    );
    // After a crash the journal may be ahead of the position, a file may have been replaced by one that begins the
    // same, and a run that was found again may have lines of which no journal knows. Then the tracker says what is
    // there. Lines behind those of a journal are somebody else's.
    const never = new AbortController().signal;
    const asked = async (): Promise<Set<string>> => {
      const there: string[] = [];
      for await (const keys of this.pages('the lines of a run', () => [...this.server.run(id).points.keys()], never)) there.push(...keys);
      return new Set(there);
    };
    const known = this.#known.get(id) ?? (await asked());
    if (!this.#known.has(id) && journal.length > 0 && known.size > end)
      throw new MirrorError('MB4006', `${id} has ${known.size} lines, and ${end} are ours`);
    this.#known.set(id, known);
    const there = isAgain ? await asked() : known;
    const firstLine = Math.max(end, known.size);
    const lines: string[] = [];
    const entries: JournalEntry[] = [];
    for (const { file, batch, series } of parcels) {
      const { generation, start } = batch;
      const points = pointsOf({ file, batch, series }).filter((point) => !there.has(placeKey(point)));
      if (points.length === 0) continue;
      const count = points.length;
      entries.push({
        firstLine: firstLine + lines.length,
        count,
        file,
        generation,
        start,
        end: batch.end,
        hash: hashOf(batch),
        mapping: MAPPING,
      });
      for (const point of points)
        lines.push(JSON.stringify(point, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)));
    }
    const plan: PlannedLines = { id, firstLine, lines };
    return { intent: JSON.stringify(plan) as Intent, entries };
  }

  async sendPrepared(
    intent: Intent,
    parcels: readonly TrackerParcel[],
    signal: AbortSignal,
    fromLine?: number,
  ): Promise<readonly Outcome[]> {
    const { id, firstLine, lines } = JSON.parse(intent) as PlannedLines;
    const from = Math.max(firstLine, fromLine ?? firstLine);
    return await this.outcomes(parcels, async () => {
      const rest = lines.slice(from - firstLine);
      if (rest.length > 0) await this.#append(id, from, rest, signal);
      return parcels.map(({ batch }) => ({ kind: 'accepted', points: pointCount(batch), refusals: [] }));
    });
  }

  async resolve(handle: Handle, intent: Intent, signal: AbortSignal): Promise<Resolution> {
    const plan = JSON.parse(intent) as PlannedLines;
    const held = await this.request(signal, 'a question about lines', false, () =>
      this.server.run(handle).lines.slice(0, this.server.readable(handle)),
    );
    // The tracker's count may be late: what it does not count yet is sent again, over the same lines.
    if (this.server.traits.lateMs > 0 && held.length < plan.firstLine) return { kind: 'resend' };
    return resolutionOf(handle, plan, held);
  }

  /** Appends lines. Of a request that is too large, each half is sent alone: no line may be left out. */
  async #append(id: string, firstLine: number, lines: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      await this.request(signal, `lines ${firstLine} to ${firstLine + lines.length - 1}`, true, ({ isPart }) =>
        this.server.append(id, firstLine, lines, isPart),
      );
    } catch (error) {
      const isTooMuch = error instanceof MirrorError && error.cause instanceof RequestFailed && error.cause.kind === 'tooMuch';
      if (!isTooMuch || lines.length < 2) throw error;
      const half = lines.length >> 1;
      await this.#append(id, firstLine, lines.slice(0, half), signal);
      await this.#append(id, firstLine + half, lines.slice(half), signal);
    }
  }
}
