import { type LayerAt, sectionsIn } from './choose.ts';
import { misspelledPlaceholder } from './expand-template.ts';
import type { FieldPath } from './problem.ts';
import type { Tags } from './tags.ts';

/**
 * Returns placeholders that look misspelled in the tags of some layers, a sentence each. A tag may contain any
 * braces, so none of them is an error.
 */
export function tagNotices(layers: readonly LayerAt[], locationOf: (path: FieldPath) => string): string[] {
  return layers.flatMap(tagsIn).flatMap(({ path, tags }) =>
    Object.entries(tags).flatMap(([tag, value]) => {
      const notice = tagNotice(tag, value, () => locationOf([...path, tag]));
      return notice === undefined ? [] : [notice];
    }),
  );
}

/** Returns the same notice for one tag, wherever it is set. */
export function tagNotice(tag: string, value: string, location: () => string): string | undefined {
  const misspelled = misspelledPlaceholder(value);
  if (misspelled === undefined) return undefined;
  return `${location()}: the tag ${tag} contains ${misspelled.found}, which is not replaced; did you mean ${misspelled.meant}?`;
}

/** Returns every location of a layer that has tags. */
function tagsIn(at: LayerAt): { readonly path: FieldPath; readonly tags: Tags }[] {
  const { path, layer } = at;
  return [
    { path: [...path, 'config', 'shared_tags'], tags: layer.config?.shared_tags },
    { path: [...path, 'config', 'tags'], tags: layer.config?.tags },
    { path: [...path, 'shared_tags'], tags: layer.shared_tags },
    { path: [...path, 'tags'], tags: layer.tags },
    ...sectionsIn(at).map(({ path: section, section: { tags } }) => ({ path: [...section, 'tags'], tags: tags as Tags | undefined })),
  ].flatMap(({ path: location, tags }) => (tags === undefined ? [] : [{ path: location, tags }]));
}
