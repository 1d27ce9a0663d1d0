import { interpret, type Json, type JsonObject, jsonText } from '../model/index.ts';
import { messageField } from '../proto/wire.ts';
import type { SeriesDefinition } from '../query/index.ts';

/** The tag of the message that describes the hyperparameters and metrics of an experiment. */
const EXPERIMENT_TAG = '_hparams_/experiment';

/**
 * Returns the indexes of the definitions to leave out. TensorBoard uses the description of an experiment in the first
 * run that has one, for all runs. If the descriptions differ, it must get none: then it collects the hyperparameters
 * and metrics of all runs.
 */
export function differingExperiments(definitions: readonly SeriesDefinition[]): ReadonlySet<number> {
  const experiments = [...definitions.entries()].filter(([, { tag }]) => tag === EXPERIMENT_TAG);
  const different = new Set(experiments.map(([, { metadata }]) => descriptionIn(metadata)));
  return new Set(different.size > 1 ? experiments.map(([index]) => index) : []);
}

/** Returns the description without the time at which it was written. */
function descriptionIn(metadata: Uint8Array): string {
  const plugin = messageField(metadata, 1);
  const payload = plugin === undefined ? undefined : messageField(plugin, 2);
  const value = interpret('hparams', { form: 'content', payload: payload ?? Uint8Array.of() });
  if (value.kind !== 'hparams') return Buffer.from(metadata).toString('hex');
  const experiment = value.data['experiment'];
  if (!isObject(experiment)) return jsonText(value.data);
  const { time_created_secs: _, ...description } = experiment;
  return jsonText(description);
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
