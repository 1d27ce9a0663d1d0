/** Files that lie beside the event files, as files of the run. */
import type { SideFile, SideOutcome } from '../contract.ts';
import type { RunPlace } from './place.ts';
import { throwFailure } from './runs.ts';

/** Names that are the service's own, or ours. */
const TAKEN =
  /^(?:wandb-|config\.yaml$|output\.log$|requirements\.txt$|conda-environment\.yaml$|diff\.patch$|media\/|mirrorboard\/|code\/|logs\/)/;

export async function storeFile(place: RunPlace, file: SideFile, signal: AbortSignal): Promise<SideOutcome> {
  const path = TAKEN.test(file.path) ? `files/${file.path}` : file.path;
  const data = { bytes: file.bytes, read: () => file.read() };
  throwFailure(await place.putFiles([{ path, data, isMedia: false }], signal));
  const page = place.link;
  const isPage = page?.startsWith('http') === true;
  return { kind: 'stored', ...(isPage ? { url: `${page}/files/${path.split('/').map(encodeURIComponent).join('/')}` } : {}) };
}
