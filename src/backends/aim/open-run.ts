/** A run that is open at the server: its lock, its two trees and its row in the database, as long as it is used. */
import type { AimClient, Resource } from './client.ts';
import type { TrackedRun } from './handle.ts';
import { readTraces, type Trace } from './sequences.ts';
import type { Key, Tree } from './tree.ts';

export interface OpenRun {
  readonly meta: Resource;
  readonly seqs: Resource;
  /** Undefined in a run that is somebody else's. */
  readonly props: Resource | undefined;
  readonly traces: readonly Trace[];
  /** Params stand in two places: in the run, and in an index of names. */
  readonly attrPaths: readonly (readonly Key[])[];
  readonly resources: readonly Resource[];
  readonly heartbeat: Resource | undefined;
  readonly lock: Resource | undefined;
}

/** Opens a run for writing; one that is not there comes into being. `createdAt`: seconds, used when it does. */
export async function openRun(client: AimClient, run: TrackedRun, createdAt: number | undefined, signal: AbortSignal): Promise<OpenRun> {
  const resources: Resource[] = [];
  const get = async (type: string, args: { readonly [key: string]: Tree }): Promise<Resource> => {
    const resource = await client.resource(type, args, signal);
    resources.push(resource);
    return resource;
  };
  const tree = (name: string): Promise<Resource> => get('TreeView', { name, sub: run.hash, read_only: false, index: false, timeout: null });
  try {
    // A run that another program has open is locked by it; the server is the one process that writes here.
    const lock = run.isJoined ? undefined : await get('Lock', { run_hash: run.hash });
    if (lock !== undefined) await client.call(lock, 'lock', [false], signal);
    const meta = await tree('meta');
    const props = run.isJoined
      ? undefined
      : await get('StructuredRun', { hash_: run.hash, read_only: false, created_at: createdAt ?? null });
    const seqs = await tree('seqs');
    const chunk = ['meta', 'chunks', run.hash];
    const traces = await client.find(meta, 'collect', [[...chunk, 'traces'], true, false], signal);
    const contexts = await client.find(meta, 'collect', [[...chunk, 'contexts'], true, false], signal);
    const heartbeat = run.isJoined ? undefined : await get('RunHeartbeat', { run_hash: run.hash });
    return {
      meta,
      seqs,
      props,
      traces: readTraces(traces, contexts),
      attrPaths: [
        [...chunk, 'attrs'],
        ['meta', 'attrs'],
      ],
      resources,
      heartbeat,
      lock,
    };
  } catch (error) {
    if (!client.isBroken) await letGo(client, resources, signal).catch(() => undefined);
    throw error;
  }
}

/** Frees what a run costs the server. */
export async function closeRun(client: AimClient, { heartbeat, lock, resources }: OpenRun, signal: AbortSignal): Promise<void> {
  if (client.isBroken) return;
  if (heartbeat !== undefined) await client.call(heartbeat, 'stop', [], signal);
  if (lock !== undefined) await client.call(lock, 'release', [false], signal);
  await letGo(client, resources, signal);
}

async function letGo(client: AimClient, resources: readonly Resource[], signal: AbortSignal): Promise<void> {
  for (const resource of resources.toReversed()) await client.release(resource, signal);
}
