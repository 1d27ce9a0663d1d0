// A user of an entry of the package can name every type in its exports.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const compiled = fileURLToPath(new URL('../../src', import.meta.url));

/** A thing by the file that declares it and its name there. */
type Place = readonly [file: string, name: string];

interface Module {
  readonly imports: ReadonlyMap<string, Place>;
  readonly reexports: ReadonlyMap<string, Place>;
  readonly stars: readonly string[];
  readonly declared: ReadonlyMap<string, string>;
  /** The declarations that are not exported: users cannot name them. */
  readonly hidden: ReadonlySet<string>;
}

const modules = new Map<string, Module>();

function moduleOf(file: string): Module {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(file, 'utf8').replace(/\/\*\*[\s\S]*?\*\//g, '');
  const target = (specifier: string): string => join(dirname(file), specifier).replace(/\.[jt]s$/, '.d.ts');
  const named = (expression: RegExp): Map<string, Place> => {
    const found = new Map<string, Place>();
    for (const [, names = '', specifier = ''] of text.matchAll(expression)) {
      for (const name of names.split(',').map((one) => one.trim().replace(/^type /, ''))) {
        const [there = '', here = there] = name.split(' as ');
        if (name !== '' && specifier.startsWith('.')) found.set(here, [target(specifier), there]);
      }
    }
    return found;
  };
  const declared = new Map<string, string>();
  const hidden = new Set<string>();
  for (const part of text.split(/^(?=(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|function|const) )/m)) {
    const [, door, name] = /^(export )?(?:declare )?(?:abstract )?(?:interface|type|class|function|const) (\w+)/.exec(part) ?? [];
    if (name === undefined) continue;
    declared.set(name, part);
    if (door === undefined) hidden.add(name);
  }
  const made: Module = {
    imports: named(/^import (?:type )?\{([^}]*)\} from ['"]([^'"]+)['"]/gm),
    reexports: named(/^export (?:type )?\{([^}]*)\} from ['"]([^'"]+)['"]/gm),
    stars: [...text.matchAll(/^export (?:type )?\* from ['"](\.[^'"]+)['"]/gm)].map(([, specifier = '']) => target(specifier)),
    declared,
    hidden,
  };
  modules.set(file, made);
  return made;
}

/** Where a name of a module is declared; undefined for what comes from elsewhere. */
function find(file: string, name: string): Place | undefined {
  if (!existsSync(file)) return undefined;
  const { declared, reexports, stars } = moduleOf(file);
  if (declared.has(name)) return [file, name];
  const there = reexports.get(name);
  if (there !== undefined) return find(...there);
  for (const star of stars) {
    const found = find(star, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** All that an entry exports, by name. */
function exportsOf(file: string): Map<string, Place> {
  const { declared, hidden, reexports, stars } = moduleOf(file);
  const all = new Map<string, Place>([...declared.keys()].filter((name) => !hidden.has(name)).map((name) => [name, [file, name]]));
  for (const [name, [there, its]] of reexports) all.set(name, find(there, its) ?? [there, its]);
  for (const star of stars) for (const [name, place] of exportsOf(star)) all.set(name, place);
  return all;
}

function unnamed(entry: string, others: readonly string[] = []): string[] {
  const own = exportsOf(join(compiled, `${entry}.d.ts`));
  const named = new Set(
    [own, ...others.map((other) => exportsOf(join(compiled, `${other}.d.ts`)))].flatMap((all) => [...all.values()].join('\n').split('\n')),
  );
  return [...own].flatMap(([name, [file, its]]) => {
    const { declared, imports } = moduleOf(file);
    const used = new Set((declared.get(its) ?? '').match(/\b[A-Z]\w*[a-z]\w*\b/g) ?? []);
    return [...used].flatMap((type) => {
      const place = declared.has(type) ? ([file, type] as const) : imports.has(type) ? find(...imports.get(type)!) : undefined;
      return place === undefined || named.has(place.join(',')) ? [] : [`${place[1]} of ${relative(compiled, place[0])}, for ${name}`];
    });
  });
}

it.each([
  ['mirrorboard', 'index', []],
  ['mirrorboard/backend', 'backend', []],
  ['mirrorboard/testing', 'testing/index', ['backend']],
] as const)('%s exports the types of its signatures', (_, entry, others) => {
  expect([...new Set(unnamed(entry, others))]).toEqual([]);
});
