/** Failures as the API answers them: problem details (RFC 9457) with mirrorboard's own codes. */
import { z } from 'zod';
import { type ErrorCode, type ErrorDetails, errorCodes, MirrorError, messageOf } from '../errors.ts';
import type { Json } from '../model/index.ts';
import { named } from './components.ts';

/** The content type of a failure. */
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** The form of a failure. */
export const problem = named(
  'Problem',
  z.object({
    type: z.string().meta({ description: '`urn:mirrorboard:` and the code.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'An error code of mirrorboard, such as MB3021.' }),
    hint: z.string().nullable(),
    errors: z.array(z.object({ parameter: z.string(), detail: z.string() })).meta({ description: 'The parameters that are not valid.' }),
  }),
);

/** The fields of an answer that refuses a request. */
interface RefusalDetails extends ErrorDetails {
  readonly headers?: Readonly<Record<string, string>>;
  readonly parameters?: readonly { readonly parameter: string; readonly detail: string }[];
}

/** A request that the API does not answer as asked. */
export class Refusal extends MirrorError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: readonly { readonly parameter: string; readonly detail: string }[];

  constructor(status: number, code: ErrorCode, message: string, { headers = {}, parameters = [], ...details }: RefusalDetails = {}) {
    super(code, message, details);
    this.status = status;
    this.headers = headers;
    this.parameters = parameters;
  }
}

/** Returns the refusal of one parameter. */
export function wrongParameter(parameter: string, detail: string): Refusal {
  return new Refusal(400, 'MB5001', `${parameter}: ${detail}`, { parameters: [{ parameter, detail }] });
}

/** Returns the HTTP status of a failure. */
export function statusOf(error: unknown): number {
  if (error instanceof Refusal) return error.status;
  if (!(error instanceof MirrorError)) return 500;
  switch (error.code) {
    case 'MB3021':
      return 404;
    case 'MB3024':
    case 'MB5004':
      return 400;
    case 'MB3003':
    case 'MB3007':
    case 'MB3105':
      return 503;
    default:
      return error.retry === 'never' ? 500 : 503;
  }
}

/** Returns the body of a failure. */
export function problemJson(error: unknown): Json {
  const code = error instanceof MirrorError ? error.code : 'MB9001';
  return {
    type: `urn:mirrorboard:${code}`,
    title: errorCodes[code].title,
    status: statusOf(error),
    detail: messageOf(error),
    code,
    hint: (error instanceof MirrorError ? error.hint : undefined) ?? null,
    errors: error instanceof Refusal ? error.parameters : [],
  };
}
