import type { Handle } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';
import { type Json, jsonText } from '../model/index.ts';

/** Packs what finds a tracker run again into a handle; fields that are undefined are left out. Never a secret. */
export function handleText(fields: Readonly<Record<string, Json | undefined>>): Handle {
  return jsonText(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<string, Json>) as Handle;
}

/**
 * Makes what unpacks the handles of a backend. `known`: the fields that any version wrote; a handle with another one
 * comes from a later version, and what it leads to is not known. `read` gives undefined if the fields are no handle.
 * The reader throws MB9001.
 */
export function handleReader<Run>(
  noun: string,
  known: readonly string[],
  read: (fields: Readonly<Record<string, unknown>>) => Run | undefined,
): (handle: Handle) => Run {
  return (handle) => {
    let run: Run | undefined;
    try {
      const fields = JSON.parse(handle) as Record<string, unknown>;
      if (Object.keys(fields).every((name) => known.includes(name))) run = read(fields);
    } catch {
      // Said below.
    }
    if (run === undefined) throw new MirrorError('MB9001', `the handle of ${noun} is not one: ${handle.slice(0, 80)}`);
    return run;
  };
}

/** Whether a field of a handle names something. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
