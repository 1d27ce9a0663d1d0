import type { Handle } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';
import { type Json, jsonText } from '../model/index.ts';

/**
 * Packs the fields that find a tracker run again into a handle; undefined fields are left out. Never put a secret in
 * it.
 */
export function handleText(fields: Readonly<Record<string, Json | undefined>>): Handle {
  return jsonText(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<string, Json>) as Handle;
}

/**
 * Returns a reader for the handles of a backend. `known`: the fields that any version wrote. A handle with another
 * field comes from a later version, and this version does not know what it leads to: the reader throws MB4006, which
 * affects only this run. `read` returns undefined if the fields are no handle: the reader throws MB9001.
 */
export function handleReader<Run>(
  noun: string,
  known: readonly string[],
  read: (fields: Readonly<Record<string, unknown>>) => Run | undefined,
): (handle: Handle) => Run {
  return (handle) => {
    const fields = fieldsIn(handle);
    const later = Object.keys(fields ?? {}).find((name) => !known.includes(name));
    if (later !== undefined) {
      throw new MirrorError('MB4006', `the handle of ${noun} has a field of a later version: ${later.slice(0, 80)}`, {
        hint: 'Use the mirrorboard version that wrote the state, or a newer one.',
      });
    }
    const run = fields === undefined ? undefined : read(fields);
    if (run === undefined) throw new MirrorError('MB9001', `not a valid handle of ${noun}: ${handle.slice(0, 80)}`);
    return run;
  };
}

function fieldsIn(handle: Handle): Readonly<Record<string, unknown>> | undefined {
  try {
    const fields: unknown = JSON.parse(handle);
    return typeof fields === 'object' && fields !== null ? (fields as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

/** True if a field of a handle holds a name: a text that is not empty. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
