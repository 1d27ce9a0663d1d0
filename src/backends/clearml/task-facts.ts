/** What a task says of its run, and what is known of it. */
import { join } from 'node:path';
import { type Candidate, FileMarks } from '../../backend-kit/identity/index.ts';
import type { RunSource } from '../../contract/index.ts';
import type { AnswerFields } from '../../http/index.ts';
import type { Fields } from './answers.ts';

/** Keys in a task's runtime. A dot would be a path there. */
export const RUN = 'mirrorboard/run';
/** The state that last opened it. */
export const INSTANCE = 'mirrorboard/instance';
/** The files by which it is recognised. */
export const FINGERPRINT = 'mirrorboard/fingerprint';
/** The ticket of a task among those made for the same key at the same moment, see `backend-kit/identity`. */
export const TICKET = 'mirrorboard/place';
/** Characters of the fingerprint. */
export const FINGERPRINT_LENGTH = 8000;

/** What is known of a task. */
export interface TaskFacts {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly project: string;
  /** By the server's clock, milliseconds; NaN if it does not say. */
  readonly createdMs: number;
  readonly runtime: Fields;
}

/** Every task of ours begins its description so. */
export const COMMENT = 'Mirrored from the TensorBoard logs in ';

/** What a task says of its run, and by which it is found again. */
export function factsOfRun({ run, rootPath, key, instanceId, fingerprint, tags }: RunSource) {
  return {
    tags: [tagOfKey(key), ...userTags(tags)],
    comment: `${COMMENT}${run.path === '.' ? rootPath : join(rootPath, run.path)}`,
    runtime: {
      [RUN]: key,
      [INSTANCE]: instanceId,
      [FINGERPRINT]: FileMarks.of(fingerprint).text(FINGERPRINT_LENGTH),
      'mirrorboard/root': run.root,
      'mirrorboard/path': run.path,
    },
  };
}

/** The system tag by which the task of a run's key is found. */
export function tagOfKey(key: string): string {
  return `mb-${key.slice(0, 12)}`;
}

/** Tags are texts in ClearML; `name=value` if there is one. */
export function userTags(tags: Readonly<Record<string, string>>): string[] {
  return Object.entries(tags).map(([name, value]) => (value === '' || value === 'true' ? name : `${name}=${value}`));
}

/** By what a task is recognised. */
export function markOf({ runtime }: TaskFacts): Candidate['mark'] {
  const instance = runtime[INSTANCE];
  return { instance: typeof instance === 'string' ? instance : undefined, files: marksIn(runtime) };
}

/** The files that a task names. */
export function marksIn(runtime: Fields): FileMarks {
  return FileMarks.read(runtime[FINGERPRINT]);
}

/** Whether nothing was changed. */
export function isSame(runtime: Fields, before: Fields): boolean {
  return Object.entries(runtime).every(([key, value]) => before[key] === value);
}

/** What the server says of a task. */
export function factsOf(task: AnswerFields): TaskFacts {
  return {
    id: task.id('id'),
    name: task.text('name', ''),
    status: task.text('status', ''),
    project: task.text('project', ''),
    createdMs: Date.parse(task.text('created', '')),
    runtime: task.object('runtime').fields,
  };
}
