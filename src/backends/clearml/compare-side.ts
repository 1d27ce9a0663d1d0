/** Whether params and files of a task, or of an offline session, are there as they were stored. */
import { fileDifference } from '../../beside/index.ts';
import type { SideDifference, SideFile, SideWanted } from '../contract.ts';
import type { Fields } from './answers.ts';
import type { FileSource } from './events.ts';
import { sideParam } from './side.ts';

/** `task`: its document, the same at a server and in a session. */
export async function compareSide(
  task: object,
  { files, params }: SideWanted,
  source: FileSource,
  signal: AbortSignal,
): Promise<readonly SideDifference[]> {
  const differences: SideDifference[] = [];
  const { hyperparams = {} } = task as { readonly hyperparams?: Readonly<Record<string, Readonly<Record<string, Fields>>>> };
  for (const param of params) {
    const { section, name, value } = sideParam(param);
    const held = new Map(Object.entries(hyperparams[section] ?? {})).get(name)?.['value'];
    if (held !== value) differences.push({ kind: 'param', name, found: held === undefined ? undefined : String(held) });
  }
  for (const file of files) {
    const difference = await artifactDifference(artifactOf(task, file.path), file, source, signal);
    if (difference !== undefined) differences.push(difference);
  }
  return differences;
}

export function artifactOf(task: object, path: string): Fields | undefined {
  const { execution } = task as { readonly execution?: { readonly artifacts?: readonly Fields[] } };
  return execution?.artifacts?.find(({ key }) => key === path);
}

/** An artifact is an entry in the task and a file elsewhere: either may be lost, or be another one. */
export async function artifactDifference(
  artifact: Fields | undefined,
  file: Pick<SideFile, 'path' | 'bytes' | 'hash'>,
  source: FileSource,
  signal: AbortSignal,
): Promise<SideDifference | undefined> {
  const { path, hash } = file;
  if (artifact === undefined) return { kind: 'file', name: path, found: undefined };
  if (artifact['hash'] !== hash) return { kind: 'file', name: path, found: `SHA-256 ${String(artifact['hash'])}` };
  const url = String(artifact['uri']);
  // It was stored when files went to another place, which is not asked any more.
  if (!source.hasFile(url)) return undefined;
  const bytes = await source.lengthOf(url, signal);
  return fileDifference(file, bytes === undefined ? undefined : { bytes, read: () => source.file(url, signal) });
}
