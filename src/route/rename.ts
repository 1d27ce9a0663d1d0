import type { RouteRule } from './rule.ts';

/** A rule that renames tags. */
export type Rename = Pick<RouteRule, 'tags' | 'kinds' | 'rename'> & { readonly rename: string };
