/**
 * Parses the filter of runs, such as `lr>1e-4 val/loss<0.3 -debug run:exp1/*`: words with spaces between them, all of
 * which must be true. Pure.
 *
 * - `NAME OP VALUE` (`>`, `>=`, `<`, `<=`, `=`, `!=`, without spaces): a param of this name, otherwise the last value
 *   of the metric. `last:`, `min:`, `max:` before the name select the metric, `param:` the param.
 * - `run:GLOB`, `root:GLOB`: its path, the name of its root. `has:GLOB`: it has such a tag.
 * - any other word: its path contains it, in upper or lower case.
 *
 * `-` before a word negates it. Quotes keep spaces together: `"my run" optimizer="adam w"`. `*` stands for any text,
 * `?` for one character.
 */
import { MirrorError } from '../errors.ts';
import type { MetricValue } from './questions.ts';

/** One condition on a run. */
export interface Condition {
  readonly isNegated: boolean;
  readonly test: ConditionTest;
}

/** The subject of a condition. */
export type ConditionTest =
  | { readonly kind: 'contains'; readonly text: string }
  | { readonly kind: 'run' | 'root' | 'has'; readonly glob: string }
  | {
      readonly kind: 'compare';
      readonly of: MetricValue | 'param' | 'either';
      readonly name: string;
      readonly operator: Operator;
      readonly value: string;
    };

/** The comparison of a value. */
export type Operator = '>' | '>=' | '<' | '<=' | '=' | '!=';

/** The longest expression, in characters: longer ones are refused. */
const MOST_LENGTH = 4096;
/** The most words: each may look at all runs. */
const MOST_WORDS = 32;
const OPERATORS = ['>=', '<=', '!=', '>', '<', '='] as const;

/** Parses the conditions of an expression. Throws MB3024 for an invalid one, with the wrong word. */
export function parseRunFilter(expression: string): Condition[] {
  if (expression.length > MOST_LENGTH) throw wrong(expression.slice(0, 40), `an expression has at most ${MOST_LENGTH} characters`);
  const words = wordsOf(expression);
  if (words.length > MOST_WORDS) throw wrong(words[MOST_WORDS]?.text ?? '', `an expression has at most ${MOST_WORDS} words`);
  return words.map((word) => {
    const isNegated = word.text.startsWith('-') && word.text.length > 1 && !word.isQuoted;
    return { isNegated, test: testOf(isNegated ? { ...word, text: word.text.slice(1) } : word) };
  });
}

interface Word {
  readonly text: string;
  /** True if it begins with a quote: no character in it has a special meaning. */
  readonly isQuoted: boolean;
}

function wordsOf(expression: string): Word[] {
  const words: Word[] = [];
  let text: string | undefined;
  let isQuoted = false;
  let quote = '';
  for (const char of expression) {
    if (quote !== '') {
      if (char === quote) quote = '';
      else text += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      if (text === undefined) isQuoted = true;
      text ??= '';
    } else if (/\s/.test(char)) {
      if (text !== undefined) words.push({ text, isQuoted });
      text = undefined;
      isQuoted = false;
    } else text = (text ?? '') + char;
  }
  if (quote !== '') throw wrong(expression, `a ${quote} has no end`);
  if (text !== undefined) words.push({ text, isQuoted });
  return words;
}

function testOf({ text, isQuoted }: Word): ConditionTest {
  if (isQuoted) return { kind: 'contains', text };
  for (const kind of ['run', 'root', 'has'] as const) {
    if (!text.startsWith(`${kind}:`)) continue;
    const glob = text.slice(kind.length + 1);
    if (glob === '') throw wrong(text, `${kind}: needs a text or a glob, such as ${kind}:exp*`);
    return { kind, glob };
  }
  const found = OPERATORS.map((operator) => ({ operator, at: text.indexOf(operator) })).filter(({ at }) => at >= 0);
  const first = found.toSorted((a, b) => a.at - b.at || b.operator.length - a.operator.length)[0];
  if (first === undefined) return { kind: 'contains', text };
  const value = text.slice(first.at + first.operator.length);
  const prefix = /^(last|min|max|param):/.exec(text)?.[1] as MetricValue | 'param' | undefined;
  const name = text.slice(prefix === undefined ? 0 : prefix.length + 1, first.at);
  if (name === '' || value === '') throw wrong(text, 'a comparison has a name and a value, such as lr>1e-4');
  if (!first.operator.endsWith('=') && Number.isNaN(numberOf(value))) throw wrong(text, `${value} is not a number`);
  return { kind: 'compare', of: prefix ?? 'either', name, operator: first.operator, value };
}

/** Converts a text to a number; NaN if it is not one. */
export function numberOf(text: string): number {
  const trimmed = text.trim();
  if (/^[+-]?inf(inity)?$/i.test(trimmed)) return trimmed.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return trimmed === '' ? Number.NaN : Number(trimmed);
}

/**
 * True if a value meets a comparison. If both sides are numbers, they are compared as numbers; otherwise only `=` and
 * `!=` can be true.
 */
export function compares(actual: number | string, operator: Operator, wanted: string): boolean {
  const [a, b] = [typeof actual === 'number' ? actual : numberOf(actual), numberOf(wanted)];
  const areNumbers = !Number.isNaN(b) && (typeof actual === 'number' || !Number.isNaN(a));
  const isSame = areNumbers ? a === b : String(actual) === wanted;
  switch (operator) {
    case '=':
      return isSame;
    case '!=':
      return !isSame;
    case '>':
      return areNumbers && a > b;
    case '>=':
      return areNumbers && a >= b;
    case '<':
      return areNumbers && a < b;
    case '<=':
      return areNumbers && a <= b;
    default:
      return operator satisfies never;
  }
}

/**
 * Returns a matcher of whole texts: `*` and `?` in the glob are wildcards, all other characters match themselves.
 * Takes linear time for each `*`.
 */
export function globMatcher(glob: string): (text: string) => boolean {
  const parts = glob.split('*');
  const [head = '', ...rest] = parts;
  const tail = rest.pop();
  return (text) => {
    if (tail === undefined) return text.length === head.length && isAt(text, head, 0);
    if (text.length < head.length + tail.length || !isAt(text, head, 0) || !isAt(text, tail, text.length - tail.length)) return false;
    let at = head.length;
    const end = text.length - tail.length;
    for (const part of rest) {
      while (at + part.length <= end && !isAt(text, part, at)) at++;
      if (at + part.length > end) return false;
      at += part.length;
    }
    return true;
  };
}

function isAt(text: string, part: string, at: number): boolean {
  for (let i = 0; i < part.length; i++) if (part[i] !== '?' && part[i] !== text[at + i]) return false;
  return true;
}

function wrong(word: string, why: string): MirrorError {
  return new MirrorError('MB3024', `filter: ${JSON.stringify(word)}: ${why}`, {
    hint: 'Write words such as lr>1e-4, max:acc>=0.9, run:exp1/*, has:val/loss, -debug, with spaces between them.',
  });
}
