import { kindOf } from '../model/index.ts';
import { fillTemplate, Pattern } from '../pattern/index.ts';
import type { RunMapping } from './mapping.ts';
import type { Rename } from './rename.ts';

/**
 * Returns the name of a run's series in its tracker run: the one that was assigned, else the one that prefix and
 * renames give.
 */
export function nameThere(
  mapping: Pick<RunMapping, 'names' | 'prefix' | 'joinPrefix' | 'renames'>,
  tag: string,
  plugin: string,
  run: string,
): string {
  const { names } = mapping;
  return Object.hasOwn(names, tag) ? (names[tag] as string) : wantedName(mapping, tag, plugin, run);
}

/** Returns the name if no other series has it. */
export function wantedName(
  { joinPrefix = '', prefix, renames }: Pick<RunMapping, 'prefix' | 'joinPrefix' | 'renames'>,
  tag: string,
  plugin: string,
  run: string,
): string {
  return joinPrefix + prefix + renamed(renames, tag, plugin, run);
}

/** Renames a tag by the last matching rule; returns it unchanged if none matches. */
export function renamed(rules: readonly Rename[], tag: string, plugin: string, run: string): string {
  let name = tag;
  for (const { tags, kinds, rename } of rules) {
    if (kinds !== undefined && !kinds.includes(kindOf(plugin))) continue;
    const captures = tags === undefined ? {} : tags.map((glob) => compiled(glob).match(tag)).find((found) => found !== undefined);
    if (captures === undefined) continue;
    const text = fillTemplate(rename, { ...captures, tag, run });
    if (text !== '') name = text;
  }
  return name;
}

const patterns = new Map<string, Pattern>();

/** Returns a pattern from a cache: a configuration has few patterns, and every series asks for them. */
function compiled(glob: string): Pattern {
  let pattern = patterns.get(glob);
  if (pattern === undefined) {
    pattern = new Pattern(glob);
    patterns.set(glob, pattern);
  }
  return pattern;
}

/** The names of the series of one tracker run: each belongs to one series, the first that asked for it. */
export class Names {
  readonly #owners = new Map<string, string>();

  /** Returns the wanted name, with a number if another series has it already. `owner`: the series, as a text. */
  take(wanted: string, owner: string): string {
    for (let i = 1; ; i++) {
      const name = i === 1 ? wanted : `${wanted}_${i}`;
      const known = this.#owners.get(name);
      if (known !== undefined && known !== owner) continue;
      this.#owners.set(name, owner);
      return name;
    }
  }
}
