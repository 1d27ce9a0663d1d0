/** The replies of an API's client, and how its callers pass them on. */
import { MirrorError } from '../errors.ts';
import { type HttpHeaders, headerOf } from './answer.ts';
import { type AnswerFields, isOddAnswer } from './answer-fields.ts';
import { plainText } from './plain-text.ts';
import { isMarkup } from './redirect-problem.ts';

/** A reply with a value. */
export interface Ok<T> {
  readonly kind: 'ok';
  readonly value: T;
}

/** A reply without success. Each API adds more fields, with the consequences. */
export interface Failed {
  readonly kind: 'failed';
  readonly error: MirrorError;
}

/** A value, or the reason why there is none. */
export type Reply<T, Failure extends Failed> = Ok<T> | Failure;

/** The failure of an unusable answer of 200: another answer may be usable. */
interface Unusable extends Failed {
  readonly cause: 'transient';
}

/** The longest part of a server's message that is shown: some contain whole SQL statements with their values. */
const MESSAGE_LENGTH = 300;

/** Returns the reply for an answer that is not what the API promises; a later answer may be. */
export function unusableAnswer(error: MirrorError): Unusable {
  return { kind: 'failed', cause: 'transient', error };
}

function isOk<Failure extends Failed>(reply: Reply<AnswerFields, Failure>): reply is Ok<AnswerFields> {
  return reply.kind === 'ok';
}

/** Returns the value that `take` reads from an answer; a failure if the answer does not match the API. */
export function taken<T, Answer extends Ok<AnswerFields> | Failed>(
  reply: Answer,
  take: (answer: AnswerFields) => T,
): Ok<T> | Exclude<Answer, Ok<AnswerFields>> | Unusable {
  if (!isOk(reply)) return reply as Exclude<Answer, Ok<AnswerFields>>;
  try {
    return { kind: 'ok', value: take(reply.value) };
  } catch (error) {
    if (!(error instanceof MirrorError) || !isOddAnswer(error)) throw error;
    return unusableAnswer(error);
  }
}

/** Returns the value of a reply. Throws the error of a failed one. */
export function valueOrThrow<T>(reply: Ok<T> | Failed): T {
  if (reply.kind === 'ok') return reply.value;
  throw reply.error;
}

/** Returns a server's message as one line. */
export function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MESSAGE_LENGTH ? `${line.slice(0, MESSAGE_LENGTH - 1)}…` : line;
}

/** True if an answer is a page: of a login, a proxy, or another program. */
export function isPage({ headers }: { readonly headers: HttpHeaders }): boolean {
  return headerOf(headers, 'content-type')?.includes('text/html') === true;
}

/** Returns the text of an answer, without the tags of a page. */
export function wordsOf(answer: { readonly headers: HttpHeaders }, text: string): string {
  return oneLine(isPage(answer) || isMarkup(text) ? plainText(text) : text);
}

/**
 * Returns a function that changes a JSON text so that the integers of a field keep all digits: steps are int64, and
 * come as bare digits.
 */
export function keepWide(field: string): (text: string) => string {
  // No string of an answer can contain this: its quotes would be escaped.
  const wide = new RegExp(`("${field}":\\s*)(-?\\d{16,})`, 'g');
  return (text) => text.replace(wide, '$1"$2"');
}
