import { halvesOf, inParts } from '../../backend-kit/sending/index.ts';
import type { BackendContext } from '../../contract/index.ts';
import { isAboutContent, type MlflowFailure } from './answers.ts';
import type { MlflowClient, Tag } from './client.ts';
import { foldOf } from './key-table.ts';
import { TAGS_PER_REQUEST } from './limits.ts';
import { isNameTag } from './prepare.ts';
import { fitText, type StoreFacts } from './store-facts.ts';
import { tryTag } from './trial.ts';

/** The run whose tags are written, and the callbacks for the results. */
export interface TagWork {
  readonly client: MlflowClient;
  readonly runId: string;
  /** True if the request makes the server fail. */
  readonly isToBlame: (failure: MlflowFailure, signal: AbortSignal) => Promise<boolean>;
  /** Makes the error to throw if the caller must try again. */
  readonly toError: (failure: MlflowFailure) => Error;
  /** Receives each tag that is stored now. */
  readonly stored: (tag: Tag) => void;
  /** Receives each tag that the server refuses. */
  readonly refused: (tag: Tag, failure: MlflowFailure) => void;
}

/**
 * Writes tags of a run. It halves a refused request down to single tags. A tag counts as refused only if the server
 * accepts another one now, and not this one.
 */
export async function writeTags(work: TagWork, tags: readonly Tag[], signal: AbortSignal): Promise<void> {
  for (let at = 0; at < tags.length; at += TAGS_PER_REQUEST) {
    await inParts<Tag, MlflowFailure>(tags.slice(at, at + TAGS_PER_REQUEST), {
      send: async (some) => {
        const failure = await failureOf(work, some, signal);
        if (failure === undefined) some.forEach(work.stored);
        return failure;
      },
      alone: async (tag, failure) => {
        // A server that accepts no tag at all is out of order.
        if ((await tryTag(work.client, work.runId, signal)) !== undefined) throw work.toError(failure);
        // After a clash, the server has already tried that again and again.
        const again = failure.cause === 'clash' ? failure : await failureOf(work, [tag], signal);
        if (again === undefined) work.stored(tag);
        else work.refused(tag, again);
      },
      partsOf: (some, { element }) => {
        const named = element?.list === 'tags' ? some[element.index] : undefined;
        return named === undefined ? halvesOf(some) : [some.filter((tag) => tag !== named), [named]];
      },
    });
  }
}

/**
 * Writes tags in one request. Returns why the server refuses it; undefined if it does not. Throws failures that are
 * not about the content.
 */
async function failureOf(work: TagWork, tags: readonly Tag[], signal: AbortSignal): Promise<MlflowFailure | undefined> {
  const reply = await work.client.logTags(work.runId, tags, signal);
  if (reply.kind === 'ok') return undefined;
  // A name that the database treats as equal to another one clashes.
  if (reply.cause !== 'clash' && !isAboutContent(reply) && !(await work.isToBlame(reply, signal))) throw work.toError(reply);
  return reply;
}

/** The options of `RunTags`. */
export interface RunTagsOptions extends Omit<TagWork, 'stored' | 'refused'> {
  readonly facts: StoreFacts;
  readonly warn: BackendContext['warn'];
}

/** The known tags of a run. */
export class RunTags {
  readonly #options: RunTagsOptions;
  /** The tags that the run has. */
  readonly #held = new Map<string, string>();
  /** Refused tags without which nothing else is lost: mirrorboard does not send them again. */
  readonly #refused = new Map<string, string>();

  /** The tag of each folded name. */
  readonly #byFold = new Map<string, string>();

  constructor(options: RunTagsOptions) {
    this.#options = options;
  }

  has(key: string): boolean {
    return this.#held.has(key);
  }

  /**
   * Writes the tags that are not there yet. Returns the refused ones: without a tag that tells a name, more than the
   * tag is lost.
   */
  async put(wanted: readonly Tag[], signal: AbortSignal): Promise<ReadonlyMap<string, MlflowFailure>> {
    const { facts, runId, warn } = this.#options;
    const missing = wanted
      .map(({ key, value }) => ({ key, value: fitText(value, facts.tagLength, facts) }))
      .filter(({ key, value }) => this.#held.get(key) !== value && this.#refused.get(key) !== value && !this.#isTaken(key));
    const all = new Map<string, MlflowFailure>();
    const refused = ({ key, value }: Tag, failure: MlflowFailure): void => {
      all.set(key, failure);
      if (isNameTag(key)) return;
      this.#refused.set(key, value);
      warn('a tag of an MLflow run was refused', { run: runId, tag: key, reason: failure.error.message });
    };
    const stored = ({ key, value }: Tag): void => void this.#held.set(key, value);
    await writeTags({ ...this.#options, stored, refused }, missing, signal);
    return all;
  }

  /**
   * True if the database treats its name as another tag's, for example that of a metric and of a param. The server
   * would retry for seconds, in vain.
   */
  #isTaken(key: string): boolean {
    if (!this.#options.facts.foldsNames || isNameTag(key)) return false;
    const fold = foldOf(key);
    const holder = this.#byFold.get(fold) ?? key;
    this.#byFold.set(fold, holder);
    return holder !== key;
  }
}
