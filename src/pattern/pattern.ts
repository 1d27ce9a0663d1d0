import picomatch from 'picomatch';

/** `{n}` names a part of a text, without `/`; `{a,b}` is one of several words, as in every glob. */
const CAPTURE = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
/** Stands for a capture while the glob is made into an expression: letters that mean nothing to globs and are in no name. */
const MARK = 'zQ9capture';

/** A glob with captures: `checkpoint_epoch_{n}.pth` matches `checkpoint_epoch_12.pth`, with `n` being `12`. */
export class Pattern {
  readonly glob: string;
  readonly names: readonly string[];
  readonly #expression: RegExp;

  constructor(glob: string) {
    this.glob = glob;
    this.names = [...glob.matchAll(CAPTURE)].map(([, name = '']) => name);
    let at = 0;
    const marked = glob.replace(CAPTURE, () => `${MARK}${at++}x`);
    const source = picomatch.makeRe(marked, { dot: true }).source;
    this.#expression = new RegExp(
      this.names.reduce((text, _, i) => text.replaceAll(`${MARK}${i}x`, `(?<c${i}>[^/]+?)`), source),
      'u',
    );
  }

  /** What the named parts are; undefined where the text does not match. */
  match(text: string): Readonly<Record<string, string>> | undefined {
    const found = this.#expression.exec(text);
    if (found === null) return undefined;
    return Object.fromEntries(this.names.map((name, i) => [name, found.groups?.[`c${i}`] ?? '']));
  }
}

/** Puts values in the places of `{name}`; one that has no value stays as it is. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(CAPTURE, (whole, name: string) => (Object.hasOwn(values, name) ? (values[name] as string) : whole));
}

/** What is wrong with a template that is filled from a pattern; undefined where nothing is. */
export function patternProblem(template: string, known: readonly string[]): string | undefined {
  const unknown = [...template.matchAll(CAPTURE)].map(([, name = '']) => name).find((name) => !known.includes(name));
  if (unknown === undefined) return undefined;
  const names = known.map((name) => `{${name}}`).join(', ');
  return `{${unknown}} in ${JSON.stringify(template)}, and ${known.length === 0 ? 'nothing has that name' : `there is ${names}`}`;
}
