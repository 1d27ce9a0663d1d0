import type { ArtifactDifference, WantedArtifacts } from '../contract/index.ts';
import { sha256Of } from '../model/index.ts';

/** A longer file is compared by length only: models have gigabytes. */
const MOST_READ_BYTES = 8 * 1024 * 1024;

/** A file as a tracker has it. */
export interface StoredContent {
  readonly bytes: number;
  /** The SHA-256 (hex) that the tracker itself made from the content. With it, mirrorboard need not read the file. */
  readonly hash?: string | undefined;
  /**
   * Reads the whole file; returns undefined if the file does not exist after all. Missing: the file cannot be read,
   * so mirrorboard compares only its length, and its hash if the tracker has one.
   */
  readonly read?: () => Promise<Uint8Array | undefined>;
}

/** Returns the files that differ from what was stored. `lookUp` finds the file at a path. */
export async function filesThatDiffer(
  files: WantedArtifacts['files'],
  lookUp: (path: string) => Promise<StoredContent | undefined>,
): Promise<readonly ArtifactDifference[]> {
  const differences: ArtifactDifference[] = [];
  for (const file of files) {
    const difference = await fileDifference(file, await lookUp(file.path));
    if (difference !== undefined) differences.push(difference);
  }
  return differences;
}

/**
 * Returns what exists instead of a stored file; undefined if it is the same. `there` is undefined if the file is
 * missing.
 */
export async function fileDifference(
  { path, bytes, hash }: WantedArtifacts['files'][number],
  there: StoredContent | undefined,
): Promise<ArtifactDifference | undefined> {
  const differs = (found: string | undefined): ArtifactDifference => ({ kind: 'file', name: path, found });
  if (there === undefined) return differs(undefined);
  if (there.bytes !== bytes) return differs(`${there.bytes} bytes`);
  let sum = there.hash;
  if (sum === undefined) {
    if (there.read === undefined || bytes > MOST_READ_BYTES) return undefined;
    const content = await there.read();
    if (content === undefined) return differs(undefined);
    sum = sha256Of(content);
  }
  return sum === hash ? undefined : differs(`SHA-256 ${sum}`);
}
