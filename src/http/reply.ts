/** What a client of an API returns, and how its callers pass it on. */
import { MirrorError } from '../errors.ts';
import { type HttpHeaders, headerOf } from './answer.ts';
import { type AnswerFields, isOddAnswer } from './answer-fields.ts';
import { isMarkup } from './door.ts';
import { plainText } from './plain-text.ts';

/** An answer that was treated as what it should be. */
export interface Ok<T> {
  readonly kind: 'ok';
  readonly value: T;
}

/** What came of a request that was no success. Each API tells more of it: what follows it. */
export interface Failed {
  readonly kind: 'failed';
  readonly error: MirrorError;
}

/** A value, or why there is none. */
export type Reply<T, Failure extends Failed> = Ok<T> | Failure;

/** What happened to an answer of 200 that cannot be used: another one may be better. */
interface Unusable extends Failed {
  readonly cause: 'transient';
}

/** Longest part of a server's message that is shown: some hold whole SQL statements with their values. */
const MESSAGE_LENGTH = 300;

/** The reply for an answer that is not what the API promises; a later one may be. */
export function unusableAnswer(error: MirrorError): Unusable {
  return { kind: 'failed', cause: 'transient', error };
}

function isOk<Failure extends Failed>(reply: Reply<AnswerFields, Failure>): reply is Ok<AnswerFields> {
  return reply.kind === 'ok';
}

/** What is taken from an answer; a failure if it does not match the API. */
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

/** The value of a reply. Throws the error of a failed one. */
export function valueOrThrow<T>(reply: Ok<T> | Failed): T {
  if (reply.kind === 'ok') return reply.value;
  throw reply.error;
}

/** The words of a server, for a message. */
export function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MESSAGE_LENGTH ? `${line.slice(0, MESSAGE_LENGTH - 1)}…` : line;
}

/** True if an answer is a page: a login, a proxy's, another program's. */
export function isPage({ headers }: { readonly headers: HttpHeaders }): boolean {
  return headerOf(headers, 'content-type')?.includes('text/html') === true;
}

/** What an answer says, in words: of a page without its tags. */
export function wordsOf(answer: { readonly headers: HttpHeaders }, text: string): string {
  return oneLine(isPage(answer) || isMarkup(text) ? plainText(text) : text);
}

/** Changes a text of JSON so that the integers of a field are kept: steps are int64, and come as bare digits. */
export function keepWide(field: string): (text: string) => string {
  // No string of an answer can contain this: its quotes would be escaped.
  const wide = new RegExp(`("${field}":\\s*)(-?\\d{16,})`, 'g');
  return (text) => text.replace(wide, '$1"$2"');
}
