import type { RouteRule } from './rule.ts';

/** What a rule makes of tags. */
export type Rename = Pick<RouteRule, 'tags' | 'kinds' | 'rename'> & { readonly rename: string };
