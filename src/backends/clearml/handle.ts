import type { Handle } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';

/** A task, as it is found again. */
export interface TaskRef {
  readonly kind: 'task';
  readonly id: string;
  readonly project: string;
  /** Where its files lie. */
  readonly folder: string;
  /** Something else opened it: it is not ended by us. */
  readonly isJoined: boolean;
}

/** A session of a lane that was offline when the run was opened. */
export interface SessionRef {
  readonly kind: 'session';
  readonly id: string;
}

/** Packs a task or session into a handle. */
export function handleOf(ref: TaskRef | SessionRef): Handle {
  if (ref.kind === 'session') return JSON.stringify({ session: ref.id }) as Handle;
  const { id, project, folder, isJoined } = ref;
  return JSON.stringify({ task: id, project, folder, ...(isJoined ? { joined: true } : {}) }) as Handle;
}

/** Unpacks a handle. Throws MB9001 when it is not one of ours. */
export function readHandle(handle: Handle): TaskRef | SessionRef {
  try {
    const { task, project, folder, joined, session } = JSON.parse(handle) as Record<string, unknown>;
    if (typeof session === 'string' && /^offline-[0-9a-f]{32}$/.test(session)) return { kind: 'session', id: session };
    if (typeof task === 'string' && task !== '' && typeof project === 'string' && typeof folder === 'string') {
      return { kind: 'task', id: task, project, folder, isJoined: joined === true };
    }
  } catch {
    // Said below.
  }
  throw new MirrorError('MB9001', `the handle of a ClearML task is not one: ${handle.slice(0, 80)}`);
}
