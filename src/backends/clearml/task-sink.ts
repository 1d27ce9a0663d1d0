import { cutText, MirrorError } from '../../errors.ts';
import { isFields, taken, unusableAnswer } from '../../http/index.ts';
import type { ObjectContent } from '../../objects/index.ts';
import { artifactsIn, type ClearmlFailure, type ClearmlReply, type Fields } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import type { Files } from './files.ts';
import { MOST_ARTIFACTS, PARAMS_PER_REQUEST } from './limits.ts';
import type { Param } from './map.ts';
import type { Artifact, Document, EventSink } from './sink.ts';
import { trialEvent } from './trial.ts';

/** Most characters that are shown of the reason why an event was not added. */
const MOST_WARNINGS = 300;

/**
 * An event that was stored, shared by all tasks of a backend. Sending it again changes nothing, and shows if the
 * server accepts any.
 */
export interface Proof {
  line: string | undefined;
}

/** A task on a server. */
export class TaskSink implements EventSink {
  readonly id: string;
  readonly folder: string;
  readonly #client: ClearmlClient;
  readonly #files: Files;
  readonly #proof: Proof;
  /** Keys of the listed artifacts; undefined until they were looked up. */
  #artifacts: Set<string> | undefined;

  constructor(client: ClearmlClient, files: Files, { id, folder }: { readonly id: string; readonly folder: string }, proof: Proof) {
    this.id = id;
    this.folder = folder;
    this.#client = client;
    this.#files = files;
    this.#proof = proof;
  }

  async addEvents(lines: readonly string[], signal: AbortSignal): Promise<ClearmlReply<unknown>> {
    const reply = await this.#client.addBatch(lines, signal);
    if (reply.kind !== 'ok') {
      return reply.cause === 'notAdded' ? this.#whyNotAdded(reply, signal) : reply;
    }
    const { added, errors, errors_info: info } = reply.value.fields;
    // If one of them is not a number, the answer tells nothing about the events.
    if (typeof added !== 'number' || typeof errors !== 'number')
      return unusableAnswer(reply.value.odd(typeof added === 'number' ? 'errors' : 'added', 'a number'));
    if (errors === 0 && added === lines.length) {
      this.#proof.line = lines.at(-1);
      return reply;
    }
    const why = isFields(info)
      ? Object.keys(info)
          .slice(0, 3)
          .map((text) => cutText(text, MOST_WARNINGS))
          .join('; ')
      : '';
    const error = new MirrorError('MB4005', `writing events: ${added} of ${lines.length} were added: ${why}`);
    return this.#whyNotAdded({ kind: 'failed', cause: 'notAdded', error }, signal);
  }

  put(path: string, content: ObjectContent, signal: AbortSignal): Promise<string> {
    return this.#files.put(`${this.folder}/${path}`, content, signal);
  }

  async hasRoom(keys: readonly string[], signal: AbortSignal): Promise<boolean> {
    if (this.#artifacts === undefined) {
      const reply = await this.#client.call('looking at the artifacts', 'tasks.get_by_id', { task: this.id }, signal);
      if (reply.kind !== 'ok') throw reply.error;
      this.#artifacts = new Set(artifactsIn(reply.value.object('task')).map((artifact) => artifact.text('key', '')));
    }
    const known = this.#artifacts;
    return known.size + keys.filter((key) => !known.has(key)).length <= MOST_ARTIFACTS;
  }

  async addArtifacts(artifacts: readonly Artifact[], signal: AbortSignal): Promise<ClearmlReply<unknown>> {
    const reply = await this.#edit(
      'listing artifacts',
      'tasks.add_or_update_artifacts',
      {
        artifacts: artifacts.map(({ key, type, uri, hash, bytes, contentType, preview, timestamp }) => ({
          key,
          type,
          uri,
          mode: 'output',
          hash,
          content_size: bytes,
          timestamp,
          type_data: { content_type: contentType, preview },
        })),
      },
      signal,
    );
    if (reply.kind === 'ok') for (const { key } of artifacts) this.#artifacts?.add(key);
    return reply;
  }

  async addParams(params: readonly Param[], signal: AbortSignal): Promise<ClearmlReply<unknown>> {
    for (let at = 0; at < params.length; at += PARAMS_PER_REQUEST) {
      const hyperparams = params.slice(at, at + PARAMS_PER_REQUEST);
      // Params that exist and are not named here stay.
      const body = { hyperparams, replace_hyperparams: 'none' };
      const reply = await this.#edit('writing hyperparameters', 'tasks.edit_hyper_params', body, signal);
      if (reply.kind !== 'ok') return reply;
    }
    return { kind: 'ok', value: undefined };
  }

  addDocuments(documents: readonly Document[], signal: AbortSignal): Promise<ClearmlReply<unknown>> {
    return this.#edit('writing the configuration', 'tasks.edit_configuration', { configuration: documents }, signal);
  }

  async tryEvent(signal: AbortSignal): Promise<ClearmlReply<unknown>> {
    const { line } = this.#proof;
    const reply = line === undefined ? undefined : await this.addEvents([line], signal);
    // The task of that event may be gone.
    return reply?.kind === 'ok' ? reply : await this.addEvents([trialEvent(this.id)], signal);
  }

  /**
   * Changes fields of a task, which is possible only while it runs. If the task has ended, mirrorboard starts it for
   * the change, and then ends it again.
   */
  async #edit(what: string, action: string, body: Fields, signal: AbortSignal): Promise<ClearmlReply<unknown>> {
    const all = { task: this.id, force: true, ...body };
    const first = await this.#client.call(what, action, all, signal);
    if (first.kind === 'ok' || first.cause !== 'status') return first;
    const known = await this.#status(signal);
    if (known.kind !== 'ok') return known;
    const status = known.value;
    if (status === 'published') return first;
    const started = await this.#client.call('starting the task', 'tasks.started', { task: this.id, force: true }, signal);
    if (started.kind !== 'ok') return started;
    const again = await this.#client.call(what, action, all, signal);
    const back =
      status === 'completed' || status === 'failed' || status === 'closed'
        ? `tasks.${status === 'closed' ? 'stopped' : status}`
        : undefined;
    if (back === undefined) return again;
    const ended = await this.#client.call('ending the task again', back, { task: this.id, force: true }, signal);
    return ended.kind === 'ok' ? again : ended;
  }

  async #status(signal: AbortSignal): Promise<ClearmlReply<string>> {
    const task = await this.#client.call('looking at the task', 'tasks.get_by_id', { task: this.id }, signal);
    return taken(task, (answer) => answer.object('task').text('status'));
  }

  /** Finds out why the server added no event: the task is gone or published, or the events are to blame. */
  async #whyNotAdded(failure: ClearmlFailure, signal: AbortSignal): Promise<ClearmlFailure> {
    const known = await this.#status(signal);
    if (known.kind !== 'ok') return known;
    if (known.value !== 'published') return { ...failure, cause: 'refused' };
    const error = new MirrorError('MB4006', `the ClearML task ${this.id} is published and accepts no more events`, {
      hint: 'Reset it or delete it in ClearML, or leave the run alone: what is published is not changed.',
      cause: failure.error,
    });
    return { kind: 'failed', cause: 'gone', error };
  }
}
