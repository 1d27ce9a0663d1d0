/** Files that lie beside the event files, as files of the run. */
import type { SideFile, SideOutcome } from '../contract.ts';
import type { RunPlace } from './place.ts';
import { throwFailure } from './runs.ts';

/** A file is sent in one piece, which has to be in memory. */
const MOST_BYTES = 1024 * 1024 * 1024;

/** Names that are the service's own, or ours. */
const TAKEN =
  /^(?:wandb-|config\.yaml$|output\.log$|requirements\.txt$|conda-environment\.yaml$|diff\.patch$|media\/|mirrorboard\/|code\/|logs\/)/;

export async function storeFile(place: RunPlace, file: SideFile, signal: AbortSignal): Promise<SideOutcome> {
  if (file.bytes > MOST_BYTES) return { kind: 'unsupported', reason: `a file of ${file.bytes} bytes: W&B lanes take up to ${MOST_BYTES}` };
  const path = TAKEN.test(file.path) ? `files/${file.path}` : file.path;
  const parts: Uint8Array[] = [];
  for await (const part of file.read()) parts.push(part);
  throwFailure(await place.putFiles([{ path, data: Buffer.concat(parts), isMedia: false }], signal));
  const page = place.link;
  const isPage = page?.startsWith('http') === true;
  return { kind: 'stored', ...(isPage ? { url: `${page}/files/${path.split('/').map(encodeURIComponent).join('/')}` } : {}) };
}
