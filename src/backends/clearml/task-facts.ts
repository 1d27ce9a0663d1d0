/** The facts that a task holds about its run, and those known about the task. */
import { join } from 'node:path';
import { type Candidate, FileMarks } from '../../backend-kit/identity/index.ts';
import type { RunSource } from '../../contract/index.ts';
import type { AnswerFields } from '../../http/index.ts';
import type { Fields } from './answers.ts';

/** The key of a run, in a task's runtime. In such names, a dot would be a path. */
export const RUN = 'mirrorboard/run';
/** The state that opened the task last. */
export const INSTANCE = 'mirrorboard/instance';
/** The files by which mirrorboard recognizes the task. */
export const FINGERPRINT = 'mirrorboard/fingerprint';
/** The ticket of a task among those made for the same key at the same moment, see `backend-kit/identity`. */
export const TICKET = 'mirrorboard/place';
/** Most characters of the fingerprint. */
export const FINGERPRINT_LENGTH = 8000;

/** The known facts about a task. */
export interface TaskFacts {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly project: string;
  /**
   * The time at which the task was created, by the server's clock, in milliseconds; NaN if the server does not report
   * it.
   */
  readonly createdMs: number;
  readonly runtime: Fields;
}

/** The beginning of the description of every task of ours. */
export const COMMENT = 'Mirrored from the TensorBoard logs in ';

/** Returns the fields of a task that describe its run, and by which mirrorboard finds it again. */
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

/** Returns the tag by which mirrorboard finds the task of a run's key. */
export function tagOfKey(key: string): string {
  return `mb-${key.slice(0, 12)}`;
}

/** Returns the operator's tags as ClearML's texts: `name=value` if there is a value. */
export function userTags(tags: Readonly<Record<string, string>>): string[] {
  return Object.entries(tags).map(([name, value]) => (value === '' || value === 'true' ? name : `${name}=${value}`));
}

/** Returns the mark by which mirrorboard recognizes a task. */
export function markOf({ runtime }: TaskFacts): Candidate['mark'] {
  const instance = runtime[INSTANCE];
  return { instance: typeof instance === 'string' ? instance : undefined, files: marksIn(runtime) };
}

/** Returns the files that a task names. */
export function marksIn(runtime: Fields): FileMarks {
  return FileMarks.read(runtime[FINGERPRINT]);
}

/** True if nothing has changed. */
export function isSame(runtime: Fields, before: Fields): boolean {
  return Object.entries(runtime).every(([key, value]) => before[key] === value);
}

/** Reads the facts about a task from the server's answer. */
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
