import { type Blob, interpret, type Json, type JsonObject, jsonText, type ObjectPoint, type Value, valueJson } from '../model/index.ts';

/**
 * A value that is not a scalar: the value itself, the text that `readBack` returns, and the bytes that the text
 * names.
 */
export interface ExactValue {
  readonly value: Value;
  readonly text: string;
  readonly blobs: readonly Blob[];
}

/** Returns the value of a point that is not a scalar. */
export function exactValue(plugin: string, point: ObjectPoint): ExactValue {
  const value = interpret(plugin, point);
  const blobs: Blob[] = [];
  return { value, text: jsonText(valueJson(value, (blob) => blobs.push(blob))), blobs };
}

/** Returns a field of a JSON value; undefined if the value is no object with this field. */
export function fieldOf(value: Json | undefined, name: string): Json | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name);
  return isObject ? (value as JsonObject)[name] : undefined;
}

/** Returns the hyperparameters of a session's start, by name; the session's end is the run's status. */
export function hparamsOf(value: Value): readonly (readonly [name: string, value: Json])[] {
  const hparams = value.kind === 'hparams' ? fieldOf(fieldOf(value.data, 'session_start_info'), 'hparams') : undefined;
  return typeof hparams === 'object' && hparams !== null && !Array.isArray(hparams) ? Object.entries(hparams as JsonObject) : [];
}

/** True if browsers can show an encoded image. */
export function isShownImage({ format }: Pick<Blob, 'format'>): boolean {
  return ['png', 'jpeg', 'gif', 'bmp'].includes(format);
}
