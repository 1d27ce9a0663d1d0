/** Parses the expressions that globs become. Pure. */

/** A regular expression as a tree. */
export type Node =
  | { readonly kind: 'char'; readonly test: (code: number) => boolean }
  | { readonly kind: 'all'; readonly parts: readonly Node[] }
  | { readonly kind: 'any'; readonly options: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly least: number; readonly most: number; readonly isLazy: boolean }
  | { readonly kind: 'capture'; readonly part: Node; readonly index: number }
  | { readonly kind: 'look'; readonly part: Node; readonly isNegative: boolean }
  | { readonly kind: 'start' | 'end' };

/** A parsed expression. */
export interface ParsedGlob {
  readonly root: Node;
  /** The names of captures by their index; those without one are empty. */
  readonly names: readonly string[];
}

/** The most copies that a repetition with a number may expand to. */
const MOST_COPIES = 1000;

/**
 * Parses an expression of JavaScript without flags; undefined if it contains something that cannot be matched without
 * looking back (`\k`, `\1`, `(?<=…)`).
 */
export function parseExpression(source: string): ParsedGlob | undefined {
  try {
    return new Parser(source).whole();
  } catch (error) {
    if (error instanceof Unknown) return undefined;
    throw error;
  }
}

class Unknown extends Error {}

class Parser {
  readonly #source: string;
  readonly #names: string[] = [];
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  whole(): ParsedGlob {
    const root = this.#options();
    if (this.#at < this.#source.length) throw new Unknown();
    return { root, names: this.#names };
  }

  #options(): Node {
    const options = [this.#sequence()];
    while (this.#took('|')) options.push(this.#sequence());
    return options.length === 1 ? (options[0] as Node) : { kind: 'any', options };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#source.length && !this.#is('|') && !this.#is(')')) parts.push(this.#repeated());
    return { kind: 'all', parts };
  }

  #repeated(): Node {
    const part = this.#atom();
    const bounds = this.#bounds();
    if (bounds === undefined) return part;
    const [least, most] = bounds;
    const isLazy = this.#took('?');
    if (part.kind === 'look' || this.#bounds() !== undefined) throw new Unknown();
    if (Math.max(least, most === Infinity ? 0 : most) > MOST_COPIES) throw new Unknown();
    return { kind: 'repeat', part, least, most, isLazy };
  }

  #bounds(): readonly [least: number, most: number] | undefined {
    if (this.#took('*')) return [0, Infinity];
    if (this.#took('+')) return [1, Infinity];
    if (this.#took('?')) return [0, 1];
    const found = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(this.#source.slice(this.#at, this.#at + 20));
    if (found === null) return undefined;
    this.#at += found[0].length;
    const least = Number(found[1]);
    return [least, found[2] === undefined ? least : found[3] === '' ? Infinity : Number(found[3])];
  }

  #atom(): Node {
    if (this.#took('(')) return this.#group();
    if (this.#took('[')) return this.#class();
    if (this.#took('^')) return { kind: 'start' };
    if (this.#took('$')) return { kind: 'end' };
    if (this.#took('.')) return { kind: 'char', test: (code) => code !== 10 && code !== 13 && code !== 0x2028 && code !== 0x2029 };
    if (this.#took('\\')) return this.#escape();
    const sign = this.#source[this.#at] ?? '';
    if ('*+?'.includes(sign)) throw new Unknown();
    return literal(this.#source.charCodeAt(this.#at++));
  }

  #group(): Node {
    let make: (part: Node) => Node = (part) => part;
    if (this.#took('?:')) make = (part) => part;
    else if (this.#took('?=')) make = (part) => ({ kind: 'look', part, isNegative: false });
    else if (this.#took('?!')) make = (part) => ({ kind: 'look', part, isNegative: true });
    else {
      const name = /^\?<([A-Za-z_]\w{0,50})>/.exec(this.#source.slice(this.#at, this.#at + 60));
      if (name === null && this.#is('?')) throw new Unknown();
      this.#at += name?.[0].length ?? 0;
      const index = this.#names.push(name?.[1] ?? '') - 1;
      make = (part) => ({ kind: 'capture', part, index });
    }
    const part = this.#options();
    if (!this.#took(')')) throw new Unknown();
    return make(part);
  }

  /** Reads a set of characters. JavaScript itself decides which characters it contains, one at a time. */
  #class(): Node {
    const start = this.#at - 1;
    while (this.#at < this.#source.length && !this.#is(']')) this.#at += this.#is('\\') ? 2 : 1;
    if (!this.#took(']')) throw new Unknown();
    return asked(this.#source.slice(start, this.#at));
  }

  #escape(): Node {
    const sign = this.#source[this.#at++];
    if (sign === undefined || /[1-9kbBpPcux]/.test(sign)) throw new Unknown();
    if (/[A-Za-z0-9]/.test(sign)) return asked(`\\${sign}`);
    return literal(sign.charCodeAt(0));
  }

  #is(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #took(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#at += text.length;
    return true;
  }
}

function literal(wanted: number): Node {
  return { kind: 'char', test: (code) => code === wanted };
}

function asked(source: string): Node {
  const expression = new RegExp(`^${source}$`, 's');
  const known = new Map<number, boolean>();
  const test = (code: number): boolean => {
    let found = known.get(code);
    if (found === undefined) {
      found = expression.test(String.fromCharCode(code));
      known.set(code, found);
    }
    return found;
  };
  return { kind: 'char', test };
}
