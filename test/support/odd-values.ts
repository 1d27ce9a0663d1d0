// Values of JSON that are not of the kind anybody waits for, and answers with one of them in the place of an honest
// one.

type Random = () => number;

/** A value that is neither of the same kind as another one, nor a way to say that there is none. */
export function oddValue(random: Random, honest: unknown): unknown {
  const kinds = ODD.filter(({ kind }) => kind !== kindOf(honest) && !(kind === 'number' && typeof honest === 'string'));
  return kinds[Math.floor(random() * kinds.length)]?.make(random);
}

const ODD: readonly { readonly kind: string; readonly make: (random: Random) => unknown }[] = [
  { kind: 'number', make: (random) => (random() - 0.5) * 10 ** Math.floor(random() * 300) },
  { kind: 'text', make: (random) => 'a-'.repeat(1 + Math.floor(random() * 40_000)) },
  { kind: 'truth', make: () => true },
  { kind: 'list', make: () => [null, { toString: null }, [[[]]], '', -1] },
  { kind: 'list', make: () => nested(90) },
  { kind: 'object', make: () => ({ toString: 1, valueOf: null, length: -1, id: { toString: null } }) },
  { kind: 'object', make: () => JSON.parse('{"__proto__":{"id":"x"},"constructor":null,"hasOwnProperty":7}') },
];

function kindOf(value: unknown): string {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'truth';
  if (typeof value === 'number') return 'number';
  return Array.isArray(value) ? 'list' : 'object';
}

function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)];
}

/** A text of JSON with one of its values replaced; fields with these names stay. */
export function bendJson(random: Random, text: string, kept: ReadonlySet<string> = new Set()): string {
  const root = { all: JSON.parse(text) as unknown };
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const walk = (holder: Record<string, unknown>): void => {
    for (const key of Object.keys(holder)) {
      if (places.length > 2000 || kept.has(key)) continue;
      const value = holder[key];
      if (value === null) continue;
      places.push({ holder, key });
      if (typeof value === 'object') walk(value as Record<string, unknown>);
    }
  };
  walk(root);
  const place = places[Math.floor(random() * places.length)];
  if (place !== undefined) place.holder[place.key] = oddValue(random, place.holder[place.key]);
  return JSON.stringify(root.all);
}
