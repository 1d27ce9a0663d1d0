import picomatch from 'picomatch';
import { Expression } from './expression.ts';

/**
 * The form of a capture: `{n}` names a part of a text without `/`, `{rest**}` any parts; `{a,b}` is one of several
 * words, as in every glob.
 */
const CAPTURE = /\{([A-Za-z_][A-Za-z0-9_]*)(\*\*)?\}/g;
/**
 * The placeholder of a capture while the glob becomes an expression: letters that mean nothing to globs and are in no
 * name.
 */
const MARK = 'zQ9capture';
/** The placeholder that a template fills in. */
const PLACE = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** A glob with captures: `checkpoint_epoch_{n}.pth` matches `checkpoint_epoch_12.pth`, with `n` being `12`. */
export class Pattern {
  readonly glob: string;
  /** The names of the captures, each once, in their order. */
  readonly names: readonly string[];
  readonly #expression: Expression;

  constructor(glob: string) {
    this.glob = glob;
    const captures = [...glob.matchAll(CAPTURE)].map(([, name = '', deep]) => ({ name, isDeep: deep !== undefined }));
    this.names = [...new Set(captures.map(({ name }) => name))];
    let at = 0;
    const marked = glob.replace(CAPTURE, () => `${MARK}${at++}x`);
    // Without the flag `u`: with it, an expression rejects some characters that picomatch escapes, such as `-`.
    this.#expression = new Expression(
      captures.reduce(
        (text, { name, isDeep }, i) => text.replaceAll(`${MARK}${i}x`, this.#group(captures, name, isDeep, i)),
        picomatch.makeRe(marked, { dot: true }).source,
      ),
    );
  }

  /**
   * Returns the named parts; undefined if the text does not match. A text that equals the glob always matches,
   * whatever it contains.
   */
  match(text: string): Readonly<Record<string, string>> | undefined {
    const found = this.#expression.match(text);
    if (found === undefined) return text === this.glob && this.names.length === 0 ? {} : undefined;
    return Object.fromEntries(this.names.map((name, i) => [name, found[`c${i}`] ?? '']));
  }

  /** Makes the group of a capture. A name that appears again means the same text. */
  #group(captures: readonly { readonly name: string }[], name: string, isDeep: boolean, at: number): string {
    const number = this.names.indexOf(name);
    if (captures.findIndex((capture) => capture.name === name) !== at) return `\\k<c${number}>`;
    return `(?<c${number}>${isDeep ? '[^]+?' : '[^/]+?'})`;
  }
}

/** Replaces `{name}` by its value; a name without a value stays as it is. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(PLACE, (whole, name: string) => (Object.hasOwn(values, name) ? (values[name] as string) : whole));
}

/** Returns the problem with a template that is filled from a pattern; undefined if it is valid. */
export function patternProblem(template: string, known: readonly string[]): string | undefined {
  const written = JSON.stringify(template);
  const unknown = [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const names = known.map((name) => `{${name}}`).join(', ');
    return `{${unknown}} in ${written}, and ${known.length === 0 ? 'nothing has that name' : `there is ${names}`}`;
  }
  const single = /[{}]/.exec(template.replace(PLACE, '').replaceAll('{}', ''))?.[0];
  return single === undefined ? undefined : `a single ${single} in ${written}`;
}
