/** Texts over which a backtracking expression takes longest, made from the expression's own letters. */

/** What every expression is tried with, whatever it is made of. */
const COMMON = ['a', 'a-', 'a.', '?a', '<', ' ', '\n', '/', '"', '\\', '1', '{'];
/** Most letters that are combined in pairs. */
const MOST_LETTERS = 14;

const CLASSES: Readonly<Record<string, string>> = {
  d: '1',
  w: 'a',
  s: ' \n',
  D: 'a',
  W: '-',
  S: 'a',
  b: '',
  B: '',
  p: 'a',
  P: 'a',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Beginnings, and what repeats after them. */
export interface Pump {
  readonly prefix: string;
  readonly unit: string;
}

export function pumpsOf(source: string): readonly Pump[] {
  const { words, letters } = partsOf(source);
  const singles = new Set([...COMMON, ...letters, ...words]);
  const some = letters.slice(0, MOST_LETTERS);
  const pairs = some.flatMap((a) => some.map((b) => a + b));
  const begun = words.map((_, i) => words.slice(0, i + 1).join(''));
  const prefixes = ['', ...new Set([...words, ...begun])];
  return [
    ...prefixes.flatMap((prefix) => [...singles].map((unit) => ({ prefix, unit }))),
    ...pairs.filter((unit) => !singles.has(unit)).map((unit) => ({ prefix: '', unit })),
  ];
}

/** The text of a pump of a length; it ends in what few expressions end with. */
export function pumped({ prefix, unit }: Pump, length: number): string {
  return `${prefix}${unit.repeat(Math.ceil(length / unit.length))}\u0001`;
}

/** Literal words of an expression, and letters of all that it may match. */
function partsOf(source: string): { readonly words: readonly string[]; readonly letters: readonly string[] } {
  const words: string[] = [];
  const letters = new Set<string>();
  let word = '';
  const end = (): void => {
    if (word !== '') words.push(word);
    word = '';
  };
  for (let at = 0; at < source.length; at++) {
    const sign = source[at] as string;
    if (sign === '\\') {
      const next = source[++at] ?? '';
      const meant = CLASSES[next];
      if (meant === undefined) word += next;
      else end();
      for (const letter of meant ?? next) letters.add(letter);
    } else if (sign === '[') {
      end();
      for (at++; at < source.length && source[at] !== ']'; at++) {
        const isEscaped = source[at] === '\\';
        if (isEscaped) at++;
        const letter = source[at] as string;
        for (const one of isEscaped ? (CLASSES[letter] ?? letter) : letter) letters.add(one);
      }
    } else if ('()|?*+.^{}$'.includes(sign)) end();
    else {
      word += sign;
      letters.add(sign);
    }
  }
  end();
  return { words: [...new Set(words)], letters: [...letters] };
}
