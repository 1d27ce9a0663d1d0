/**
 * Runs at the server: lines go through the stream, everything else through the GraphQL API. The stream's requests
 * have the form of `FileStreamRequestJSON` in `core/internal/filestream/filestreamrequest.go` of the official client.
 */
import { type Clock, systemClock } from '../../clock.ts';
import type { RunEnd } from '../../contract/index.ts';
import { isTooLarge, PageSize, Pages, valueOrThrow } from '../../http/index.ts';
import type { WandbFailure, WandbReply } from './answers.ts';
import type { RunUpdate, WandbClient, WandbRunFacts } from './client.ts';
import type { LostFile } from './file-transfer.ts';
import { HEARTBEAT_MS, HISTORY_PAGE, REQUEST_LENGTH, SUMMARY_MS } from './limits.ts';
import type { StoredFile } from './map.ts';
import { withoutWords } from './numbers.ts';
import { membersOf } from './row-reader.ts';
import { RunConfig } from './run-config.ts';
import type { RunPath } from './run-path.ts';
import type { OffsetSemantics } from './settings.ts';
import type { RunStorage, Storage, Summary } from './storage.ts';

const HISTORY = 'wandb-history.jsonl';
const SUMMARY = 'wandb-summary.json';

/** A server that counts lines has done so by then. */
const LATE_COUNT_MS = 2000;

/** The rules for counting the server's lines, and the callback for problems. */
export interface OnlineOptions {
  readonly offsetSemantics: OffsetSemantics;
  /**
   * Called if the server counts no lines, but has some: it may be a server that appends. `countLater` asks for the
   * count once more, after a while.
   */
  readonly uncounted: (countLater: () => Promise<number>) => Promise<void>;
  /** The address of the web pages for runs. */
  readonly pages: string;
  /** Default: the system's clock. */
  readonly clock?: Clock;
}

/** Opens runs at the server. */
export class OnlineStorage implements Storage {
  readonly #client: WandbClient;
  readonly #options: OnlineOptions;

  constructor(client: WandbClient, options: OnlineOptions) {
    this.#client = client;
    this.#options = options;
  }

  async find(path: RunPath, signal: AbortSignal): Promise<WandbReply<OnlineRun | undefined>> {
    const reply = await this.#client.run(path, signal);
    if (reply.kind !== 'ok') return reply;
    return { kind: 'ok', value: reply.value === undefined ? undefined : this.#storageOf(reply.value, RunConfig.read(reply.value.config)) };
  }

  async create(
    path: RunPath,
    config: RunConfig,
    change: RunUpdate,
    _startedAt: number,
    signal: AbortSignal,
  ): Promise<WandbReply<{ readonly storage: OnlineRun; readonly isNew: boolean }>> {
    const reply = await this.#client.upsert(path, { ...change, config: config.wrapped() }, signal);
    if (reply.kind !== 'ok') return reply;
    return { kind: 'ok', value: { storage: this.#storageOf(reply.value.run, config), isNew: reply.value.isNew } };
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #storageOf(facts: WandbRunFacts, config: RunConfig): OnlineRun {
    return new OnlineRun(this.#client, facts, config, this.#options);
  }
}

/** A run that is written to the server. */
export class OnlineRun implements RunStorage {
  readonly path: RunPath;
  readonly config: RunConfig;
  readonly replaces: boolean;
  readonly isWhole = true;
  readonly facts: WandbRunFacts;
  readonly #client: WandbClient;
  readonly #options: OnlineOptions;
  readonly #clock: Clock;
  readonly #summary: Map<string, string>;
  #summarySentMs = 0;
  #isSummarySent = true;
  #sentWallMs = 0;
  #sentMs = 0;
  #isLive = false;
  /** The previous request, for which the next one waits. */
  #last: Promise<unknown> = Promise.resolve();
  /** The addresses of the run's files, from the last listing. */
  #urls: ReadonlyMap<string, string> = new Map();

  constructor(client: WandbClient, facts: WandbRunFacts, config: RunConfig, options: OnlineOptions) {
    this.#client = client;
    this.facts = facts;
    this.path = { entity: facts.entity, project: facts.project, id: facts.id };
    this.config = config;
    this.replaces = options.offsetSemantics === 'replace';
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#summary = new Map(membersOf(facts.summary) ?? []);
  }

  get summary(): Summary {
    return this.#summary;
  }

  get link(): string {
    const { entity, project, id } = this.path;
    return `${this.#options.pages}/${[entity, project].map(encodeURIComponent).join('/')}/runs/${encodeURIComponent(id)}`;
  }

  /**
   * Returns the number of stored lines. The server's count may be late, and servers that append may have none. Then
   * this counts the stored lines themselves, if the server returns them. So nothing is sent twice to a server that
   * appends, even if `offset_semantics` is not set.
   */
  async lineCount(hoped: number, signal: AbortSignal): Promise<WandbReply<number | undefined>> {
    const reply = await this.#client.run(this.path, signal);
    if (reply.kind !== 'ok') return reply;
    if (reply.value === undefined) return { kind: 'ok', value: undefined };
    const counted = reply.value.lineCount;
    if (counted >= hoped && this.replaces) return { kind: 'ok', value: counted };
    const stored = await this.#client.download(this.path, HISTORY, '', signal);
    const isGone = stored.kind !== 'ok' && (stored.cause !== 'transient' || isTooLarge(stored.error));
    if (stored.kind !== 'ok') return this.replaces && isGone ? { kind: 'ok', value: counted } : stored;
    if (stored.value === undefined) return { kind: 'ok', value: counted };
    const lines = countLines(stored.value);
    if (this.replaces && counted === 0 && lines > 0) await this.#options.uncounted(() => this.#countLater(signal));
    return { kind: 'ok', value: this.replaces ? Math.max(counted, lines) : lines };
  }

  /** Returns the server's own count, after the time by which it may be late; 1 if it does not answer. */
  async #countLater(signal: AbortSignal): Promise<number> {
    await this.#clock.sleep(LATE_COUNT_MS, signal);
    const reply = signal.aborted ? undefined : await this.#client.run(this.path, signal).catch(() => undefined);
    return reply?.kind === 'ok' ? (reply.value?.lineCount ?? 1) : 1;
  }

  lastRow(signal: AbortSignal): Promise<WandbReply<string | undefined>> {
    return this.#client.lastRow(this.path, signal);
  }

  async append(firstLine: number, lines: readonly string[], summary: Summary, signal: AbortSignal): Promise<WandbFailure | undefined> {
    for (const [key, value] of summary) this.#summary.set(key, value);
    this.#isSummarySent = false;
    // Such servers keep numbers in databases and answers that do not support these words; readers treat the texts the
    // same.
    if (!this.replaces) lines = lines.map(withoutWords);
    for (let at = 0; at < lines.length; ) {
      let [end, length] = [at, 0];
      while (end < lines.length && (end === at || length + (lines[end] as string).length <= REQUEST_LENGTH)) {
        length += (lines[end] as string).length;
        end++;
      }
      const isLast = end === lines.length;
      const some = at === 0 && isLast ? lines : lines.slice(at, end);
      const failure = await this.#sendLines(firstLine + at, some, isLast ? this.#dueSummary(length) : undefined, signal);
      if (failure !== undefined) return failure;
      at = end;
    }
    return undefined;
  }

  /**
   * Sends lines. If a request is too large, this sends each half alone: no line may be left out, because the lines
   * behind it would shift.
   */
  async #sendLines(
    offset: number,
    lines: readonly string[],
    summary: string | undefined,
    signal: AbortSignal,
  ): Promise<WandbFailure | undefined> {
    const files = {
      [HISTORY]: { offset, content: lines },
      ...(summary === undefined ? {} : { [SUMMARY]: { offset: 0, content: [summary] } }),
    };
    const reply = await this.#send({ files }, signal);
    if (reply.kind === 'ok') {
      if (summary !== undefined) this.#summarySent();
      return undefined;
    }
    if (reply.cause !== 'tooMuch' || lines.length < 2) return reply;
    const half = lines.length >> 1;
    const first = await this.#sendLines(offset, lines.slice(0, half), undefined, signal);
    return first ?? (await this.#sendLines(offset + half, lines.slice(half), summary, signal));
  }

  async *readLines(from: number, to: number, signal: AbortSignal): AsyncGenerator<string, void, void> {
    const { lineCount } = this.facts;
    const stored = await this.#client.download(this.path, HISTORY, '', signal);
    if (stored.kind === 'ok' && stored.value !== undefined && countLines(stored.value) >= (to === Infinity ? lineCount : to)) {
      let number = 0;
      for (const line of linesIn(stored.value)) {
        if (number >= to) return;
        if (number++ >= from) yield line;
      }
      return;
    }
    const pages = new Pages('reading the history of the run', this.#client.address);
    const size = new PageSize(HISTORY_PAGE);
    // A line's number is its step, so a page holds no more rows than steps: nothing is sampled.
    for (let at = from; at < to; ) {
      const end = Math.min(at + size.most, to);
      const reply = await this.#client.historyPage(this.path, at, end, signal);
      if (reply.kind !== 'ok' && size.shrinkFor(reply.error)) continue;
      const page = valueOrThrow(reply);
      yield* page;
      if (page.length === 0 && at >= lineCount) return;
      pages.next(String(at), page.length, page);
      at = end;
    }
  }

  async putFiles(files: readonly StoredFile[], signal: AbortSignal, lost?: LostFile): Promise<WandbFailure | undefined> {
    if (files.length === 0) return undefined;
    const missing = new Set<string>();
    const note: LostFile = (path, error) => {
      missing.add(path);
      lost?.(path, error);
    };
    const failure = await this.#client.upload(this.path, files, signal, lost === undefined ? undefined : note);
    if (failure !== undefined) return failure;
    const uploaded = files.map(({ path }) => path).filter((path) => !missing.has(path));
    if (uploaded.length === 0) return undefined;
    const reply = await this.#send({ uploaded }, signal);
    return reply.kind === 'ok' ? undefined : reply;
  }

  async fileLengths(signal: AbortSignal): Promise<WandbReply<ReadonlyMap<string, number>>> {
    const reply = await this.#client.files(this.path, signal);
    if (reply.kind !== 'ok') return reply;
    this.#urls = new Map([...reply.value].map(([name, { url }]) => [name, url]));
    return { kind: 'ok', value: new Map([...reply.value].map(([name, { bytes }]) => [name, bytes])) };
  }

  async readFile(name: string, signal: AbortSignal): Promise<WandbReply<Buffer | undefined>> {
    return this.#client.download(this.path, name, this.#urls.get(name) ?? '', signal);
  }

  async save(change: Omit<RunUpdate, 'config'>, signal: AbortSignal): Promise<WandbFailure | undefined> {
    const reply = await this.#client.upsert(this.path, { ...change, config: this.config.wrapped() }, signal);
    return reply.kind === 'ok' ? undefined : reply;
  }

  async finish(end: RunEnd | undefined, signal: AbortSignal): Promise<WandbFailure | undefined> {
    if (end === undefined) {
      const reply = await this.#client.upsert(this.path, { state: 'running' }, signal);
      if (reply.kind !== 'ok') return reply;
      const beat = await this.#send({}, signal);
      return beat.kind === 'ok' ? undefined : beat;
    }
    const reply = await this.#send({ files: this.#summaryFile(), complete: true, exitcode: end.status === 'failed' ? 1 : 0 }, signal);
    if (reply.kind !== 'ok') return reply;
    this.#summarySent();
    this.#isLive = false;
    return undefined;
  }

  async remove(signal: AbortSignal): Promise<WandbFailure | undefined> {
    const reply = await this.#client.removeRun(this.facts.storageId, signal);
    this.#isLive = false;
    return reply.kind === 'ok' ? undefined : reply;
  }

  get isBeatDue(): boolean {
    // While a machine sleeps, only the wall clock continues; if the wall clock is set back, only the steady one does.
    // One heartbeat too many does no harm.
    return (
      this.#isLive && (this.#clock.steadyMs() - this.#sentMs >= HEARTBEAT_MS || this.#clock.wallMs() - this.#sentWallMs >= HEARTBEAT_MS)
    );
  }

  get lastEventMs(): number {
    const ms = Number(this.#summary.get('_timestamp')) * 1000;
    return Number.isFinite(ms) ? ms : 0;
  }

  async beat(signal: AbortSignal): Promise<void> {
    if (this.isBeatDue) await this.#send(this.#pending(), signal);
  }

  async flush(signal: AbortSignal): Promise<void> {
    if (!this.#isSummarySent) await this.#send(this.#pending(), signal);
  }

  /** Returns the summary for a heartbeat, if the server's summary is older than the lines. */
  #pending(): object {
    if (this.#isSummarySent) return {};
    this.#summarySent();
    return { files: this.#summaryFile() };
  }

  #dueSummary(length: number): string | undefined {
    const text = this.#summaryText();
    return text.length * 2 < length || this.#clock.steadyMs() - this.#summarySentMs >= SUMMARY_MS ? text : undefined;
  }

  #summaryFile(): object {
    return { [SUMMARY]: { offset: 0, content: [this.#summaryText()] } };
  }

  #summaryText(): string {
    const text = summaryText(this.#summary);
    return this.replaces ? text : withoutWords(text);
  }

  #summarySent(): void {
    this.#isSummarySent = true;
    this.#summarySentMs = this.#clock.steadyMs();
  }

  /** Sends one request of a run at a time, because heartbeats have their own timer. */
  #send(body: object, signal: AbortSignal): Promise<WandbReply<unknown>> {
    const sent = this.#last.then(() => this.#sendNow(body, signal));
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  async #sendNow(body: object, signal: AbortSignal): Promise<WandbReply<unknown>> {
    const reply = await this.#client.stream(this.path, JSON.stringify(body), signal);
    if (reply.kind === 'ok') {
      this.#sentMs = this.#clock.steadyMs();
      this.#sentWallMs = this.#clock.wallMs();
      this.#isLive = true;
    }
    return reply;
  }
}

/** Returns a run's summary as JSON. */
export function summaryText(summary: Summary): string {
  return `{${[...summary].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}

const LINE_END = 10;

/** Counts the lines that are not empty, without making texts of them. */
function countLines(content: Buffer): number {
  let count = 0;
  for (let [at, end] = [0, 0]; at < content.length; at = end + 1) {
    end = content.indexOf(LINE_END, at);
    if (end < 0) end = content.length;
    if (end > at) count++;
  }
  return count;
}

function* linesIn(content: Buffer): Generator<string, void, void> {
  for (let [at, end] = [0, 0]; at < content.length; at = end + 1) {
    end = content.indexOf(LINE_END, at);
    if (end < 0) end = content.length;
    if (end > at) yield content.toString('utf8', at, end);
  }
}
