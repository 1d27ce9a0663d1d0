/** The form of a resource: its parameters, its answer, and the code that answers. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { z } from 'zod';
import { steadyMs } from '../clock.ts';
import { type Json, type JsonObject, jsonText } from '../model/index.ts';
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

/** The longest that one answer holds its thread, which may also mirror. Milliseconds. */
const TURN_MS = 20;

/**
 * Checks the answer of a resource, and returns its text. It lets others work meanwhile: an answer may have millions of
 * numbers.
 */
export async function answerText({ answer }: Pick<Route, 'answer'>, given: unknown): Promise<string> {
  const checked = answer.parse(given) as Json;
  if (typeof checked !== 'object' || checked === null || Array.isArray(checked)) return jsonText(checked);
  let turnEndMs = steadyMs() + TURN_MS;
  const fields: string[] = [];
  for (const [key, value] of Object.entries(checked as JsonObject)) {
    if (!Array.isArray(value)) {
      fields.push(`${JSON.stringify(key)}:${jsonText(value)}`);
      continue;
    }
    const items: string[] = [];
    for (const item of value as readonly Json[]) {
      items.push(jsonText(item));
      if (steadyMs() < turnEndMs) continue;
      await nextTurn();
      turnEndMs = steadyMs() + TURN_MS;
    }
    fields.push(`${JSON.stringify(key)}:[${items.join(',')}]`);
  }
  return `{${fields.join(',')}}`;
}
