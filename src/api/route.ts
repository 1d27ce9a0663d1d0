/** The form of a resource: its parameters, its answer, and the code that answers. */
import type { z } from 'zod';
import { type Json, jsonText } from '../model/index.ts';
import type { StoreQueries } from '../query/index.ts';
import type { LaneFacts } from './lane-facts.ts';

/** The path of every resource begins with it. */
export const BASE = '/api/v1';

/** The sources of every answer. */
export interface RouteContext {
  readonly store: Pick<StoreQueries, 'ask'>;
  readonly lanes: LaneFacts;
  /** Aborted when the client has closed its connection. */
  readonly signal: AbortSignal;
}

/** A resource of the API. */
export interface Route<Query extends z.ZodObject = z.ZodObject, Answer extends z.ZodType = z.ZodType> {
  /** The path below `/api/v1`. */
  readonly path: string;
  /** The name of the operation in the OpenAPI document. */
  readonly id: string;
  readonly summary: string;
  readonly query: Query;
  readonly answer: Answer;
  /** `version`: the answer changes only with the store's points, so a repeated request costs nothing. */
  readonly changes: 'version' | 'content' | ((query: z.output<Query>) => 'version' | 'content');
  readonly handle: (context: RouteContext, query: z.output<Query>) => Promise<z.input<Answer>>;
}

/** Checks that a resource's code returns its answer. */
export function route<Query extends z.ZodObject, Answer extends z.ZodType>(definition: Route<Query, Answer>): Route {
  return definition as unknown as Route;
}

/** Checks the answer of a resource, and returns its text. */
export function answerText({ answer }: Pick<Route, 'answer'>, given: unknown): string {
  return jsonText(answer.parse(given) as Json);
}
