/** Compares the params and files of a tracker run with those that the state says were stored there. */

import { MOST_TEXT_BYTES, readParams, readTextParams, readTextStamp } from '../artifacts/index.ts';
import type { ArtifactDifference, Handle, RunParam, WantedArtifacts } from '../contract/index.ts';
import { type RunRef, sha256Of, textInEvent } from '../model/index.ts';
import { recordAt } from '../reading/index.ts';
import { type ArtifactState, isRefusedFile } from '../state/index.ts';
import { type Directory, readWhole } from '../untrusted/index.ts';
import type { ArtifactCounts, StoredArtifactDifference } from './compare/index.ts';

/** A tracker run, and what was stored in it from files next to the event files. */
export interface RunArtifacts {
  /** The run that the tracker run was created for. */
  readonly target: RunRef;
  readonly handle: Handle;
  readonly states: readonly ArtifactState[];
  /** Compares; undefined if the backend cannot tell what is there. */
  readonly compare?: (handle: Handle, wanted: WantedArtifacts, signal: AbortSignal) => Promise<readonly ArtifactDifference[]>;
}

/** The result of checking the params and files of a run. */
export interface ArtifactFindings {
  readonly counts: ArtifactCounts;
  readonly differences: readonly StoredArtifactDifference[];
  /** Notes whose params or files must be stored once more. */
  readonly again: readonly ArtifactState[];
}

/** One thing that was stored, with all notes about it in the state. */
interface Stored {
  readonly what: 'file' | 'param';
  readonly name: string;
  readonly mine: string;
  readonly states: ArtifactState[];
  /** True if several contents were stored under the name, so that it is not known which one is there. */
  isVague: boolean;
}

/** The params and files that were stored in a tracker run, according to the state and the files. */
interface StoredArtifacts {
  readonly stored: ReadonlyMap<string, Stored>;
  readonly files: ReadonlyMap<string, WantedArtifacts['files'][number]>;
  readonly params: ReadonlyMap<string, RunParam>;
  /** True if the params of each file are known. Those of a file that has changed are not. */
  readonly hasAllParams: boolean;
}

/**
 * Collects what was stored. `directory` is that of the target. Leaves out the params of a file that has changed: the
 * next pass reads it anyway.
 */
export async function storedArtifacts(
  states: readonly ArtifactState[],
  directory: Directory,
  signal: AbortSignal,
): Promise<StoredArtifacts> {
  const stored = new Map<string, Stored>();
  let hasAllParams = true;
  const files = new Map<string, WantedArtifacts['files'][number]>();
  const params = new Map<string, RunParam>();
  const add = (what: Stored['what'], name: string, mine: string, state: ArtifactState): void => {
    const key = `${what} ${name}`;
    const known = stored.get(key);
    if (known === undefined) stored.set(key, { what, name, mine, states: [state], isVague: false });
    else {
      known.isVague ||= known.mine !== mine;
      known.states.push(state);
    }
  };
  for (const state of states) {
    const isRefused = isRefusedFile(state);
    if (state.outcome.kind !== 'done' && !isRefused) continue;
    const {
      to,
      params: prefix,
      tag,
    } = JSON.parse(state.rule) as { readonly to?: unknown; readonly params?: unknown; readonly tag?: unknown };
    if (typeof to === 'string') {
      if (isRefused && state.outcome.isStored !== true) continue;
      add('file', to, state.hash, state);
      files.set(to, { path: to, bytes: state.bytes, hash: state.hash });
    } else if (typeof prefix === 'string') {
      const read = typeof tag === 'string' ? textParamsOf : paramsOf;
      const found = await read(directory, state, prefix, signal);
      hasAllParams &&= found !== undefined;
      for (const param of found ?? []) {
        add('param', param.name, String(param.value), state);
        params.set(param.name, param);
      }
    }
  }
  return { stored, files, params, hasAllParams };
}

/** Compares the params and files of a tracker run with what was stored. */
export async function checkArtifacts(
  { target, handle, states, compare }: RunArtifacts,
  directory: Directory,
  signal: AbortSignal,
): Promise<ArtifactFindings> {
  const { stored, files, params } = await storedArtifacts(states, directory, signal);
  // The tracker may accept it now.
  const refused = states.filter(isRefusedFile);
  const differences = refused.map(({ path, hash, outcome }): StoredArtifactDifference => {
    const why = outcome.reason ?? '';
    return { kind: 'artifact', run: target, tag: undefined, what: 'file', name: path, mine: hash, theirs: undefined, refused: why };
  });
  const again = new Set<ArtifactState>(refused);
  const named = compare === undefined ? 0 : stored.size;
  const wanted = { files: [...files.values()], params: [...params.values()] };
  const found = compare === undefined || named === 0 ? [] : await compare(handle, wanted, signal);
  for (const { kind: what, name, found: theirs } of found) {
    const known = stored.get(`${what} ${name}`);
    if (known === undefined || (known.isVague && theirs !== undefined)) continue;
    // Some params of such a file may be there; those that are not were named with their file.
    if (theirs === undefined && known.states.every(isRefusedFile)) continue;
    differences.push({ kind: 'artifact', run: target, tag: undefined, what, name, mine: known.mine, theirs });
    for (const state of known.states) again.add(state);
  }
  const unsupported = states.filter(({ outcome }) => outcome.kind === 'unsupported').length;
  const held = differences.slice(refused.length);
  const missing = held.filter(({ theirs }) => theirs === undefined).length;
  const counts = { named, missing, changed: held.length - missing, refused: refused.length, unsupported };
  return { counts, differences, again: [...again] };
}

/** Reads the params of a file; undefined if they can no longer be known. */
async function paramsOf(
  directory: Directory,
  { path, hash }: ArtifactState,
  prefix: string,
  signal: AbortSignal,
): Promise<readonly RunParam[] | undefined> {
  let content: Buffer;
  try {
    ({ content } = await readWhole(directory, path, { mostBytes: MOST_TEXT_BYTES, signal }));
  } catch {
    // The file is gone, or mirrorboard no longer reads it: its former content cannot be known.
    return undefined;
  }
  if (sha256Of(content) !== hash) return undefined;
  const read = await readParams(content, path, prefix);
  return read.kind === 'params' ? read.params : [];
}

/** Reads the params from the record that held the text; undefined if they can no longer be known. */
async function textParamsOf(
  directory: Directory,
  { stamp, hash }: ArtifactState,
  prefix: string,
  signal: AbortSignal,
): Promise<readonly RunParam[] | undefined> {
  const position = readTextStamp(stamp);
  if (position === undefined) return undefined;
  let event: Uint8Array | undefined;
  try {
    event = await recordAt(directory, position.file, { offset: position.offset, mostBytes: 2 * MOST_TEXT_BYTES, signal });
  } catch {
    // As with a file that is gone.
    return undefined;
  }
  const text = event === undefined ? undefined : textInEvent(event, position.index);
  if (text === undefined || sha256Of(text) !== hash) return undefined;
  const read = await readTextParams(Buffer.from(text).toString('utf8'), prefix);
  return read.kind === 'params' ? read.params : [];
}
