import type { DataClass } from '../model/index.ts';
import type { SeriesDefinition } from '../query/index.ts';
import { addBytes, addInt, addMessage, message } from './wire.ts';

const CLASSES: Readonly<Record<DataClass, number>> = { unknown: 0, scalar: 1, tensor: 2, blob_sequence: 3 };
const DATA_CLASS = 4;

/** The forms of TensorFlow 1, which have no metadata that plugins understand, and the plugin's content for each. */
const OLD_FORMS: ReadonlyMap<string, Uint8Array> = new Map([
  ['simple_value', Uint8Array.of()],
  ['histo', Uint8Array.of()],
  // converted_to_tensor
  ['image', Uint8Array.of(0x10, 1)],
  // encoding: WAV, converted_to_tensor
  ['audio', Uint8Array.of(0x10, 11, 0x18, 1)],
  ['graph_def', Uint8Array.of()],
  ['tagged_run_metadata', Uint8Array.of()],
]);
const WITHOUT_NAME = new Set(['graph_def', 'tagged_run_metadata']);

/**
 * Returns the SummaryMetadata message of a series: that of its first value with the data class. A value in a form of
 * TensorFlow 1 gets the one that TensorBoard gives it when it reads the file.
 */
export function metadataMessage({ tag, plugin, dataClass, form, displayName, description, metadata }: SeriesDefinition): Uint8Array {
  const content = OLD_FORMS.get(form);
  const number = CLASSES[dataClass];
  // A later field replaces an earlier one.
  if (content === undefined) return Buffer.concat([metadata, addInt(message(), DATA_CLASS, number).finish()]);
  const made = message();
  addMessage(made, 1, (data) => {
    addBytes(data, 1, plugin);
    if (content.length > 0) addBytes(data, 2, content);
  });
  if (!WITHOUT_NAME.has(form)) addBytes(made, 2, displayName === '' ? tag : displayName);
  if (description !== '') addBytes(made, 3, description);
  return addInt(made, DATA_CLASS, number).finish();
}
