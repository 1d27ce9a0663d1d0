/** A run that is open at the server: its lock, its two trees and its row in the database, while it is in use. */
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
  /** Undefined for a run that another program made. */
  readonly props: Resource | undefined;
  readonly traces: readonly Trace[];
  /** The two paths of params: one in the run, one in an index of names. */
  readonly attrPaths: readonly (readonly Key[])[];
  readonly resources: readonly Resource[];
}

/**
 * Opens a run for writing, and creates it if it does not exist. `createdAt`: seconds, for a new run.
 *
 * A client that was killed, or lost its connection, leaves its objects at the server for five minutes: until then the
 * lock keeps mirrorboard out, and every attempt to take it stops the whole server for ten seconds. So the lock and
 * the heartbeat are named after the run: a new request replaces the old objects, and the server releases them.
 * Processes other than the server are still kept out.
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
    // Another program that has the run open holds its lock; the server is the only process that writes here.
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
 * True if another program ended the run. After a server was killed, `aim up` treats the runs that it had open as
 * dead, and writes an end into them. A run that mirrorboard did not end continues.
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

/** Frees the server's resources of a run: stops the heartbeat, closes the trees, and releases the lock last. */
export async function closeRun(client: AimClient, { resources }: OpenAimRun, signal: AbortSignal): Promise<void> {
  if (!client.isBroken) await letGo(client, resources, signal);
}

async function letGo(client: AimClient, resources: readonly Resource[], signal: AbortSignal): Promise<void> {
  for (const resource of resources.toReversed()) await client.release(resource, signal);
}
