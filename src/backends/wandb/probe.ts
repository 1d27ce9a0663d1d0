import type { Probe } from '../../contract/index.ts';
import { valueOrThrow } from '../../http/index.ts';
import type { WandbClient } from './client.ts';
import { waitingFolders } from './offline-folders.ts';
import type { WandbSettings } from './settings.ts';

/** Checks the server or the folder without writing anything. Throws the error that it finds. */
export async function probeTarget(client: WandbClient | undefined, settings: WandbSettings, signal: AbortSignal): Promise<Probe> {
  const notes: string[] = [];
  if (settings.mode === 'disabled')
    notes.push('The lane is switched off (mode: disabled): nothing is sent and nothing is lost; it resumes when you switch it on again.');
  const waiting = waitingFolders(settings.dir);
  if (waiting.length > 0) {
    const [first] = waiting;
    const more = waiting.length > 1 ? ` and ${waiting.length - 1} more` : '';
    notes.push(`${first?.path}${more} wait for an upload: wandb sync ${first?.path}`);
  }
  if (client === undefined || settings.mode !== 'online') {
    return { address: settings.mode === 'offline' ? settings.dir : settings.baseUrl, version: undefined, clockSkewMs: undefined, notes };
  }
  const { entity, username } = valueOrThrow(await client.viewer(signal));
  if (settings.entity === undefined) notes.push(`Runs go to the entity ${entity}, the key's own (${username}).`);
  if (settings.offsetSemantics === 'append') {
    notes.push('offset_semantics: append is set: if the result of a send is unknown, mirrorboard counts the stored lines first.');
  }
  return { address: client.address, version: undefined, clockSkewMs: undefined, notes };
}
