// The smallest delivery over a backend: open, send, retry, halve, keep a journal. A ledger keeps the data of a state
// file.
import type {
  Backend,
  Handle,
  Intent,
  JournalEntry,
  JournalledBackend,
  Outcome,
  Refusal,
  RunSource,
  TrackerParcel,
} from '../contract/index.ts';
import { type FileState, pointCount } from '../model/index.ts';
import { addressed, type Draft, halved, pointsOf } from './parcels.ts';

/** The facts of a state about a tracker run: they survive the death of its user. */
export interface Ledger {
  handle: Handle | undefined;
  journal: JournalEntry[];
  intent: { readonly intent: Intent; readonly entries: readonly JournalEntry[]; readonly drafts: readonly Draft[] } | undefined;
  /** The drafts that are settled; the objects themselves identify them. */
  readonly settled: Set<Draft>;
  readonly refusals: (Refusal & { readonly file: string })[];
}

/** Returns the ledger of an empty state. */
export function newLedger(): Ledger {
  return { handle: undefined, journal: [], intent: undefined, settled: new Set(), refusals: [] };
}

/** A backend that keeps its own positions, as the small delivery sees it. */
export interface OwningBackend extends Backend {
  readonly filesOf: (run: RunSource['run']) => readonly FileState[];
}

/** True if a backend addresses by line. */
export function isJournalled(backend: Backend): backend is JournalledBackend {
  return 'prepare' in backend && 'sendPrepared' in backend && 'resolve' in backend;
}

function isOwning(backend: Backend): backend is OwningBackend {
  return 'filesOf' in backend;
}

const TRIES = 100;
const PAUSE_MS = 15;

/** Delivers to one tracker run. Every object is one life of a process. */
export class SmallDelivery {
  readonly backend: Backend;
  readonly ledger: Ledger;
  readonly source: RunSource;
  /** Every outcome so far, in order. */
  readonly outcomes: Outcome[] = [];
  readonly #signal: AbortSignal;

  constructor(backend: Backend, ledger: Ledger, source: RunSource, signal: AbortSignal = new AbortController().signal) {
    this.backend = backend;
    this.ledger = ledger;
    this.source = source;
    this.#signal = signal;
  }

  /** Opens the tracker run, and settles sends that an earlier life left open. */
  async open(): Promise<Handle> {
    const handle = await this.backend.open(this.source, this.ledger.handle, this.#signal);
    this.ledger.handle = handle;
    const open = this.ledger.intent;
    if (open !== undefined && isJournalled(this.backend)) {
      const found = await this.backend.resolve(handle, open.intent, this.#signal);
      if (found.kind === 'unknown') throw new Error('the backend does not know what became of an intent');
      if (found.kind !== 'accepted') {
        const fromLine = found.kind === 'from' ? found.line : undefined;
        await this.#until(open.drafts, (parcels) =>
          (this.backend as JournalledBackend).sendPrepared(open.intent, parcels, this.#signal, fromLine),
        );
      }
      this.#commit(open.drafts, open.entries);
    }
    return handle;
  }

  /** Sends drafts once, and returns the outcomes as they come. A second call sends exactly the same again. */
  async sendOnce(drafts: readonly Draft[]): Promise<readonly Outcome[]> {
    if (this.ledger.handle === undefined) throw new Error('the tracker run is not open');
    if (!isJournalled(this.backend)) return this.backend.send(addressed(drafts, this.ledger.handle), this.#signal);
    const isPrepared = this.ledger.intent !== undefined && drafts.every((draft) => this.ledger.intent?.drafts.includes(draft));
    if (!isPrepared) await this.prepare(drafts);
    const { intent } = this.ledger.intent!;
    return this.backend.sendPrepared(intent, addressed(drafts, this.ledger.handle), this.#signal);
  }

  /** Delivers drafts, one send each, until all are settled. */
  async deliver(drafts: readonly Draft[]): Promise<void> {
    for (const draft of drafts) {
      if (this.ledger.settled.has(draft) || this.#isKnown(draft)) continue;
      if (isJournalled(this.backend)) await this.#sendJournalled(this.backend, [draft]);
      else await this.#sendPlain(draft);
    }
  }

  /** Prepares a send and commits its intent, as when a process dies right after. */
  async prepare(drafts: readonly Draft[]): Promise<{ intent: Intent; parcels: TrackerParcel[] }> {
    if (!isJournalled(this.backend) || this.ledger.handle === undefined) throw new Error('there is nothing to prepare');
    const parcels = addressed(drafts, this.ledger.handle);
    const { intent, entries } = await this.backend.prepare(parcels, this.ledger.journal);
    this.ledger.intent = { intent, entries, drafts };
    return { intent, parcels };
  }

  async #sendPlain(draft: Draft): Promise<void> {
    const [outcome] = await this.#until([draft], (parcels) => this.backend.send(parcels, this.#signal));
    if (outcome?.kind === 'rejected') {
      const halves = halved(draft);
      if (halves !== undefined) for (const half of halves) await this.#sendPlain(half);
      else
        for (const { offset, index } of pointsOf(draft))
          this.#refuse(draft, { offset, index, kind: 'refused', reason: outcome.error.message });
    } else if (outcome !== undefined) this.#note(draft, outcome);
    this.ledger.settled.add(draft);
  }

  async #sendJournalled(backend: JournalledBackend, drafts: readonly Draft[]): Promise<void> {
    const { intent } = await this.prepare(drafts);
    const outcomes = await this.#until(drafts, (parcels) => backend.sendPrepared(intent, parcels, this.#signal));
    const entries = this.ledger.intent?.entries ?? [];
    for (const [i, outcome] of outcomes.entries()) this.#note(drafts[i]!, outcome);
    this.#commit(drafts, entries);
  }

  /** Sends until no outcome asks for a retry. */
  async #until(
    drafts: readonly Draft[],
    send: (parcels: readonly TrackerParcel[]) => Promise<readonly Outcome[]>,
  ): Promise<readonly Outcome[]> {
    if (this.ledger.handle === undefined) throw new Error('the tracker run is not open');
    for (let tries = 1; ; tries++) {
      const outcomes = await send(addressed(drafts, this.ledger.handle));
      if (outcomes.length !== drafts.length) throw new Error(`${outcomes.length} outcomes for ${drafts.length} parcels`);
      this.outcomes.push(...outcomes);
      const bad = outcomes.find(({ kind }) => kind === 'fatal' || kind === 'runFatal');
      if (bad !== undefined && 'error' in bad) throw bad.error;
      const late = outcomes.find(({ kind }) => kind === 'retry');
      if (late === undefined) return outcomes;
      if (tries >= TRIES && 'error' in late) throw late.error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  #commit(drafts: readonly Draft[], entries: readonly JournalEntry[]): void {
    // An entry may be the last one, extended: it has the same first line.
    const longer = new Set(entries.map(({ firstLine }) => firstLine));
    this.ledger.journal = [...this.ledger.journal.filter(({ firstLine }) => !longer.has(firstLine)), ...entries];
    this.ledger.intent = undefined;
    for (const draft of drafts) this.ledger.settled.add(draft);
  }

  /** Checks that every point of a parcel is stored or refused. */
  #note(draft: Draft, outcome: Outcome): void {
    if (outcome.kind !== 'accepted') return;
    const { points, refusals } = outcome;
    const all = pointCount(draft.batch);
    if (points + refusals.length !== all) throw new Error(`${points} points stored and ${refusals.length} refused, of ${all}`);
    for (const refusal of refusals) this.#refuse(draft, refusal);
  }

  #refuse({ batch: { file } }: Draft, refusal: Refusal): void {
    this.ledger.refusals.push({ ...refusal, file });
  }

  /** True if a backend that keeps its positions has passed a draft. */
  #isKnown({ batch }: Draft): boolean {
    if (!isOwning(this.backend)) return false;
    const known = this.backend.filesOf(this.source.run).find(({ name }) => name === batch.file);
    if (known === undefined || known.generation !== batch.generation) return false;
    const { watermark, gaps } = known.position;
    return batch.end <= watermark && !gaps.some(({ start, end }) => start < batch.end && batch.start < end);
  }
}
