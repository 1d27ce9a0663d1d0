/**
 * The part of HOCON that `clearml.conf` uses: nested objects with or without `=` or `:`, dotted keys, comments,
 * quoted and plain values, lists, `${VAR}` and `${?VAR}` (a key of the file, else an environment variable). Anything
 * else is reported, not guessed.
 */
import type { Environment } from '../../environment.ts';

/** A value of a HOCON file. */
export type HoconValue = string | number | boolean | null | readonly HoconValue[] | HoconObject;
/** An object of a HOCON file. */
export interface HoconObject {
  readonly [key: string]: HoconValue;
}

/** The error for a part of the file that is not understood; `line` counts from 1. */
export class HoconError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

type Parsed = string | number | boolean | null | Parsed[] | ParsedObject | Reference;
type ParsedObject = Map<string, Parsed>;

/** A value made of pieces, some of which refer to other values. */
class Reference {
  readonly parts: readonly (string | { readonly path: string; readonly isOptional: boolean })[];
  readonly line: number;

  constructor(parts: Reference['parts'], line: number) {
    this.parts = parts;
    this.line = line;
  }
}

/** Parses a HOCON text and replaces its variables. Throws HoconError for what it does not understand. */
export function readHocon(text: string, env: Environment): HoconObject {
  const reader = new Reader(text.replace(/^\ufeff/, ''));
  const root = reader.root();
  return resolved(root, root, env, []) as HoconObject;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  root(): ParsedObject {
    this.#skip(true);
    const isBraced = this.#peek() === '{';
    if (isBraced) this.#at++;
    const object = this.#members(isBraced ? '}' : undefined);
    this.#skip(true);
    if (this.#at < this.#text.length) this.#fail(`unexpected ${JSON.stringify(this.#peek())}`);
    return object;
  }

  #members(end: '}' | undefined): ParsedObject {
    const object: ParsedObject = new Map();
    for (;;) {
      this.#skip(true);
      if (this.#peek() === ',') {
        this.#at++;
        continue;
      }
      if (this.#at >= this.#text.length) {
        if (end !== undefined) this.#fail('an object is not closed');
        return object;
      }
      if (this.#peek() === end) {
        this.#at++;
        return object;
      }
      this.#member(object);
    }
  }

  #member(object: ParsedObject): void {
    if (/^include\s/.test(this.#text.slice(this.#at, this.#at + 8))) this.#fail('"include" is not understood');
    const path = this.#path();
    this.#skip(false);
    const sign = this.#peek();
    if (this.#text.startsWith('+=', this.#at)) this.#fail('"+=" is not understood');
    if (sign === '=' || sign === ':') {
      this.#at++;
      this.#skip(true);
    } else if (sign !== '{') {
      this.#fail(`expected "=", ":" or "{" behind the key ${path.join('.')}`);
    }
    put(object, path, this.#value());
  }

  #path(): string[] {
    const path: string[] = [];
    for (;;) {
      if (this.#peek() === '"') path.push(this.#quoted());
      else {
        const found = /^[^\s."{}[\]:=,+#`^?!@*&\\$/]+/.exec(this.#text.slice(this.#at, this.#at + 256));
        if (found === null) this.#fail(`expected a key, found ${JSON.stringify(this.#peek())}`);
        path.push(found[0]);
        this.#at += found[0].length;
      }
      if (this.#peek() !== '.') return path;
      this.#at++;
    }
  }

  #value(): Parsed {
    const sign = this.#peek();
    if (sign === '{') {
      this.#at++;
      return this.#members('}');
    }
    if (sign === '[') return this.#list();
    return this.#plain();
  }

  #list(): Parsed[] {
    this.#at++;
    const list: Parsed[] = [];
    for (;;) {
      this.#skip(true);
      if (this.#at >= this.#text.length) this.#fail('a list is not closed');
      if (this.#peek() === ',') {
        this.#at++;
      } else if (this.#peek() === ']') {
        this.#at++;
        return list;
      } else {
        list.push(this.#value());
      }
    }
  }

  /** Reads one value: quoted and unquoted pieces and references, up to the end of the line, a comma or a bracket. */
  #plain(): Parsed {
    const line = this.#line();
    const parts: (string | { path: string; isOptional: boolean })[] = [];
    let isQuoted = false;
    for (;;) {
      const sign = this.#peek();
      if (sign === undefined || '\n\r,}]'.includes(sign) || sign === '#' || this.#text.startsWith('//', this.#at)) break;
      if (sign === '"') {
        parts.push(this.#quoted());
        isQuoted = true;
      } else if (this.#text.startsWith('${', this.#at)) {
        parts.push(this.#reference());
      } else if (sign === '{' || sign === '[') {
        this.#fail('a value followed by an object or a list is not understood');
      } else {
        // An address has slashes: two of them begin a comment only after a blank.
        const found = /^(?:[^\s",{}[\]#$/]|\/(?!\/)|(?<=:)\/\/|\$(?!\{))+|^[ \t]+/.exec(this.#text.slice(Math.max(0, this.#at)));
        const piece = found?.[0] ?? sign;
        parts.push(piece);
        this.#at += piece.length;
        if (piece.endsWith(':') && this.#text.startsWith('//', this.#at)) {
          parts.push('//');
          this.#at += 2;
        }
      }
    }
    while (typeof parts.at(-1) === 'string' && /^[ \t]+$/.test(parts.at(-1) as string) && !(isQuoted && parts.length === 1)) parts.pop();
    if (parts.length === 0) this.#fail('a value is missing');
    if (parts.some((part) => typeof part !== 'string')) return new Reference(parts, line);
    const text = parts.join('');
    return isQuoted ? text : literal(text);
  }

  #reference(): { path: string; isOptional: boolean } {
    const found = /^\$\{(\?)?\s*([^}\s]+)\s*\}/.exec(this.#text.slice(this.#at, this.#at + 512));
    if (found === null) this.#fail('a reference is not closed');
    this.#at += found[0].length;
    return { path: (found[2] as string).replaceAll('"', ''), isOptional: found[1] === '?' };
  }

  #quoted(): string {
    if (this.#text.startsWith('"""', this.#at)) {
      const end = this.#text.indexOf('"""', this.#at + 3);
      if (end < 0) this.#fail('a text in triple quotes is not closed');
      const text = this.#text.slice(this.#at + 3, end);
      this.#at = end + 3;
      return text;
    }
    const found = /^"(?:[^"\\\n]|\\.)*"/.exec(this.#text.slice(this.#at));
    if (found === null) this.#fail('a quoted text is not closed');
    this.#at += found[0].length;
    try {
      return JSON.parse(found[0]) as string;
    } catch {
      return this.#fail('a quoted text has an escape that is not understood');
    }
  }

  /** Skips blanks and comments; also line ends if `overLines` is set. */
  #skip(overLines: boolean): void {
    for (;;) {
      const rest = this.#text.slice(this.#at, this.#at + 4096);
      const found = (overLines ? /^(?:\s+|#[^\n]*|\/\/[^\n]*)/ : /^(?:[ \t]+|#[^\n]*|\/\/[^\n]*)/).exec(rest);
      if (found === null) return;
      this.#at += found[0].length;
    }
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #line(): number {
    return this.#text.slice(0, this.#at).split('\n').length;
  }

  #fail(message: string): never {
    throw new HoconError(this.#line(), message);
  }
}

function literal(text: string): Parsed {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (text === 'null') return null;
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) && String(Number(text)) === text ? Number(text) : text;
}

/** Adds a value under a path. Objects of the same key are merged; anything else replaces the former value. */
function put(object: ParsedObject, path: readonly string[], value: Parsed): void {
  const [key = '', ...rest] = path;
  const before = object.get(key);
  if (rest.length > 0) {
    const below: ParsedObject = before instanceof Map ? before : new Map();
    object.set(key, below);
    put(below, rest, value);
    return;
  }
  if (before instanceof Map && value instanceof Map) {
    for (const [name, item] of value) put(before, [name], item);
    return;
  }
  // A reference without a target keeps the value before it: `a = x`, then `a = ${?A}`.
  if (value instanceof Reference && value.parts.length === 1) {
    const [part] = value.parts;
    if (typeof part === 'object' && part.isOptional && before !== undefined) {
      object.set(key, new Fallback(value, before) as unknown as Reference);
      return;
    }
  }
  object.set(key, value);
}

/** A reference that may have no target, and the value for that case. */
class Fallback extends Reference {
  readonly before: Parsed;

  constructor(reference: Reference, before: Parsed) {
    super(reference.parts, reference.line);
    this.before = before;
  }
}

function resolved(value: Parsed, root: ParsedObject, env: Environment, path: readonly string[]): HoconValue | undefined {
  if (value instanceof Fallback) return lookUp(value, root, env, path) ?? resolved(value.before, root, env, path);
  if (value instanceof Reference) return lookUp(value, root, env, path);
  if (value instanceof Map) {
    const fields = [...value].flatMap(([key, item]) => {
      const found = resolved(item, root, env, path);
      return found === undefined ? [] : [[key, found] as const];
    });
    return Object.fromEntries(fields);
  }
  if (Array.isArray(value)) return value.flatMap((item) => resolved(item, root, env, path) ?? []);
  return value;
}

function lookUp(reference: Reference, root: ParsedObject, env: Environment, path: readonly string[]): HoconValue | undefined {
  const found: HoconValue[] = [];
  for (const part of reference.parts) {
    if (typeof part === 'string') {
      found.push(part);
      continue;
    }
    if (path.includes(part.path)) throw new HoconError(reference.line, `\${${part.path}} leads to itself`);
    let here: Parsed | undefined = root;
    for (const key of part.path.split('.')) here = here instanceof Map ? here.get(key) : undefined;
    const value = here === undefined ? env[part.path] : resolved(here, root, env, [...path, part.path]);
    if (value === undefined && !part.isOptional) {
      throw new HoconError(reference.line, `\${${part.path}} is neither a key of the file nor a variable that is set`);
    }
    if (value !== undefined) found.push(value);
  }
  if (found.length === 0) return undefined;
  if (found.length === 1) return found[0];
  return found.map((item) => (typeof item === 'object' && item !== null ? JSON.stringify(item) : String(item))).join('');
}
