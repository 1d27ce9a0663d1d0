/**
 * Parses a text from outside: YAML or JSON in, params or an id out. It runs in its own thread, see `text-parser.ts`:
 * a text of two megabytes can expand to gigabytes, or take hours. The result is bounded.
 */
import { parseDocument } from 'yaml';
import type { RunParam } from '../contract/index.ts';
import { messageOf } from '../errors.ts';
import { parsePython } from './python-data.ts';

/** A text to parse: as params, or for the id of a run under a key. */
export type TextRequest =
  | { readonly kind: 'params'; readonly text: string; readonly prefix: string; readonly form: TextForm }
  /** `key`: the path of the id, such as `a.b`. */
  | { readonly kind: 'id'; readonly text: string; readonly key: string };

/** The format of a text. `any`: unknown. */
export type TextForm = 'json' | 'yaml' | 'python' | 'any';

/** The params of a file, or the reason that it has none. */
export type ReadParams = { readonly kind: 'params'; readonly params: readonly RunParam[] } | Invalid;

/** The content of a parsed text. */
export type ParsedText = ReadParams | { readonly kind: 'id'; readonly id: string | undefined };

/** A text that cannot be parsed, and the reason. */
export interface Invalid {
  readonly kind: 'invalid';
  readonly reason: string;
}

const MOST_PARAMS = 10_000;
/** The most letters of names and values together: aliases can expand to far more than the text. */
const MOST_LETTERS = 4 * 1024 * 1024;
const MOST_NAME_LETTERS = 4096;
const MOST_LEVELS = 100;

/** Parses a text that others wrote. Throws nothing about its content: that is `Invalid`. */
export function parseText(request: TextRequest): ParsedText {
  try {
    return request.kind === 'params' ? paramsOf(request) : idOf(request.text, request.key);
  } catch (error) {
    // The parser is recursive, one call per level.
    if (error instanceof RangeError && /call stack/.test(error.message)) return invalid('it is nested too deeply');
    return invalid(error instanceof TooMuch ? error.message : messageOf(error));
  }
}

function paramsOf({ text, prefix, form }: Extract<TextRequest, { readonly kind: 'params' }>): ReadParams {
  if (form === 'python') return flattened(parsePython(text), prefix);
  if (form === 'any') return anyParams(text, prefix);
  return yamlParams(text, prefix, form);
}

/** Parses a text that was logged for people to read: the data may be in a fence, or in a table. */
function anyParams(text: string, prefix: string): ReadParams {
  const inner = unfenced(text);
  const rows = tableRows(inner);
  if (rows !== undefined) return flattened(rows, prefix);
  const read = yamlParams(inner, prefix, 'yaml');
  return read.kind === 'params' || !beginsWithAssignment(inner) ? read : flattened(parsePython(inner), prefix);
}

const FENCE = '```';

/** Returns the text between the two lines of a Markdown fence; the whole text if there is no fence. */
function unfenced(text: string): string {
  const all = text.trim();
  const begin = all.indexOf('\n') + 1;
  const end = all.length - FENCE.length;
  const isFenced = all.startsWith(FENCE) && all.endsWith(FENCE) && begin > 0 && begin <= end;
  return isFenced && !all.slice(FENCE.length, begin).includes('`') ? all.slice(begin, end) : text;
}

/** True if the first line that is not a comment sets a name. */
function beginsWithAssignment(text: string): boolean {
  const first = text
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '' && !line.startsWith('#'));
  return first !== undefined && /^[\p{L}_][\p{L}\p{N}_]*\s*=/u.test(first);
}

/** Returns the rows of a table of names and values, as many trainings log one; undefined if the text is none. */
function tableRows(text: string): Map<string, Single> | undefined {
  const lines = text.trim().split(/\r?\n/);
  if (lines.length < 2 || !/^\|(?:\s*:?-+:?\s*\|){2}$/.test(lines[1]?.trim() ?? '')) return undefined;
  const rows = new Map<string, Single>();
  for (const line of lines.slice(2)) {
    const [, name, value] = /^\|([^|]*)\|(.*)\|$/.exec(line.trim()) ?? [];
    if (name === undefined || value === undefined) return undefined;
    rows.set(name.trim(), cellValue(value.trim()));
  }
  return rows;
}

function cellValue(text: string): Single {
  if (/^[+-]?\d{1,100}$/.test(text)) return BigInt(text);
  if (/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (text === 'None') return null;
  return text === 'True' || text === 'False' ? text === 'True' : text;
}

function yamlParams(text: string, prefix: string, form: 'json' | 'yaml'): ReadParams {
  // JSON is YAML, and the YAML reader tells 3 from 3.0. Tags of other languages (!!python/object) are ignored, and
  // their values are read.
  const document = parseDocument(text, { intAsBigInt: true, logLevel: 'silent', prettyErrors: false, uniqueKeys: false });
  const [error] = document.errors;
  if (error?.code === 'RESOURCE_EXHAUSTION') return invalid('it is nested too deeply');
  if (error !== undefined) return invalid(`it is no ${form === 'json' ? 'JSON' : 'YAML'}: ${error.code}`);
  const value: unknown = document.toJS({ maxAliasCount: 1000 });
  if (value === null || value === undefined) return { kind: 'params', params: [] };
  if (typeof value !== 'object' || Array.isArray(value)) return invalid('it is no mapping of names to values');
  return flattened(value, prefix);
}

function flattened(value: object, prefix: string): ReadParams {
  const flat = new Flat();
  flat.add(value, prefix, 0);
  return { kind: 'params', params: flat.params };
}

function idOf(text: string, key: string): ParsedText {
  const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false });
  const value: unknown = document.errors.length > 0 ? undefined : document.getIn(key.split('.'));
  if (typeof value !== 'string' && typeof value !== 'number') return { kind: 'id', id: undefined };
  const id = String(value);
  return id.length > MOST_NAME_LETTERS ? invalid(`its id has ${id.length} letters, the limit is ${MOST_NAME_LETTERS}`) : { kind: 'id', id };
}

function invalid(reason: string): Invalid {
  return { kind: 'invalid', reason };
}

class TooMuch extends Error {}

/**
 * A collector that flattens values: `{a: {b: 1}}` is `a.b`; a list of single values is one value; in other lists, the
 * places are names.
 */
class Flat {
  readonly params: RunParam[] = [];
  #letters = 0;

  add(value: unknown, name: string, level: number): void {
    if (level > MOST_LEVELS) throw new TooMuch(`it is nested too deeply: the limit is ${MOST_LEVELS} levels`);
    if (Array.isArray(value) && value.every(isSingle)) this.#push(name, this.#listText(value));
    else if (typeof value === 'object' && value !== null) {
      const entries: readonly (readonly [unknown, unknown])[] = value instanceof Map ? [...value] : Object.entries(value);
      if (entries.length === 0 && name !== '') this.#push(name, '{}');
      for (const [key, item] of entries) this.add(item, join(name, String(key)), level + 1);
    } else if (isSingle(value)) this.#push(name, value);
  }

  #push(name: string, value: Single): void {
    if (name.length > MOST_NAME_LETTERS) throw new TooMuch(`a name has ${name.length} letters, the limit is ${MOST_NAME_LETTERS}`);
    if (this.params.length >= MOST_PARAMS) throw new TooMuch(`it has more than ${MOST_PARAMS} values`);
    this.#count(name.length + (typeof value === 'string' ? value.length : 8));
    this.params.push({ name, value });
  }

  #count(letters: number): void {
    this.#letters += letters;
    if (this.#letters > MOST_LETTERS)
      throw new TooMuch(`its names and values have more than ${MOST_LETTERS} letters after the expansion of aliases`);
  }

  /** Counts before it writes: thousands of aliases may each expand to the whole text. */
  #listText(items: readonly Single[]): string {
    const before = this.#letters;
    const texts: string[] = [];
    for (const item of items) {
      const text = typeof item === 'string' ? JSON.stringify(item) : String(item);
      this.#count(text.length + 2);
      texts.push(text);
    }
    this.#letters = before;
    return `[${texts.join(', ')}]`;
  }
}

type Single = RunParam['value'];

function isSingle(value: unknown): value is Single {
  return value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}

function join(prefix: string, key: string): string {
  return prefix === '' || prefix.endsWith('.') || prefix.endsWith('/') ? `${prefix}${key}` : `${prefix}.${key}`;
}
