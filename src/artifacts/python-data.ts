/**
 * Reads data that is written as Python, as in MMEngine's configurations: assignments of plain values, and nothing
 * that must be run. An error names the line of anything else.
 */

/** A value: dictionaries are maps, whole numbers stay whole. */
type PythonValue = string | number | bigint | boolean | null | PythonValue[] | Map<string, PythonValue>;

const SPACE = /(?:[ \t\r\n\f]|\\\r?\n|#[^\n]*)*/y;
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const NUMBER = /(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)/y;
const QUOTE = /([rRuU]?)('''|"""|'|")/y;
const WORDS: ReadonlyMap<string, PythonValue> = new Map([
  ['True', true],
  ['False', false],
  ['None', null],
]);
/** The calls that only collect their arguments. */
const GATHERING: ReadonlySet<string> = new Set(['dict', 'list', 'tuple', 'set', 'frozenset', 'OrderedDict', 'ConfigDict']);
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\n': '' };
const MOST_LEVELS = 100;

/** Parses such a text. Throws, with the line, if it contains anything else. */
export function parsePython(text: string): Map<string, PythonValue> {
  return new Reader(text).assignments();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  assignments(): Map<string, PythonValue> {
    const found = new Map<string, PythonValue>();
    for (this.#skip(); this.#at < this.#text.length; this.#skip()) {
      const name = this.#take(NAME);
      this.#skip();
      if (name === undefined || this.#text.startsWith('==', this.#at) || !this.#takes('=')) throw this.#wrong();
      found.set(name, this.#value(0));
      this.#takes(';');
    }
    return found;
  }

  #value(level: number): PythonValue {
    if (level > MOST_LEVELS) throw new RangeError(`it is nested too deeply: the limit is ${MOST_LEVELS} levels`);
    this.#skip();
    if (this.#takes('[')) return this.#items(']', level).items;
    if (this.#takes('(')) return this.#parenthesis(level);
    if (this.#takes('{')) return this.#braces(level);
    const text = this.#texts();
    if (text !== undefined) return text;
    const sign = this.#takes('-') ? -1 : this.#takes('+') ? 1 : undefined;
    const number = this.#take(NUMBER);
    if (number !== undefined) return numberOf(number.replaceAll('_', ''), sign ?? 1);
    const name = sign === undefined ? this.#take(NAME) : undefined;
    const word = name === undefined ? undefined : WORDS.get(name);
    if (word !== undefined) return word;
    this.#skip();
    if (name !== undefined && this.#takes('(')) return this.#call(name, level);
    throw this.#wrong();
  }

  #call(name: string, level: number): PythonValue {
    if (name === 'float') return this.#float();
    if (!GATHERING.has(name)) throw this.#wrong();
    if (name === 'dict' || name === 'ConfigDict' || name === 'OrderedDict') {
      const found = new Map<string, PythonValue>();
      for (this.#skip(); !this.#takes(')'); this.#separate(')')) {
        const key = this.#take(NAME);
        this.#skip();
        if (key === undefined || !this.#takes('=')) throw this.#wrong();
        found.set(key, this.#value(level + 1));
      }
      return found;
    }
    this.#skip();
    if (this.#takes(')')) return [];
    const value = this.#value(level + 1);
    this.#skip();
    if (!Array.isArray(value) || !this.#takes(')')) throw this.#wrong();
    return value;
  }

  /** Reads `float('inf')`. */
  #float(): PythonValue {
    const word = this.#value(0);
    const found = /^([+-]?)(inf|nan)(?:inity)?$/i.exec(typeof word === 'string' ? word.trim() : '');
    this.#skip();
    if (found === null || !this.#takes(')')) throw this.#wrong();
    if (found[2]?.toLowerCase() === 'nan') return Number.NaN;
    return found[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  /** Reads a parenthesis. One value in it is that value, unless a comma makes it a tuple of one. */
  #parenthesis(level: number): PythonValue {
    const { items, endsWithComma } = this.#items(')', level);
    const [only] = items;
    return items.length === 1 && !endsWithComma && only !== undefined ? only : items;
  }

  #items(end: string, level: number): { readonly items: PythonValue[]; readonly endsWithComma: boolean } {
    const items: PythonValue[] = [];
    let endsWithComma = false;
    for (this.#skip(); !this.#takes(end); endsWithComma = this.#separate(end)) items.push(this.#value(level + 1));
    return { items, endsWithComma };
  }

  /** Reads a dictionary, or a set. */
  #braces(level: number): PythonValue {
    const found = new Map<string, PythonValue>();
    const items: PythonValue[] = [];
    for (this.#skip(); !this.#takes('}'); this.#separate('}')) {
      const key = this.#value(level + 1);
      this.#skip();
      if (this.#takes(':')) found.set(Array.isArray(key) ? `(${key.join(', ')})` : String(key), this.#value(level + 1));
      else items.push(key);
      if (found.size > 0 && items.length > 0) throw this.#wrong();
    }
    return items.length > 0 ? items : found;
  }

  /** Reads adjacent texts as one. */
  #texts(): string | undefined {
    let text: string | undefined;
    for (;;) {
      QUOTE.lastIndex = this.#at;
      const [all, prefix, quote] = QUOTE.exec(this.#text) ?? [];
      if (all === undefined || quote === undefined) return text;
      this.#at += all.length;
      text = (text ?? '') + this.#quoted(quote, prefix?.toLowerCase() === 'r');
      this.#skip();
    }
  }

  #quoted(quote: string, isRaw: boolean): string {
    const parts: string[] = [];
    for (let start = this.#at; ; ) {
      const sign = this.#text[this.#at];
      if (sign === undefined || (sign === '\n' && quote.length === 1)) throw this.#wrong();
      if (this.#text.startsWith(quote, this.#at)) {
        parts.push(this.#text.slice(start, this.#at));
        this.#at += quote.length;
        return parts.join('');
      }
      if (sign !== '\\') {
        this.#at++;
        continue;
      }
      if (!isRaw) {
        const [all, written] = this.#escaped();
        parts.push(this.#text.slice(start, this.#at), written);
        this.#at += all;
        start = this.#at;
      } else this.#at += 2;
    }
  }

  /** Returns the length and the meaning of an escape. */
  #escaped(): readonly [length: number, text: string] {
    const code = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/y;
    code.lastIndex = this.#at;
    const [all, ...digits] = code.exec(this.#text) ?? [];
    const point = Number.parseInt(digits.find((each) => each !== undefined) ?? '', 16);
    if (all !== undefined && point <= 0x10ffff) return [all.length, String.fromCodePoint(point)];
    const sign = this.#text[this.#at + 1] ?? '';
    return [2, ESCAPES[sign] ?? ('\'"\\'.includes(sign) ? sign : `\\${sign}`)];
  }

  /** True if there is a comma. */
  #separate(end: string): boolean {
    this.#skip();
    const isComma = this.#takes(',');
    if (!isComma && this.#text[this.#at] !== end) throw this.#wrong();
    this.#skip();
    return isComma;
  }

  #skip(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #takes(sign: string): boolean {
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #wrong(): SyntaxError {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    return new SyntaxError(`it is not Python that only assigns plain values: line ${line}`);
  }
}

function numberOf(digits: string, sign: 1 | -1): number | bigint {
  const isWhole = /^(?:\d+|0[xXoObB].*)$/.test(digits);
  return isWhole ? BigInt(digits) * BigInt(sign) : Number(digits) * sign;
}
