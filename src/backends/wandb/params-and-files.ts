/**
 * Stores params and files from next to the event files: params in the configuration of the run, files as its files.
 */

import { filesThatDiffer } from '../../backend-kit/index.ts';
import type { ArtifactDifference, ArtifactFile, ArtifactOutcome, RunParam, WantedArtifacts } from '../../contract/index.ts';
import { reasonOf } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import type { LostFile } from './file-transfer.ts';
import { numberText } from './numbers.ts';
import { unquoted } from './row-reader.ts';
import { throwFailure } from './runs.ts';
import type { RunStorage } from './storage.ts';

/** Names that the service or mirrorboard uses itself. */
const TAKEN =
  /^(?:wandb-|config\.yaml$|output\.log$|requirements\.txt$|conda-environment\.yaml$|diff\.patch$|media\/|mirrorboard\/|code\/|logs\/)/;

/** Sets params of files in a run's configuration. */
export async function setParams(storage: RunStorage, params: readonly RunParam[], signal: AbortSignal): Promise<void> {
  let isChanged = false;
  for (const { name, value } of params) isChanged = storage.config.setParam(name, paramText(value)) || isChanged;
  if (isChanged) throwFailure(await storage.save({}, signal));
}

/** Stores a file of a run. */
export async function storeFile(storage: RunStorage, file: ArtifactFile, signal: AbortSignal): Promise<ArtifactOutcome> {
  const path = storedPath(file.path);
  const data = { bytes: file.bytes, read: () => file.read() };
  let reason: string | undefined;
  const lost: LostFile = (_, error) => {
    reason = reasonOf(error);
  };
  throwFailure(await storage.putFiles([{ path, data, isMedia: false }], signal, lost));
  if (reason !== undefined) return { kind: 'refused', reason };
  const page = storage.link;
  const isPage = page?.startsWith('http') === true;
  return { kind: 'stored', ...(isPage ? { url: `${page}/files/${path.split('/').map(encodeURIComponent).join('/')}` } : {}) };
}

/**
 * Compares params and files with the run. Calls `unknown` with the reason for each that cannot be compared, and
 * leaves it out.
 */
export async function compareArtifacts(
  storage: RunStorage,
  { files, params }: WantedArtifacts,
  unknown: (reason: string) => void,
  signal: AbortSignal,
): Promise<readonly ArtifactDifference[]> {
  if (!storage.isWhole) {
    unknown('a part of the run is at the server, and the lane is offline');
    return [];
  }
  const differences: ArtifactDifference[] = [];
  for (const { name, value } of params) {
    const held = storage.config.param(name);
    if (held === undefined || !isSameValue(held, paramText(value)))
      differences.push({ kind: 'param', name, found: held === undefined ? undefined : (unquoted(held) ?? held) });
  }
  if (files.length === 0) return differences;
  const listed = await storage.fileLengths(signal);
  if (listed.kind !== 'ok' && listed.cause === 'refused') {
    unknown(listed.error.message);
    return differences;
  }
  const lengths = valueOrThrow(listed);
  const changed = await filesThatDiffer(files, async (name) => {
    const path = storedPath(name);
    const bytes = lengths.get(path);
    return bytes === undefined ? undefined : { bytes, read: async () => valueOrThrow(await storage.readFile(path, signal)) };
  });
  return [...differences, ...changed];
}

/** Returns the path under which a file is stored: it moves names that W&B uses itself. */
export function storedPath(path: string): string {
  return TAKEN.test(path) ? `files/${path}` : path;
}

function paramText(value: RunParam['value']): string {
  if (typeof value === 'number') return Number.isFinite(value) ? numberText(value) : JSON.stringify(String(value));
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

/** True if two JSON texts are the same plain value: servers write numbers and letters in their own form. */
function isSameValue(a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return JSON.parse(a) === JSON.parse(b);
  } catch {
    return false;
  }
}
