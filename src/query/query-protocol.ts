/** What the thread that reads the store is told, and what it answers. */
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import type { Answers, Question } from './questions.ts';

/** What the thread begins with. */
export interface QueryWork {
  readonly path: string;
}

/** A question. `stop`: one number, which is set once nobody wants the answer any more. */
export interface QueryRequest {
  readonly id: number;
  readonly question: Question;
  readonly stop: Int32Array;
}

/** What became of a question. */
export type QueryReply =
  | { readonly id: number; readonly kind: 'answer'; readonly answer: Answers[keyof Answers] }
  | { readonly id: number; readonly kind: 'stopped' }
  | { readonly id: number; readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
