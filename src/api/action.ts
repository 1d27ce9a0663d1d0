/** The form of a request that changes something, and the rules for it. */
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { isOwnHost } from '../status/index.ts';
import type { GuardRules } from './guard.ts';
import { Refusal } from './problem.ts';
import type { RouteContext } from './route.ts';

/** A resource that takes POST with a JSON body. */
export interface Action<Body extends z.ZodObject = z.ZodObject, Answer extends z.ZodType = z.ZodType> {
  /** The path below `/api/v1`; a part such as `{lane}` is any name. */
  readonly path: string;
  /** The name of the operation in the OpenAPI document. */
  readonly id: string;
  readonly summary: string;
  readonly body: Body;
  readonly answer: Answer;
  /** `names`: the parts of the path. */
  readonly handle: (context: RouteContext, body: z.output<Body>, names: Readonly<Record<string, string>>) => Promise<z.input<Answer>>;
}

/** Checks that a resource's code returns its answer. */
export function action<Body extends z.ZodObject, Answer extends z.ZodType>(definition: Action<Body, Answer>): Action {
  return definition as unknown as Action;
}

/**
 * Throws MB5001 or MB5002 for a request that must not change anything, besides the rules for every request. A page of
 * another site can make a browser send a form, but no token, no JSON, and not from one of our hosts.
 */
export function checkAction({ headers }: IncomingMessage, { hosts, token }: GuardRules): void {
  if (token === undefined) {
    throw new Refusal(403, 'MB5002', 'the server changes nothing without a token', {
      hint: 'Write a token into a file, and start with --token-file FILE.',
    });
  }
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    throw new Refusal(415, 'MB5001', 'the request has no JSON body', { hint: 'Send the header Content-Type: application/json.' });
  }
  const { origin } = headers;
  if (origin !== undefined && !isOwnOrigin(origin, headers.host, hosts)) {
    throw new Refusal(403, 'MB5002', 'the request comes from a page of another site');
  }
}

/** True if a page of ours sent a request: from the host that it asks, or one of those that are allowed by name. */
function isOwnOrigin(origin: string, host: string | undefined, rules: GuardRules['hosts']): boolean {
  if (!URL.canParse(origin)) return false;
  const { host: from, hostname } = new URL(origin);
  // A proxy may pass on another host. Any address is a host of ours, and a page of another site can have one.
  return from === host || (!/^[[\d]/.test(hostname) && isOwnHost(hostname, rules));
}
