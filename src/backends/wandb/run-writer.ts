/**
 * Writes to one tracker run: the new part of a parcel becomes lines, which are sent until they are stored, each at
 * its own position.
 */

import type { Intent, JournalEntry, Outcome, Refusal, Resolution, TrackerParcel } from '../../contract/index.ts';
import { MirrorError, reasonOf } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import { pointCount } from '../../model/index.ts';
import { failed, REBUILD_HINT, stopOf } from './answers.ts';
import { packPlan, rangeOf, unpackPlan } from './intent.ts';
import { endOf, entryFor, linesOf, overlapping } from './journal.ts';
import { RowKeys } from './keys.ts';
import { numberText } from './numbers.ts';
import { type BuiltRows, buildRows, lineOf } from './rows.ts';
import { MAPPING } from './run-config.ts';
import { type OpenWandbRun, throwFailure } from './runs.ts';
import type { RunStorage } from './storage.ts';
import { readRow, signatureOf } from './stored-rows.ts';

/** The numbers of lines that already hold a row, by the row's content. */
type KnownLines = ReadonlyMap<string, readonly number[]>;

/** Writes parcels to one run, each line at its position. */
export class WandbRunWriter {
  readonly storage: RunStorage;
  readonly #run: OpenWandbRun;
  readonly #keys: RowKeys;
  /** True if the existing lines were compared with the journal. */
  #isChecked = false;
  /** Lines that are surely stored. */
  #stored = 0;
  /** True after a failed send: some of its lines may be stored anyway. */
  #isInDoubt = false;
  /** Lines from before the journal, by their content; undefined: not read yet. */
  #recovered: KnownLines | undefined;
  /** Lines that were matched with a record, each with that record: a line never matches two. */
  readonly #claims = new Map<number, string>();
  /** Points of the current send whose files cannot be stored. */
  readonly #lost = new Map<string, Refusal>();

  constructor(run: OpenWandbRun) {
    this.#run = run;
    this.storage = run.storage;
    this.#keys = new RowKeys(Object.entries(run.storage.config.own?.renamed_tags ?? {}));
  }

  async prepare(
    parcels: readonly TrackerParcel[],
    journal: readonly JournalEntry[],
    signal: AbortSignal,
  ): Promise<{ readonly intent: Intent; readonly entries: readonly JournalEntry[] }> {
    const { tracked } = this.#run;
    const base = Math.max(tracked.joined?.lines ?? 0, this.#run.recovered);
    const firstLine = Math.max(endOf(journal), base);
    await this.#check(firstLine, signal);
    const lines: string[] = [];
    const summary = new Map<string, string>();
    const entries = new EntryList(journal);
    for (const parcel of parcels) {
      const built = buildRows(parcel, this.#keys, tracked.startedAt);
      await this.#putFiles(built, parcel, signal);
      await this.#noteFacts(built, signal);
      const known = await this.#knownLines(parcel, journal, signal);
      const claimed: number[] = [];
      const before = lines.length;
      let ordinal = 0;
      for (const [i, row] of built.rows.entries()) {
        ordinal = built.offsets[i] === built.offsets[i - 1] ? ordinal + 1 : 0;
        const number = known === undefined ? undefined : this.#claim(row, `${parcel.file}\n${built.offsets[i]}\n${ordinal}`, known);
        if (number === undefined) lines.push(lineOf(row, firstLine + lines.length + (tracked.joined?.stepAhead ?? 0)));
        else claimed.push(number);
      }
      for (const [key, value] of built.summary) summary.set(key, value);
      const mapping = `m${MAPPING}`;
      // Lines from before the journal are added to it; it already has the others.
      for (const range of rangesOf(claimed.filter((number) => !isIn(journal, number))))
        entries.add(entryFor(range, parcel, mapping, undefined));
      const count = lines.length - before;
      if (count > 0) entries.add(entryFor({ firstLine: firstLine + before, count }, parcel, mapping, entries.last));
    }
    const last = lines.at(-1);
    if (last !== undefined) addCounters(summary, last, firstLine + lines.length - 1);
    return { intent: packPlan({ run: tracked.id, firstLine, lines, summary: [...summary] }), entries: entries.changed };
  }

  async sendPrepared(
    intent: Intent,
    parcels: readonly TrackerParcel[],
    signal: AbortSignal,
    fromLine?: number,
  ): Promise<readonly Outcome[]> {
    const all = (outcome: Outcome): readonly Outcome[] => (parcels.length === 0 ? [outcome] : parcels.map(() => outcome));
    const plan = unpackPlan(intent);
    if (plan.run !== this.#run.tracked.id) return all(foreign(plan.run));
    if (plan.lines.length > 0) {
      const end = plan.firstLine + plan.lines.length;
      if (this.#isInDoubt) {
        const reply = await this.storage.lineCount(end, signal);
        if (reply.kind !== 'ok') return all(stopOf(reply).outcome);
        this.#stored = Math.max(this.#stored, reply.value ?? 0);
      }
      const from = Math.min(Math.max(plan.firstLine, fromLine ?? 0, this.#stored), end);
      const lines = from === plan.firstLine ? plan.lines : plan.lines.slice(from - plan.firstLine);
      this.#isInDoubt = true;
      const failure = lines.length === 0 ? undefined : await this.storage.append(from, lines, new Map(plan.summary), signal);
      if (failure !== undefined) return all(stopOf(failure).outcome);
      this.#isInDoubt = false;
      this.#stored = end;
    }
    return parcels.map((parcel) => this.#accepted(parcel));
  }

  /**
   * Stores files. A file that cannot be stored affects only the points that need it: their rows are still sent, with
   * all other values.
   */
  async #putFiles({ files, needs }: BuiltRows, parcel: TrackerParcel, signal: AbortSignal): Promise<void> {
    if (files.size === 0) return;
    const reasons = new Map<string, string>();
    throwFailure(await this.storage.putFiles([...files.values()], signal, (path, error) => reasons.set(path, reasonOf(error))));
    for (const { offset, index, path } of reasons.size === 0 ? [] : needs) {
      const reason = reasons.get(path);
      if (reason !== undefined) this.#lost.set(pointKey(parcel, offset, index), { offset, index, kind: 'refused', reason });
    }
  }

  #accepted(parcel: TrackerParcel): Outcome {
    const { batch } = parcel;
    const refusals: Refusal[] = [];
    for (const { offset, index } of this.#lost.size === 0 ? [] : batch.objects) {
      const key = pointKey(parcel, offset, index);
      const refusal = this.#lost.get(key);
      if (refusal === undefined) continue;
      this.#lost.delete(key);
      refusals.push(refusal);
    }
    return { kind: 'accepted', points: pointCount(batch) - refusals.length, refusals };
  }

  async resolve(intent: Intent, signal: AbortSignal): Promise<Resolution> {
    const { run, firstLine, count } = rangeOf(intent);
    if (run !== this.#run.tracked.id) return { kind: 'unknown' };
    if (count === 0) return { kind: 'accepted' };
    const there = valueOrThrow(await this.storage.lineCount(firstLine + count, signal));
    if (there === undefined) return { kind: 'unknown' };
    if (there >= firstLine + count) return { kind: 'accepted' };
    if (there > firstLine) return { kind: 'from', line: there };
    // If lines replace each other, the server's count may be late. Otherwise the count is exact, and some lines are
    // missing.
    if (there < firstLine && !this.storage.replaces) return { kind: 'unknown' };
    return { kind: 'resend' };
  }

  /** Compares the existing lines with the journal, once. */
  async #check(firstLine: number, signal: AbortSignal): Promise<void> {
    if (this.#isChecked || this.#run.isNew) return;
    const there = valueOrThrow(await this.storage.lineCount(firstLine, signal));
    const { tracked } = this.#run;
    if (there === undefined) throw failed('gone', `the W&B run ${tracked.id} no longer exists`, { runId: tracked.id }).error;
    if (there > firstLine) {
      const message =
        `the W&B run ${tracked.id} has ${there} lines, and ${firstLine} are ours: something else writes ` +
        `to it, or the state is an older one`;
      throw new MirrorError('MB4006', message, {
        hint:
          'Stop the other writer, restore the newer state, or run once with --rebuild to send everything to a new ' +
          'run; the old one stays.',
        context: { runId: tracked.id },
      });
    }
    if (there < firstLine) {
      if (this.storage.skipTo === undefined && !this.storage.replaces) {
        const message = `the W&B run ${tracked.id} has ${there} lines, and ${firstLine} were sent: the server has lost some`;
        throw new MirrorError('MB4006', message, { hint: REBUILD_HINT, context: { runId: tracked.id } });
      }
      throwFailure(this.storage.skipTo?.(firstLine));
    }
    this.#isChecked = true;
  }

  /** Writes new names of keys and hyperparameters into the configuration before the first row has them. */
  async #noteFacts({ params, hasFailed }: BuiltRows, signal: AbortSignal): Promise<void> {
    const { config } = this.storage;
    let isChanged = this.#keys.hasNews;
    if (this.#run.tracked.joined === undefined && config.own !== undefined) {
      const status = hasFailed ? { status: 'STATUS_FAILURE' } : {};
      if (this.#keys.hasNews || (hasFailed && config.own.status === undefined)) {
        config.setOwn({ ...config.own, renamed_tags: Object.fromEntries(this.#keys.renamed), ...status });
        isChanged = true;
      }
    } else isChanged = false;
    for (const [name, value] of params) isChanged = config.setParam(name, value) || isChanged;
    this.#keys.hasNews = false;
    if (isChanged) throwFailure(await this.storage.save({}, signal));
  }

  /**
   * Returns the lines that may already hold a parcel's rows; undefined if there are none, which is nearly always so.
   */
  async #knownLines(parcel: TrackerParcel, journal: readonly JournalEntry[], signal: AbortSignal): Promise<KnownLines | undefined> {
    const { recovered } = this.#run;
    const again = overlapping(journal, parcel);
    const isIncomplete = recovered > 0 && linesOf(journal.filter(({ firstLine }) => firstLine < recovered)) < recovered;
    if (again.length === 0 && !isIncomplete) return undefined;
    const known = new Map<string, number[]>();
    if (isIncomplete) {
      this.#recovered ??= await this.#read(0, recovered, signal);
      for (const [signature, numbers] of this.#recovered) {
        const left = numbers.filter((number) => !isIn(journal, number));
        if (left.length > 0) known.set(signature, left);
      }
    }
    for (const { firstLine, count } of again) {
      for (const [signature, numbers] of await this.#read(firstLine, firstLine + count, signal)) {
        known.set(signature, [...(known.get(signature) ?? []), ...numbers]);
      }
    }
    return known;
  }

  async #read(from: number, to: number, signal: AbortSignal): Promise<KnownLines> {
    const known = new Map<string, number[]>();
    let number = from;
    for await (const line of this.storage.readLines(from, to, signal)) {
      const row = readRow(line);
      if (row !== undefined) known.set(signatureOf(row), [...(known.get(signatureOf(row)) ?? []), number]);
      number++;
    }
    if (number < to) {
      const { id } = this.#run.tracked;
      throw new MirrorError(
        'MB4006',
        `the lines ${from} to ${to} of the W&B run ${id} cannot be read back: only ${number - from} of them arrived`,
        {
          hint: 'Run once with --rebuild to send everything to a new run; the old one stays.',
          context: { runId: id },
        },
      );
    }
    return known;
  }

  #claim(row: string, record: string, known: KnownLines): number | undefined {
    const stored = readRow(lineOf(row, 0));
    const numbers = stored === undefined ? undefined : known.get(signatureOf(stored));
    const number = numbers?.find((candidate) => (this.#claims.get(candidate) ?? record) === record);
    if (number !== undefined) this.#claims.set(number, record);
    return number;
  }
}

function pointKey({ file }: TrackerParcel, offset: number, index: number): string {
  return `${offset} ${index} ${file}`;
}

/** Entries that are new or longer, in the order of lines. */
class EntryList {
  readonly #changed = new Map<number, JournalEntry>();
  last: JournalEntry | undefined;

  constructor(journal: readonly JournalEntry[]) {
    const end = endOf(journal);
    this.last = journal.find(({ firstLine, count }) => firstLine + count === end);
  }

  add(entry: JournalEntry): void {
    this.#changed.set(entry.firstLine, entry);
    if (this.last === undefined || entry.firstLine >= this.last.firstLine) this.last = entry;
  }

  get changed(): readonly JournalEntry[] {
    return [...this.#changed.values()].sort((a, b) => a.firstLine - b.firstLine);
  }
}

function isIn(journal: readonly JournalEntry[], line: number): boolean {
  return journal.some(({ firstLine, count }) => line >= firstLine && line < firstLine + count);
}

function rangesOf(numbers: readonly number[]): { readonly firstLine: number; readonly count: number }[] {
  const ranges: { firstLine: number; count: number }[] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.firstLine + last.count === number) last.count++;
    else ranges.push({ firstLine: number, count: 1 });
  }
  return ranges;
}

/** Adds the service's own fields of the last row to the summary. */
function addCounters(summary: Map<string, string>, line: string, number: number): void {
  const row = readRow(line);
  if (row === undefined) return;
  const runtime = /"_runtime":([^,:]+),"_step":/.exec(line)?.[1] ?? '0';
  summary.set('global_step', numberText(row.step));
  summary.set('_step', String(number));
  summary.set('_timestamp', numberText(row.wallTime));
  summary.set('_runtime', runtime);
  summary.set('_wandb', `{"runtime":${Math.floor(Number(runtime))}}`);
}

function foreign(run: string): Outcome {
  return {
    kind: 'runFatal',
    error: new MirrorError('MB4006', `lines that were prepared for the W&B run ${run} cannot go to another run`),
  };
}
