import { OnceByKey } from '../../concurrency/index.ts';
import { MirrorError } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import type { Experiment, MlflowClient } from './client.ts';
import { EXPERIMENT_NAME_LENGTH } from './limits.ts';
import type { MlflowSettings } from './settings.ts';

type Chosen = Pick<MlflowSettings, 'experimentName' | 'experimentId' | 'restoreDeleted' | 'hosted'>;

/** The experiments of a connection. Each is found or created once. */
export class Experiments {
  readonly #client: MlflowClient;
  readonly #settings: Chosen;
  readonly #known = new OnceByKey();

  constructor(client: MlflowClient, settings: Chosen) {
    this.#client = client;
    this.#settings = settings;
  }

  /** Finds the experiment for the runs of a group: the lane's own if the lane names one. */
  find(group: string, signal: AbortSignal): Promise<Experiment> {
    const { experimentId, experimentName } = this.#settings;
    const name = (experimentName ?? group) || 'Default';
    const key = experimentId === undefined ? `name ${name}` : `id ${experimentId}`;
    return this.#known.take(key, () => this.#resolve(experimentId, name, signal), signal);
  }

  /** Forgets all experiments. If the server could not create a run, its experiment may be gone. */
  forget(): void {
    this.#known.forget();
  }

  async #resolve(id: string | undefined, name: string, signal: AbortSignal): Promise<Experiment> {
    if (id !== undefined) return this.#usable(await this.#byId(id, signal), signal);
    if ([...name].length > EXPERIMENT_NAME_LENGTH) {
      throw new MirrorError('MB4004', `an experiment's name has at most ${EXPERIMENT_NAME_LENGTH} characters: ${name.slice(0, 60)}…`);
    }
    const { hosted } = this.#settings;
    const problem = hosted?.nameProblem?.(name);
    if (problem !== undefined) {
      throw new MirrorError('MB4004', `the experiment ${name} has a name that is not ${problem.expected}`, { hint: problem.hint });
    }
    const found = await this.#client.experimentNamed(name, signal);
    if (found.kind === 'ok') return this.#usable(found.value, signal);
    if (found.cause !== 'missing') throw found.error;
    const made = await this.#client.call(`creating the experiment ${name}`, 'POST', 'experiments/create', { name }, signal);
    if (made.kind === 'ok') return { id: made.value.id('experiment_id'), name, isDeleted: false, artifacts: '', tags: new Map() };
    if (made.cause === 'missing' && hosted !== undefined) {
      throw new MirrorError('MB4004', `the experiment ${name} cannot be created: ${made.error.message}`, {
        hint: `Make its folder in ${hosted.name}, or name another experiment.`,
        cause: made.error,
      });
    }
    // Another process was first: only one of those that try gets 200.
    if (made.cause !== 'exists') throw made.error;
    return this.#usable(valueOrThrow(await this.#client.experimentNamed(name, signal)), signal);
  }

  async #byId(id: string, signal: AbortSignal): Promise<Experiment> {
    const reply = await this.#client.experimentById(id, signal);
    if (reply.kind !== 'ok' && (reply.cause === 'missing' || reply.cause === 'refused')) {
      throw new MirrorError('MB4004', `there is no experiment with the id ${id} at ${this.#client.address}`, {
        hint: 'Correct experiment_id (MLFLOW_EXPERIMENT_ID), or give experiment_name.',
        cause: reply.error,
      });
    }
    return valueOrThrow(reply);
  }

  async #usable(experiment: Experiment, signal: AbortSignal): Promise<Experiment> {
    if (!experiment.isDeleted) return experiment;
    if (!this.#settings.restoreDeleted) throw deletedError(experiment);
    const what = `restoring the experiment ${experiment.name}`;
    valueOrThrow(await this.#client.call(what, 'POST', 'experiments/restore', { experiment_id: experiment.id }, signal));
    return { ...experiment, isDeleted: false };
  }
}

/** Makes the error for a deleted experiment, with the remedy. */
export function deletedError(experiment: Experiment): MirrorError {
  return new MirrorError('MB4004', `the experiment ${experiment.name} (${experiment.id}) is deleted`, {
    hint: 'Restore it (mlflow experiments restore), name another one, or set restore_deleted: true.',
    context: { experiment: experiment.name },
  });
}
