import { z } from 'zod';

/** The tags of tracker runs. A tag without a value, such as one of a list, has an empty value. */
export type Tags = Readonly<Record<string, string>>;

const EXPECTED = 'a mapping of tags, or a list of them';

/** The tags in a file: a mapping, or a list of names. */
export const tagsField = z.preprocess(
  (value) => {
    if (value === undefined || value === null) return {};
    return Array.isArray(value) && value.every(isSingle) ? Object.fromEntries(value.map((name) => [String(name), ''])) : value;
  },
  z.record(
    z.string().min(1, { error: 'a tag, not empty' }),
    z.preprocess(
      (value) => (isSingle(value) ? String(value) : value === undefined || value === null ? '' : value),
      z.string({ error: 'a text' }),
    ),
    { error: EXPECTED },
  ),
);

function isSingle(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
