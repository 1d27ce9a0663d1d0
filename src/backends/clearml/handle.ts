import { handleReader, handleText, isName } from '../../backend-kit/index.ts';
import type { Handle } from '../../contract/index.ts';

/** The facts by which mirrorboard finds a task again. */
export interface TaskRef {
  readonly kind: 'task';
  readonly id: string;
  readonly project: string;
  /** The folder of its files. */
  readonly folder: string;
  /** True if another program opened the task: mirrorboard does not end it. */
  readonly isJoined: boolean;
}

/** A session of a lane that was offline when the run was opened. */
export interface SessionRef {
  readonly kind: 'session';
  readonly id: string;
}

/** Packs a task or session into a handle. */
export function handleOf(ref: TaskRef | SessionRef): Handle {
  if (ref.kind === 'session') return handleText({ session: ref.id });
  const { id, project, folder, isJoined } = ref;
  return handleText({ task: id, project, folder, joined: isJoined || undefined });
}

/** Unpacks a handle. Throws MB9001 when it is not one of ours. */
export const readHandle = handleReader(
  'a ClearML task',
  ['task', 'project', 'folder', 'joined', 'session'],
  ({ task, project, folder, joined, session }): TaskRef | SessionRef | undefined => {
    if (typeof session === 'string' && /^offline-[0-9a-f]{32}$/.test(session)) return { kind: 'session', id: session };
    if (!isName(task) || typeof project !== 'string' || typeof folder !== 'string') return undefined;
    return { kind: 'task', id: task, project, folder, isJoined: joined === true };
  },
);
