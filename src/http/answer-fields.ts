import { MirrorError } from '../errors.ts';

/** An object of an answer as received: nothing is known about its fields. */
export type Fields = Readonly<Record<string, unknown>>;

/** The names of an answer's source in a message. */
export interface AnswerSource {
  /** The action: `creating the run train/a`. */
  readonly what: string;
  readonly address: string;
  /** The sender of the answer, if `what` already contains the address. */
  readonly speaker?: string;
}

/** The longest id, in characters: ids go back to the server in paths and texts. */
const MOST_ID = 1000;
const MOST_NUMBER = 100;

/**
 * Reads an answer field by field. A field of the wrong type makes the answer unusable (MB4031, with the request and
 * the field). All code reads answers through this class, because a server may send anything. Missing and null are the
 * same.
 */
export class AnswerFields {
  readonly #fields: Fields;
  readonly #source: AnswerSource;
  readonly #path: string;

  /** Wraps an object. Throws MB4031 if the value is not an object. */
  constructor(value: unknown, source: AnswerSource, path = '') {
    this.#source = source;
    this.#path = path;
    if (!isFields(value)) throw oddAnswer(source, `${path === '' ? 'it' : path} is ${kindOf(value)}, expected an object`);
    this.#fields = value;
  }

  /** Returns the whole object as received. */
  get fields(): Fields {
    return this.#fields;
  }

  /** Returns the object as received, so that pages of a listing can be compared by content. */
  toJSON(): Fields {
    return this.#fields;
  }

  has(name: string): boolean {
    return this.#of(name) !== undefined;
  }

  /** Returns an object; an empty one if the field is missing. */
  object(name: string): AnswerFields {
    return new AnswerFields(this.#of(name) ?? {}, this.#source, this.#pathTo(name));
  }

  /** Returns a list of objects; an empty one if the field is missing. */
  list(name: string): readonly AnswerFields[] {
    return this.#all(name).map((entry, i) => new AnswerFields(entry, this.#source, `${this.#pathTo(name)}[${i}]`));
  }

  /** Returns a list of objects as received: for long lists. */
  records(name: string): readonly Fields[] {
    const all = this.#all(name);
    const strange = all.findIndex((entry) => !isFields(entry));
    if (strange >= 0) throw this.#odd(`${name}[${strange}]`, all[strange], 'an object');
    return all as readonly Fields[];
  }

  texts(name: string): readonly string[] {
    const all = this.#all(name);
    const strange = all.findIndex((entry) => typeof entry !== 'string');
    if (strange >= 0) throw this.#odd(`${name}[${strange}]`, all[strange], 'a text');
    return all as readonly string[];
  }

  /** Returns a text; `otherwise` if the field is missing. Without `otherwise`, the field is required. */
  text(name: string, otherwise?: string): string {
    const value = this.#of(name) ?? otherwise;
    if (typeof value !== 'string') throw this.#odd(name, value, 'a text');
    return value;
  }

  /** Returns an id that may go into requests: a text that is not empty, or a whole number. The field is required. */
  id(name: string): string {
    const value = this.#of(name);
    if (Number.isSafeInteger(value)) return String(value);
    if (typeof value !== 'string' || value === '' || value.length > MOST_ID || /\p{Cc}/u.test(value)) throw this.#odd(name, value, 'an id');
    return value;
  }

  /** Returns a number, also from a text with one; `otherwise` if the field is missing. */
  number(name: string, otherwise: number): number {
    const value = this.#of(name);
    if (value === undefined) return otherwise;
    const isText = typeof value === 'string' && value.trim() !== '' && value.length < MOST_NUMBER;
    const number = isText ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number)) throw this.#odd(name, value, 'a number');
    return number;
  }

  is(name: string): boolean {
    return this.#of(name) === true;
  }

  /** Returns the error for a field that is not what it must be. */
  odd(name: string, expected: string): MirrorError {
    return this.#odd(name, this.#of(name), expected);
  }

  #all(name: string): readonly unknown[] {
    const value = this.#of(name) ?? [];
    if (!Array.isArray(value)) throw this.#odd(name, value, 'a list');
    return value;
  }

  #of(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }

  #pathTo(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #odd(name: string, found: unknown, expected: string): MirrorError {
    return oddAnswer(this.#source, `${this.#pathTo(name)} is ${kindOf(found)}, expected ${expected}`);
  }
}

/** Returns the error for an answer that the API cannot have sent. The next answer may be valid. */
export function oddAnswer({ what, address, speaker = address }: AnswerSource, found: string): MirrorError {
  return new MirrorError('MB4031', `${what}: ${speaker} returned an unusable answer: ${found}`, {
    retry: 'later',
    hint: 'Check the server, any proxy or login page in front of it, and their logs.',
    context: { address },
  });
}

/** True if an error means that an answer does not have the shape that the API promises. */
export function isOddAnswer(error: unknown): boolean {
  return error instanceof MirrorError && error.code === 'MB4031';
}

/** True if a JSON value is an object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the kind of a value in words: its content may be anything. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return value === '' ? 'an empty text' : `a text of ${value.length} characters`;
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Reads a whole number as servers write it: digits, in a text if it is wide. Undefined if it is none. */
export function wholeNumber(value: unknown): number | bigint | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !/^-?\d{1,30}$/.test(value)) return undefined;
  const wide = BigInt(value);
  const narrow = Number(wide);
  return Number.isSafeInteger(narrow) ? narrow : wide;
}
