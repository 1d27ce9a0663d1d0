/** The charts of a page: tags chosen by an expression, in groups by what stands before their `/`. Pure. */

import { visibleText } from './visible-text.ts';

/** A section of charts. */
export interface TagGroup {
  /** What stands before the first `/`; empty for tags without one. */
  readonly prefix: string;
  readonly tags: readonly string[];
}

/** A pattern that a user types, or why it is none. */
export type TagPattern = { readonly test: (tag: string) => boolean } | { readonly problem: string };

/** Reads a pattern: a regular expression, without regard to case. An empty one meets every tag. */
export function tagPattern(text: string): TagPattern {
  if (text === '') return { test: () => true };
  try {
    const expression = new RegExp(text, 'iu');
    return { test: (tag) => expression.test(tag) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Returns a tag as a title: one that nobody would see is named. */
export function tagTitle(tag: string): string {
  if (tag === '') return '(empty tag)';
  return tag.trim() === '' ? `(${tag.length} blank ${tag.length === 1 ? 'sign' : 'signs'})` : visibleText(tag);
}

/** Returns tags in groups, both in natural order: `layer2` comes before `layer10`. */
export function groupTags(tags: Iterable<string>): readonly TagGroup[] {
  const groups = new Map<string, string[]>();
  for (const tag of tags) {
    const slash = tag.indexOf('/');
    const prefix = slash < 0 ? '' : tag.slice(0, slash);
    const group = groups.get(prefix);
    if (group === undefined) groups.set(prefix, [tag]);
    else group.push(tag);
  }
  const collator = new Intl.Collator('en', { numeric: true });
  return [...groups]
    .map(([prefix, own]) => ({ prefix, tags: own.sort(collator.compare) }))
    .sort((a, b) => collator.compare(a.prefix, b.prefix));
}
