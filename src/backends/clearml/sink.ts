/** The target of a run's events, files and fields: a task, or the folder of an offline session. */
import type { ObjectContent } from '../../objects/index.ts';
import type { ClearmlReply } from './answers.ts';
import type { ClearmlObject, Param } from './map.ts';

/** A file that a task lists. */
export interface Artifact {
  readonly key: string;
  readonly type: string;
  readonly uri: string;
  readonly hash: string;
  readonly bytes: number;
  readonly contentType: string;
  readonly preview: string;
  readonly timestamp: number;
}

/** A configuration text of a task. */
export type Document = NonNullable<ClearmlObject['document']>;

/** The target of a run: a task of the server or an offline session. */
export interface EventSink {
  readonly id: string;
  /** The folder of its files. */
  readonly folder: string;
  /** Stores all events, or fails. After a failure, a part may be stored. */
  addEvents(lines: readonly string[], signal: AbortSignal): Promise<ClearmlReply<unknown>>;
  /** Stores a file by its path below the folder, and returns its address. Throws errors. */
  put(path: string, content: ObjectContent, signal: AbortSignal): Promise<string>;
  /** True if the task has room to list these artifacts. */
  hasRoom(keys: readonly string[], signal: AbortSignal): Promise<boolean>;
  addArtifacts(artifacts: readonly Artifact[], signal: AbortSignal): Promise<ClearmlReply<unknown>>;
  addParams(params: readonly Param[], signal: AbortSignal): Promise<ClearmlReply<unknown>>;
  addDocuments(documents: readonly Document[], signal: AbortSignal): Promise<ClearmlReply<unknown>>;
  /**
   * Writes an event that the server is known to accept, or else one of our own. A failure shows that the server
   * accepts none.
   */
  tryEvent(signal: AbortSignal): Promise<ClearmlReply<unknown>>;
}
