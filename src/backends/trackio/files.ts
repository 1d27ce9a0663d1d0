/** Files next to the event files: an artifact each. Trackio stores their content by its hash, and checks it. */
import { nameHash } from '../../backend-kit/exact-points/index.ts';
import { filesThatDiffer } from '../../backend-kit/index.ts';
import type { ArtifactDifference, ArtifactFile, WantedArtifacts } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { type Client, sqlText } from './client.ts';
import { prefixOf, type TrackioRun } from './handle.ts';

/** Returns the name of the artifact of a file: readable, and another one for each path. */
export function artifactName(run: TrackioRun, path: string): string {
  const shown = path.replace(/[^A-Za-z0-9._-]+/g, '_').slice(-60);
  return `${prefixOf(run)}.${nameHash([path], 12)}.${shown}`;
}

/** Stores a file; other content replaces it. */
export async function storeFile(client: Client, run: TrackioRun, name: string, file: ArtifactFile, signal: AbortSignal): Promise<void> {
  const { path, bytes, hash } = file;
  const { project } = run;
  const present = await client.blobs(project, [hash], signal);
  if (!present.has(hash)) await storeBlob(client, project, hash, { bytes, read: () => file.read() }, signal);
  const log = {
    project,
    name: artifactName(run, path),
    type: 'file',
    description: null,
    metadata: { mirrorboard: prefixOf(run), path },
    manifest: [{ path, digest: hash, size: bytes }],
    aliases: null,
    run_name: name,
    run_id: run.run,
    hf_token: null,
    // A former version would be the latest one again if its content came back.
    overwrite: true,
  };
  await client.call('artifact_log', log, signal);
  if ((await filesThatDiffer([file], (wanted) => storedFile(client, run, wanted, signal))).length > 0) {
    throw new MirrorError('MB4005', `Trackio took the file ${path}, and does not have it`, { retry: 'later' });
  }
}

/** Uploads bytes under their hash. The server refuses others than these. */
export async function storeBlob(
  client: Client,
  project: string,
  digest: string,
  body: { readonly bytes: number; read(): AsyncIterable<Uint8Array> },
  signal: AbortSignal,
): Promise<void> {
  const [path] = await client.upload([{ name: digest, body }], signal);
  const uploads = [{ project, digest, uploaded_file: { path: path ?? '', orig_name: digest } }];
  await client.call('bulk_upload_artifact_blob', { project, uploads, hf_token: null }, signal);
}

/** Returns the files that differ from what was stored. */
export function compareFiles(
  client: Client,
  run: TrackioRun,
  files: WantedArtifacts['files'],
  signal: AbortSignal,
): Promise<readonly ArtifactDifference[]> {
  return filesThatDiffer(files, (path) => storedFile(client, run, path, signal));
}

async function storedFile(client: Client, run: TrackioRun, path: string, signal: AbortSignal) {
  const [row] = await client.query(
    run.project,
    'select v.manifest from artifact_versions v join artifacts a on a.id = v.artifact_id ' +
      `where a.name = ${sqlText(artifactName(run, path))} order by v.version desc limit 1`,
    signal,
  );
  const [entry] = manifestOf(row?.['manifest']);
  if (entry === undefined) return undefined;
  const { digest } = entry;
  const bytes = await client.blobLength(run.project, digest, signal);
  return bytes === undefined ? undefined : { bytes, hash: digest };
}

function manifestOf(text: unknown): readonly { readonly digest: string }[] {
  try {
    const list: unknown = JSON.parse(String(text));
    return Array.isArray(list) ? list.filter((entry) => typeof entry?.digest === 'string') : [];
  } catch {
    return [];
  }
}
