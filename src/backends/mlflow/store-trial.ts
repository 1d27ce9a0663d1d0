/**
 * Learns how a store treats data, by a run of its own that is deleted again: no version and no database reports it.
 * Results stay when a later step fails, so mirrorboard asks a server that accepts few requests at a time for each
 * thing only once.
 */
import { MirrorError } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import { isAboutContent, type MlflowFailure, troubleOf } from './answers.ts';
import type { MlflowClient, MlflowReply, MlflowRunFacts } from './client.ts';
import { PARAM_LENGTH, TAG_LENGTH } from './limits.ts';
import { metricText } from './map.ts';
import type { StoreFacts } from './store-facts.ts';
import { tryMetric, tryTag } from './trial.ts';

/**
 * The tag of the trial run. By it, the next process finds a run that was left, resumes in it and deletes it. Writing
 * everything again has the same result.
 */
const TRIAL_TAG = 'mirrorboard.trial';
const TRIAL_VALUE = 'store';
const PLAIN = 'trial a';
/** Names that are the plain one to a database that compares loosely. */
const LOOSE = ['Trial A', 'trial \u00e1', 'trial a '];
/**
 * Pairs of names. To a database that compares by Unicode's table, each pair is one name. To one that only ignores
 * case and accents, none is.
 */
const LETTERS = [
  'trial o',
  'trial ø',
  'trial ae',
  'trial æ',
  'trial l',
  'trial ł',
  'trial d',
  'trial đ',
  'trial あ',
  'trial ァ',
  'trial ٣',
  'trial 3',
];
const BEYOND_ASCII = '試行';
const BEYOND_NARROW = '𠀀';
/** The known limits of servers, the longest first. */
const TAG_LENGTHS = [TAG_LENGTH, 5000, 250];
const PARAM_LENGTHS = [PARAM_LENGTH, 500, 250];
const AT_MS = 1_700_000_000_000;

type Kind = 'metric' | 'tag' | 'param';

/** The trial of a store: writes a few values to a run of its own and reads what the store made of them. */
export class StoreTrial {
  readonly #client: MlflowClient;
  readonly #experimentId: string;
  readonly #done = new Map<string, boolean>();
  #run: string | undefined;
  /** Other trial runs that were left. */
  #left: readonly string[] = [];

  constructor(client: MlflowClient, experimentId: string) {
    this.#client = client;
    this.#experimentId = experimentId;
  }

  /** Runs the trial. Throws failures that may pass: the next call resumes there. */
  async facts(signal: AbortSignal): Promise<StoreFacts> {
    this.#run ??= await this.#begin(signal);
    const run = this.#run;
    if (!(await this.#writes(PLAIN, [PLAIN, 0.5], signal))) {
      throw new MirrorError('MB4003', `testing the server: it accepts points, but not the metric ${PLAIN}`);
    }
    await this.#writes(`${PLAIN} again`, [PLAIN, 0.5], signal);
    let areApart = true;
    for (const [i, name] of LOOSE.entries()) areApart &&= await this.#writes(name, [name, i + 1], signal);
    const takesMost = await this.#writes(BEYOND_ASCII, [BEYOND_ASCII, 9], signal);
    const takesAll = await this.#writes(BEYOND_NARROW, [BEYOND_NARROW, 9], signal);
    const letters = LETTERS.map((name, i) => [name, i] as const);
    const areLettersApart = await this.#step('letters', 'metric', () => this.#write(letters, signal), signal);
    const tagLength = await this.#longest('tag', TAG_LENGTHS, signal);
    const paramLength = await this.#longest('param', PARAM_LENGTHS, signal);
    const held = valueOrThrow(await this.#client.run(run, signal));
    const points = await this.#pointsOf(PLAIN, signal);
    const isWide = takesMost && held.metrics.includes(BEYOND_ASCII);
    const facts: StoreFacts = {
      isFileStore: points.filter((value) => value === 0.5).length > 1,
      foldsNames: !areApart || points.some((value) => value !== 0.5) || LOOSE.some((name) => !held.metrics.includes(name)),
      foldsLetters: isWide && (!areLettersApart || LETTERS.some((name) => !held.metrics.includes(name))),
      isAscii: !isWide,
      isNarrow: !takesAll || !held.metrics.includes(BEYOND_NARROW),
      tagLength: heldLength(held.tags, 'trial tag', tagLength),
      paramLength: heldLength(held.params, 'trial param', paramLength),
    };
    await this.#end(signal);
    return facts;
  }

  /** Removes what an abandoned trial has made, if anything. */
  async abandon(signal: AbortSignal): Promise<void> {
    if (this.#run !== undefined) await this.#end(signal);
  }

  /** Deletes the trial runs. If the server does not allow that, they stay, and their tags tell what they are. */
  async #end(signal: AbortSignal): Promise<void> {
    for (const run of [...this.#left, ...(this.#run === undefined ? [] : [this.#run])]) {
      const reply = await this.#client.call('removing the trial run', 'POST', 'runs/delete', { run_id: run }, signal);
      if (reply.kind !== 'ok' && reply.error.retry !== 'never') throw reply.error;
    }
  }

  async #begin(signal: AbortSignal): Promise<string> {
    const all = valueOrThrow(await this.#client.runsTagged(this.#experimentId, TRIAL_TAG, TRIAL_VALUE, signal));
    const [first, ...others] = all.filter(({ isDeleted }) => !isDeleted);
    this.#left = others.map(({ runId }) => runId);
    if (first !== undefined) return first.runId;
    const tags = [{ key: TRIAL_TAG, value: TRIAL_VALUE }];
    const input = { experiment_id: this.#experimentId, run_name: 'mirrorboard-trial', start_time: AT_MS, tags };
    return valueOrThrow(await this.#client.createRun(input, signal)).runId;
  }

  /** Writes a point. True if the server accepts it. */
  #writes(step: string, point: readonly [string, number], signal: AbortSignal): Promise<boolean> {
    return this.#step(step, 'metric', () => this.#write([point], signal), signal);
  }

  #write(points: readonly (readonly [name: string, value: number])[], signal: AbortSignal): Promise<MlflowReply<unknown>> {
    const texts = points.map(([name, value]) => metricText(JSON.stringify(name), 1, AT_MS / 1000, value));
    return this.#client.logMetrics(this.#run ?? '', texts.join(','), signal);
  }

  async #longest(what: Exclude<Kind, 'metric'>, lengths: readonly number[], signal: AbortSignal): Promise<number> {
    const run = this.#run ?? '';
    for (const length of lengths) {
      const pair = { key: `trial ${what}`, value: 'x'.repeat(length) };
      const write = (): Promise<MlflowReply<unknown>> =>
        what === 'tag' ? this.#client.logTags(run, [pair], signal) : this.#client.logParams(run, [pair], signal);
      if (await this.#step(`${what} ${length}`, what, write, signal)) return length;
    }
    return lengths.at(-1) ?? 0;
  }

  /**
   * True if the server accepts a write. A server may be out of order for a moment. So a write counts as refused only
   * if it fails again after the server has accepted something plain of its kind.
   */
  async #step(name: string, kind: Kind, write: () => Promise<MlflowReply<unknown>>, signal: AbortSignal): Promise<boolean> {
    const known = this.#done.get(name);
    if (known !== undefined) return known;
    let isTaken = this.#isTaken(await write());
    if (!isTaken) {
      const failure = await this.#tryPlain(kind, name, signal);
      if (failure !== undefined) throw isGone(failure) ? this.#overtaken(failure) : troubleOf(failure);
      isTaken = this.#isTaken(await write());
    }
    this.#done.set(name, isTaken);
    return isTaken;
  }

  /** True if the server accepted a write. Throws failures that tell nothing about what was sent. */
  #isTaken(reply: MlflowReply<unknown>): boolean {
    if (reply.kind === 'ok') return true;
    if (isGone(reply)) throw this.#overtaken(reply);
    if (reply.cause !== 'clash' && reply.cause !== 'internal' && !isAboutContent(reply)) throw reply.error;
    return false;
  }

  async #tryPlain(kind: Kind, name: string, signal: AbortSignal): Promise<MlflowFailure | undefined> {
    const [client, run] = [this.#client, this.#run ?? ''];
    if (kind === 'metric') return tryMetric(client, run, signal);
    if (kind === 'tag') return tryTag(client, run, signal);
    const reply = await client.logParams(run, [{ key: `trial plain ${name}`, value: '1' }], signal);
    return reply.kind === 'ok' ? undefined : reply;
  }

  /**
   * Resets the trial and makes an error to retry later: another process made the trial too, and has finished before
   * us.
   */
  #overtaken({ error }: MlflowFailure): MirrorError {
    this.#run = undefined;
    this.#done.clear();
    return new MirrorError('MB4001', `testing the server: ${error.message}`, { retry: 'later', cause: error });
  }

  async #pointsOf(name: string, signal: AbortSignal): Promise<readonly number[]> {
    const values: number[] = [];
    const failed = ({ error }: MlflowFailure): MirrorError => error;
    for await (const page of this.#client.history(this.#run ?? '', name, failed, signal)) {
      for (const { value } of page) values.push(value);
    }
    return values;
  }
}

function isGone({ cause }: MlflowFailure): boolean {
  return cause === 'inactive' || cause === 'missing';
}

/** Returns the length that the server holds: some servers cut what is too long without reporting it. */
function heldLength(pairs: MlflowRunFacts['tags'], key: string, sent: number): number {
  const held = pairs.get(key)?.length ?? 0;
  return held > 0 ? Math.min(held, sent) : sent;
}
