/** A run that is open at the server: its lock, its two trees and its row in the database, as long as it is used. */
import type { AimClient, Resource } from './client.ts';
import { treeOf } from './connecting.ts';
import { Frames } from './frames.ts';
import type { AimRun } from './handle.ts';
import { readTraces, type Trace } from './sequences.ts';
import { childOf, type Key, type Tree } from './tree.ts';

/** The server-side objects of a run that is open for writing. */
export interface OpenAimRun {
  readonly meta: Resource;
  readonly seqs: Resource;
  /** Undefined in a run that is not ours. */
  readonly props: Resource | undefined;
  readonly traces: readonly Trace[];
  /** Params are in two places: in the run, and in an index of names. */
  readonly attrPaths: readonly (readonly Key[])[];
  readonly resources: readonly Resource[];
}

/**
 * Opens a run for writing; one that is not there comes into being. `createdAt`: seconds, used when it does.
 *
 * A client that was killed, or lost its connection, leaves what it held at the server for five minutes: the lock
 * keeps us out until then, and every try to take it stops the whole server for ten seconds. So lock and heartbeat
 * have the run's name: asked for once more, they take the place of those left behind, which the server then lets go
 * of. Other processes than the server are kept out as ever.
 */
export async function openRun(client: AimClient, run: AimRun, createdAt: number | undefined, signal: AbortSignal): Promise<OpenAimRun> {
  const resources: Resource[] = [];
  const get = async (type: string, args: { readonly [key: string]: Tree }, name?: string): Promise<Resource> => {
    const resource = await client.resource(type, args, signal, name);
    resources.push(resource);
    return resource;
  };
  const tree = (name: 'meta' | 'seqs'): Promise<Resource> => get('TreeView', treeOf(name, run.hash));
  try {
    // A run that another program has open is locked by it; the server is the one process that writes here.
    if (!run.isJoined) resources.push(await client.lock(run.hash, signal));
    const meta = await tree('meta');
    const props = run.isJoined
      ? undefined
      : await get('StructuredRun', { hash_: run.hash, read_only: false, created_at: createdAt ?? null });
    const seqs = await tree('seqs');
    const chunk = ['meta', 'chunks', run.hash];
    const held = await client.branch(meta, chunk, signal);
    if (!run.isJoined) await get('RunHeartbeat', { run_hash: run.hash }, `mirrorboard-heartbeat-${run.hash}`);
    if (isEndedByOthers(held)) await putOn(client, meta, run, signal);
    return {
      meta,
      seqs,
      props,
      traces: readTraces(childOf(held, 'traces'), childOf(held, 'contexts')),
      attrPaths: [
        [...chunk, 'attrs'],
        ['meta', 'attrs'],
      ],
      resources,
    };
  } catch (error) {
    if (!client.isBroken) await letGo(client, resources, signal).catch(() => undefined);
    throw error;
  }
}

/**
 * Where a server was killed, `aim up` takes the runs it had open for dead, and writes an end into them. What we did
 * not end continues.
 */
function isEndedByOthers(held: Tree | undefined): boolean {
  const own = childOf(childOf(held, 'attrs'), 'mirrorboard');
  return childOf(own, 'status') === 'running' && typeof childOf(held, 'end_time') === 'number';
}

async function putOn(client: AimClient, meta: Resource, { hash }: AimRun, signal: AbortSignal): Promise<void> {
  const frames = new Frames(client, 'resuming a run', signal);
  await frames.update(meta, ['meta', 'chunks', hash], [['end_time', null]]);
  await frames.flush();
}

/** Frees what a run costs the server: it stops the heartbeat, closes the trees, and lets go of the lock last. */
export async function closeRun(client: AimClient, { resources }: OpenAimRun, signal: AbortSignal): Promise<void> {
  if (!client.isBroken) await letGo(client, resources, signal);
}

async function letGo(client: AimClient, resources: readonly Resource[], signal: AbortSignal): Promise<void> {
  for (const resource of resources.toReversed()) await client.release(resource, signal);
}
