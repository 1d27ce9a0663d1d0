import { kindOf } from '../model/index.ts';
import { fillTemplate, Pattern } from '../pattern/index.ts';
import type { RunMapping } from './mapping.ts';
import type { Rename } from './rename.ts';

/**
 * What a series of a run is called in its tracker run: as it was given out, else as the run's prefix and renames make
 * it.
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

/** The same if no other series has that name. */
export function wantedName(
  { joinPrefix = '', prefix, renames }: Pick<RunMapping, 'prefix' | 'joinPrefix' | 'renames'>,
  tag: string,
  plugin: string,
  run: string,
): string {
  return joinPrefix + prefix + renamed(renames, tag, plugin, run);
}

/** A tag as the last matching rule renames it; itself if none matches. */
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

/** Patterns of a configuration are few, and asked for with every series. */
function compiled(glob: string): Pattern {
  let pattern = patterns.get(glob);
  if (pattern === undefined) {
    pattern = new Pattern(glob);
    patterns.set(glob, pattern);
  }
  return pattern;
}

/** The names of the series of one tracker run: each belongs to one series, whichever came first. */
export class Names {
  readonly #owners = new Map<string, string>();

  /** The wanted name, with a number if another series has it already. `owner`: the series, as a text. */
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
