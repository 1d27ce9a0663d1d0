/** Compares the params and files of a task or an offline session with those that were stored. */
import { fileDifference } from '../../backend-kit/index.ts';
import type { ArtifactDifference, ArtifactFile, WantedArtifacts } from '../../contract/index.ts';
import type { AnswerFields } from '../../http/index.ts';
import { artifactsIn } from './answers.ts';
import type { FileSource } from './events.ts';
import { fileParam } from './params-and-files.ts';

/**
 * Returns the params and files that are missing or differ. `task`: the task's document, the same on a server and in a
 * session.
 */
export async function compareArtifacts(
  task: AnswerFields,
  { files, params }: WantedArtifacts,
  source: FileSource,
  signal: AbortSignal,
): Promise<readonly ArtifactDifference[]> {
  const differences: ArtifactDifference[] = [];
  for (const param of params) {
    const { section, name, value } = fileParam(param);
    const held = task.object('hyperparams').object(section).object(name);
    const found = held.has('value') ? held.text('value') : undefined;
    if (found !== value) differences.push({ kind: 'param', name, found });
  }
  for (const file of files) {
    const difference = await artifactDifference(artifactOf(task, file.path), file, source, signal);
    if (difference !== undefined) differences.push(difference);
  }
  return differences;
}

/** Returns the artifact of a task that was stored under a path. */
export function artifactOf(task: AnswerFields, path: string): AnswerFields | undefined {
  return artifactsIn(task).find((artifact) => artifact.text('key', '') === path);
}

/**
 * Compares a stored artifact with its file. An artifact is an entry in the task and a file elsewhere: either may be
 * lost or differ.
 */
export async function artifactDifference(
  artifact: AnswerFields | undefined,
  file: Pick<ArtifactFile, 'path' | 'bytes' | 'hash'>,
  source: FileSource,
  signal: AbortSignal,
): Promise<ArtifactDifference | undefined> {
  const { path, hash } = file;
  if (artifact === undefined) return { kind: 'file', name: path, found: undefined };
  const found = artifact.text('hash', '');
  if (found !== hash) return { kind: 'file', name: path, found: `SHA-256 ${found}` };
  const url = artifact.text('uri');
  // The artifact was stored in a place that the configuration no longer names, so it is not checked.
  if (!source.hasFile(url)) return undefined;
  const bytes = await source.lengthOf(url, signal);
  return fileDifference(file, bytes === undefined ? undefined : { bytes, read: () => source.file(url, signal) });
}
