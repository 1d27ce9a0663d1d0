/** The messages to the thread that reads the store, and its answers. */
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import type { Answers, Question } from './questions.ts';

/** The data that the thread starts with. */
export interface QueryWork {
  readonly path: string;
}

/** A question. `stop`: one number, which the caller sets when it does not want the answer any more. */
export interface QueryRequest {
  readonly id: number;
  readonly question: Question;
  readonly stop: Int32Array;
}

/** The result of a question. */
export type QueryReply =
  | { readonly id: number; readonly kind: 'answer'; readonly answer: Answers[keyof Answers] }
  | { readonly id: number; readonly kind: 'stopped' }
  | { readonly id: number; readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
