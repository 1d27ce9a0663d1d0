import type { MirrorError } from '../errors.ts';
import { memoryShares } from '../memory/index.ts';
import { type HttpAnswer, headerOf } from './answer.ts';
import { AnswerFields, type AnswerSource, isFields, kindOf, oddAnswer } from './answer-fields.ts';
import { isPage } from './reply.ts';
import { tooLargeAnswer } from './too-large.ts';

/** The result of parsing a JSON text. */
export type ParsedJson =
  | { readonly kind: 'ok'; readonly value: unknown }
  /** `found` describes the text, for a message. */
  | { readonly kind: 'odd'; readonly found: string }
  /** The value would take more than its share of the memory. */
  | { readonly kind: 'tooLarge' };

/** The deepest nesting: no API nests deeper, and a walk over a value may recurse. */
const MOST_DEPTH = 100;
/** The longest text: parsing is one step, which blocks everything else. */
const MOST_JSON = 64 * 1024 * 1024;

/** The memory of a list or an object, and of a value in it, in addition to its text. */
const BYTES_PER_CONTAINER = 64;
const BYTES_PER_VALUE = 32;

/** Shorter texts take little memory, whatever they contain. */
const WORTH_WEIGHING = 64 * 1024;

/**
 * Parses a JSON text from outside. It first estimates the memory: a few megabytes of brackets become a hundred times
 * as much. `prepare` changes the text before parsing.
 */
export function parseJson(bytes: Uint8Array, prepare: (text: string) => string = (text) => text): ParsedJson {
  const { weight, depth } = weigh(bytes);
  if (depth > MOST_DEPTH) return { kind: 'odd', found: `JSON with more than ${MOST_DEPTH} levels` };
  if (bytes.length > WORTH_WEIGHING && weight > 2 * memoryShares().answer) return { kind: 'tooLarge' };
  try {
    return { kind: 'ok', value: JSON.parse(prepare(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))) };
  } catch {
    return { kind: 'odd', found: bytes.length === 0 ? 'nothing' : 'a text that is not JSON' };
  }
}

/** An answer of 200, parsed as a JSON object. `notJson`: a page or a text, so it does not come from an API. */
type JsonAnswer =
  | { readonly kind: 'ok'; readonly value: AnswerFields }
  | { readonly kind: 'notJson' }
  | { readonly kind: 'failed'; readonly error: MirrorError };

/** Parses an answer's body. `prepare` changes the text first: numbers that no double holds become strings. */
export function readJson(
  answer: Extract<HttpAnswer, { kind: 'ok' }>,
  source: AnswerSource,
  prepare?: (text: string) => string,
): JsonAnswer {
  if (isPage(answer)) return { kind: 'notJson' };
  const { body, headers } = answer;
  if (body.length > MOST_JSON) return { kind: 'failed', error: tooLargeAnswer(source, MOST_JSON) };
  const parsed = parseJson(body, prepare);
  if (parsed.kind === 'tooLarge') return { kind: 'failed', error: tooLargeAnswer(source, 2 * memoryShares().answer) };
  // An answer that is labeled as JSON, or begins like it, still comes from an API.
  if (parsed.kind === 'odd' && !/\bjson\b/.test(headerOf(headers, 'content-type') ?? '') && !looksLikeJson(body))
    return { kind: 'notJson' };
  if (parsed.kind === 'odd') return { kind: 'failed', error: oddAnswer(source, `it is ${parsed.found}`) };
  if (!isFields(parsed.value)) return { kind: 'failed', error: oddAnswer(source, `it is ${kindOf(parsed.value)}, expected an object`) };
  return { kind: 'ok', value: new AnswerFields(parsed.value, source) };
}

function looksLikeJson(body: Uint8Array): boolean {
  return body[0] === OPEN || body[0] === OPEN_LIST;
}

const [QUOTE, COMMA, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = [34, 44, 92, 91, 93, 123, 125];

/**
 * Estimates the memory and depth of a JSON text in one pass, without parsing it. For a text that is not JSON, the
 * result is arbitrary and has no effect.
 */
function weigh(bytes: Uint8Array): { readonly weight: number; readonly depth: number } {
  let [depth, deepest, containers, values] = [0, 0, 0, 0];
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes[i];
    if (code === QUOTE) {
      for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
    } else if (code === COMMA) values++;
    else if (code === OPEN || code === OPEN_LIST) {
      containers++;
      depth++;
      if (depth > deepest) deepest = depth;
    } else if (code === CLOSE || code === CLOSE_LIST) depth--;
  }
  return { weight: bytes.length + containers * BYTES_PER_CONTAINER + values * BYTES_PER_VALUE, depth: deepest };
}
